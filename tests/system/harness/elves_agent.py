"""elves-agent, and the foreign scheduler that it reports to."""
import contextlib
import importlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading

from thrift.protocol import TBinaryProtocol
from thrift.transport import TSocket, TTransport

from .util import free_port, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[3]
BIN = pathlib.Path(os.environ.get("ELVES_BIN", ROOT / "build/release/bin"))
HOST = "127.0.0.1"

ODD = {
    "silent.sh": "echo a last word; echo a complaint >&2; exit 3",
    "flood.sh": "exec head -c 104857600 /dev/zero",
    "flood_errors.sh": "head -c 20000000 /dev/zero | tr '\\0' e >&2; echo END >&2; exit 1",
    "family.py": """
import os, sys, time
for _ in range(3):
    if os.fork() == 0:
        os.fork()
        time.sleep(1000)
with open(sys.argv[2], "a") as file: file.write("%d\\n" % os.getpgrp())
time.sleep(1000)
""",
    "orphans.py": """
import os, sys, time
for _ in range(3):
    if os.fork() == 0:
        time.sleep(1000)
with open(sys.argv[2], "a") as file: file.write("%d\\n" % os.getpgrp())
print("<ElvesWFlag>true</ElvesWFlag><ElvesWResult>left them</ElvesWResult>")
""",
    "pid.sh": "echo $$ >> \"$2\"; sleep 1000 & exec sleep 1000",
    "once.sh": "echo ran >> \"$2\"; echo '<ElvesWFlag>true</ElvesWFlag> <ElvesWResult>once</ElvesWResult>'",
    "descriptors.py": """
import os
print("<ElvesWFlag>true</ElvesWFlag><ElvesWResult>%s</ElvesWResult>" % sorted(int(n) for n in os.listdir("/proc/self/fd"))[:-1])
""",
    "size.py": """
import base64, sys
text = sys.stdin.read() if sys.argv[3] == "-" else sys.argv[3]
print("<ElvesWFlag>true</ElvesWFlag><ElvesWResult>%d</ElvesWResult>" % len(base64.b64decode(text)))
""",
    "folder": "#!/bin/sh\necho \"<ElvesWFlag>true</ElvesWFlag><ElvesWResult>$1 $2 $3 $(pwd)</ElvesWResult>\"",
    "apptest-of-2017.txt": "",
}


def until(condition, what):
    wait_for(condition, 20, what)


def generate(folder):
    """The Thrift interface of this repository in Python: its modules by name."""
    subprocess.run(["thrift", "--gen", "py", "-out", folder, ROOT / "idl/elves.thrift"], check=True)
    sys.path.insert(0, str(folder))
    try:
        names = ("ttypes", "AgentService", "SchedulerService")
        return {name: importlib.import_module("elves." + name) for name in names}
    finally:
        sys.path.remove(str(folder))


def install(root, **config):
    """Makes an agent's folder with the apps `apptest` and `odd`; answers its whole cfg.json."""
    shutil.copytree(ROOT / "apps/apptest", root / "apps/apptest")
    (root / "apps/odd").mkdir()
    for name, text in ODD.items():
        (root / "apps/odd" / name).write_text(text)
    (root / "apps/odd/folder").chmod(0o755)
    (root / "apps/odd/way_out").symlink_to("/bin")
    (root / "apps/odd/room").mkdir()
    (root / "apps/hidden").mkdir()
    whole = {"ip": HOST, "port": free_port(), "apps": {"apptest": "1.0", "odd": "1.0", "gone": "1.0"},
             "log": {"level": "debug"}, **config}
    whole["worker"] = {"entry": str(ROOT / "sdk/python/app-worker.py"), "python": "/usr/bin/python3",
                       **config.get("worker", {})}
    return whole


class Agent:
    """A running elves-agent and calls to it. `launcher`: a command that becomes the program."""

    def __init__(self, idl, root, config, launcher=()):
        self.idl, self.root, self.port, self.launcher = idl, root, config["port"], launcher
        (root / "conf").mkdir(parents=True)
        (root / "conf/cfg.json").write_text(json.dumps(config))
        self.log = open(root / "log.txt", "a+")
        self.start()

    def start(self):
        starts = self.log_text().count(" listens on ")
        self.process = self.launch()
        until(lambda: self.is_listening() and self.log_text().count(" listens on ") > starts, "elves-agent to listen")

    def launch(self):
        return subprocess.Popen([*self.launcher, BIN / "elves-agent", "--config", self.root / "conf/cfg.json"],
                                stdin=subprocess.DEVNULL, stderr=self.log)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def restart(self):
        """After kill -9, on the same folder."""
        self.kill()
        self.start()

    def is_listening(self):
        assert self.process.poll() is None, self.log_text()
        with socket.socket() as probe:
            return probe.connect_ex((HOST, self.port)) == 0

    def log_text(self):
        return (self.root / "log.txt").read_text()

    @contextlib.contextmanager
    def client(self, framed=False):
        transport = TSocket.TSocket(HOST, self.port)
        transport.setTimeout(300000)
        buffered = (TTransport.TFramedTransport if framed else TTransport.TBufferedTransport)(transport)
        buffered.open()
        try:
            yield self.idl["AgentService"].Client(TBinaryProtocol.TBinaryProtocol(buffered))
        finally:
            buffered.close()

    def instruct(self, func, param="", app="apptest", **more):
        fields = {"id": "ID-" + func, "ip": HOST, "type": "rt", "mode": "sanp", "timeout": 30, "proxy": ""}
        return self.idl["ttypes"].Instruct(app=app, func=func, param=param, **{**fields, **more})

    def run(self, func, param="", **more):
        with self.client() as client:
            return client.instructionInvokeSync(self.instruct(func, param, **more))

    def odd(self, script, func="f", param="", **more):
        return self.run(func, param, app="odd", proxy=script, **more)

    def submit(self, *instructions):
        with self.client() as client:
            return client.instructionInvokeAsync(list(instructions))

    def stop(self):
        self.kill()
        self.log.close()


class FakeScheduler:
    """A foreign SchedulerService that keeps what it gets."""

    def __init__(self, idl, port=None):
        self.idl, self.port, self.results, self.connections = idl, port or free_port(), [], 0
        self.answers = []  # what to answer instead of "success", in order
        self.listener = TSocket.TServerSocket(HOST, self.port)

    def dataTransport(self, reins):
        self.results.append(reins)
        return self.answers.pop(0) if self.answers else "success"

    def start(self):
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                transport = self.listener.accept()
            except OSError:
                return
            if transport is None:
                return
            self.connections += 1
            threading.Thread(target=self.answer, args=(transport,), daemon=True).start()

    def answer(self, transport):
        protocol = TBinaryProtocol.TBinaryProtocol(TTransport.TBufferedTransport(transport))
        processor = self.idl["SchedulerService"].Processor(self)
        with contextlib.suppress(TTransport.TTransportException, OSError):
            while True:
                processor.process(protocol, protocol)
        transport.close()

    def stop(self):
        self.listener.close()


def group_members(pgid):
    members = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(group) == pgid and state != "Z":
                members.append(stat.parent.name)
    return members


def zombies_of(pid):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid and state == "Z":
                found.append(stat.parent.name)
    return found


def run_agent(*arguments):
    return subprocess.run([BIN / "elves-agent", *arguments], capture_output=True, text=True, timeout=20, check=False)
