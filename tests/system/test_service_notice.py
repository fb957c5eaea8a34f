"""What the programs tell the service manager that started them: that they serve, once they do."""
import json
import os
import socket
import subprocess

import pytest
from harness.elves_agent import BIN
from harness.scheduler import Scheduler, environment
from harness.util import accepts, end_process, free_port


@pytest.fixture(params=["a file", "an abstract address"])
def manager(request, tmp_path):
    """A socket that hears what is told, and its name for NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        name = str(tmp_path / "notify") if request.param == "a file" else f"@elves-{os.getpid()}-{free_port()}"
        heard.bind(name.replace("@", "\0", 1))
        heard.settimeout(30)
        yield heard, name


def test_the_scheduler_says_that_it_serves(manager, tmp_path):
    heard, name = manager
    scheduler = Scheduler(tmp_path, arguments=("--standalone",), variables={"NOTIFY_SOCKET": name})
    scheduler.start()
    assert heard.recv(100) == b"READY=1"
    assert accepts("127.0.0.1", scheduler.port)
    scheduler.stop()


def test_the_agent_says_that_it_serves(manager, tmp_path):
    heard, name = manager
    (tmp_path / "apps").mkdir()
    port = free_port()
    (tmp_path / "cfg.json").write_text(json.dumps({"ip": "127.0.0.1", "port": port}))
    agent = subprocess.Popen([BIN / "elves-agent", "--config", tmp_path / "cfg.json"], env=environment(NOTIFY_SOCKET=name),
                             stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        assert heard.recv(100) == b"READY=1"
        assert accepts("127.0.0.1", port)
    finally:
        assert end_process(agent) == 0


@pytest.mark.parametrize("name", ["", "/nonexistent/socket", "@nobody", "/" + "x" * 200])
def test_nobody_has_to_listen(tmp_path, name):
    scheduler = Scheduler(tmp_path, arguments=("--standalone",), variables={"NOTIFY_SOCKET": name})
    scheduler.start()
    scheduler.stop()
