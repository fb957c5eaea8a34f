"""The log of both programs: it never holds them up, is bounded, and follows its file."""
import fcntl
import os
import re
import signal
import stat
import struct
import subprocess
import termios

from harness.elves_agent import BIN, until
from harness.jobs import send_sync
from harness.scheduler import Scheduler
from harness.util import wait_for

STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d (trace|debug|info|warning|error) ")


class WithPipe(Scheduler):
    """One whose standard error is a pipe that nobody reads."""

    def start(self, until="ready"):
        self.write_config()
        read, write = os.pipe()
        self.reader = read
        self._process = subprocess.Popen(self._arguments, env=self._environment, stdin=subprocess.DEVNULL,
                                         stdout=subprocess.DEVNULL, stderr=write)
        os.close(write)
        self.log_file.touch()
        wait_for(lambda: self.health() in ((200,) if until == "ready" else (200, 503)), 30, "elves-scheduler " + until)
        return self


def flood(scheduler):
    """Makes it log far more than a pipe takes."""
    for _ in range(150):
        for _ in range(10):
            scheduler.http("POST", "/api/v1/jobs", {"ip": "127.0.0.250", "app": "a", "func": "f", "type": "queue",
                                                    "timeout": 1})


def test_a_pipe_that_nobody_reads_holds_up_nothing(tmp_path, program):
    scheduler = WithPipe(tmp_path, {"log.level": "trace", "drain.timeout": 1}, arguments=["--standalone"]).start()
    try:
        flood(scheduler)
        assert scheduler.health() == 200
        wait_for(lambda: bytes_in(scheduler.reader) >= 45000, 20, "the pipe to be full")
        assert scheduler.health() == 200
        scheduler.signal(signal.SIGTERM)
        scheduler.wait_end(20)
        assert b" info " in os.read(scheduler.reader, 65536)
    finally:
        os.close(scheduler.reader)
        if scheduler.alive():
            scheduler.kill()


def bytes_in(fd):
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]


def test_an_agents_pipe_that_nobody_reads_holds_up_nothing(start_agent):
    agent = start_agent(log={"level": "debug"})
    agent.kill()
    read, write = os.pipe()
    agent.process = subprocess.Popen([BIN / "elves-agent", "--config", agent.root / "conf/cfg.json"],
                                     stdin=subprocess.DEVNULL, stderr=write)
    os.close(write)
    until(agent.is_listening, "elves-agent to listen")
    try:
        name = "x" * 3000
        with agent.client() as client:
            for _ in range(40):
                assert client.instructionInvokeSync(agent.instruct("hello", "a", exec_id=name)).flag == 1
        assert bytes_in(read) >= 45000
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(20) == 0
    finally:
        os.close(read)


def test_lines_are_for_owner_and_group_and_have_an_offset(tmp_path, program):
    path = tmp_path / "elves.log"
    scheduler = Scheduler(tmp_path, {"log.file": path}, arguments=["--standalone"]).start()
    scheduler.stop()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    lines = path.read_text().splitlines()
    assert len(lines) > 2 and all(STAMP.match(line) for line in lines), lines
    assert "+08:00" in lines[0]


def test_a_rename_is_followed(tmp_path, program):
    path = tmp_path / "elves.log"
    scheduler = Scheduler(tmp_path, {"log.file": path}, arguments=["--standalone"]).start()
    path.rename(tmp_path / "elves.log.1")
    scheduler.signal(signal.SIGHUP)
    wait_for(lambda: path.exists() and "read again" in path.read_text(), 10, "the new file")
    assert "read again" not in (tmp_path / "elves.log.1").read_text()
    scheduler.stop()
    assert "has stopped" in path.read_text()


def test_an_agents_rename_is_followed(start_agent):
    agent = start_agent(log={"level": "info", "file": "log.txt"})
    path = agent.root / "log.txt"
    path.rename(agent.root / "log.txt.1")
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: path.exists() and "read again" in path.read_text(), "the new file")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_full_disk_holds_up_nothing_and_is_told_once(tmp_path, program):
    scheduler = Scheduler(tmp_path, {"log.file": "/dev/full", "log.level": "debug"}, arguments=["--standalone"]).start()
    flood(scheduler)
    assert scheduler.health() == 200
    scheduler.stop()
    told = scheduler.log()
    assert told.count("log.file /dev/full cannot be written: No space left on device") == 1
    assert "lines are lost" in told


def test_failed_jobs_have_a_line_at_info_now_and_then(make_site, broker):
    site = make_site(broker=broker, settings={"log.level": "info", "agent.breaker.failures": 0}).start()
    peer = site.peer()
    for _ in range(30):
        peer.call(send_sync(ip="127.0.0.200", app="sick", func="look"))
    told = [line for line in site.scheduler.log().splitlines() if "sick.look" in line]
    assert len(told) == 1 and " info " in told[0] and "[410.0]" in told[0] and "127.0.0.200" in told[0]
