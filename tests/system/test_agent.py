"""elves-agent against foreign peers: Python Thrift as its scheduler, both ways."""

import concurrent.futures
import contextlib
import importlib
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest
from thrift.protocol import TBinaryProtocol
from thrift.transport import TSocket, TTransport

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("ELVES_BIN", ROOT / "build/release/bin"))
HOST = "127.0.0.1"

# The app "odd": workers that do not behave, in sh and Python, each its own entry.
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


def until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain: " + what
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def idl(tmp_path_factory):
    folder = tmp_path_factory.mktemp("idl")
    subprocess.run(["thrift", "--gen", "py", "-out", folder, ROOT / "idl/elves.thrift"], check=True)
    sys.path.insert(0, str(folder))
    names = ("ttypes", "AgentService", "SchedulerService")
    yield {name: importlib.import_module("elves." + name) for name in names}
    sys.path.remove(str(folder))


class Agent:
    """A running elves-agent and calls to it."""

    def __init__(self, idl, root, config):
        self.idl, self.root, self.port = idl, root, config["port"]
        (root / "conf").mkdir(parents=True)
        (root / "conf/cfg.json").write_text(json.dumps(config))
        self.log = open(root / "log.txt", "w+")
        self.process = subprocess.Popen([BIN / "elves-agent", "--config", root / "conf/cfg.json"],
                                        stdin=subprocess.DEVNULL, stderr=self.log)
        until(self.is_listening, "elves-agent to listen")

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
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()


@pytest.fixture
def start(idl, tmp_path):
    """Starts agents: start(port=..., worker={...}) with anything of cfg.json."""
    agents = []

    def make(**config):
        root = tmp_path / ("agent%d" % len(agents))
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
        agents.append(Agent(idl, root, whole))
        return agents[-1]

    yield make
    for agent in agents:
        agent.stop()


@pytest.fixture
def agent(start):
    return start()


class Scheduler:
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


@pytest.fixture
def scheduler(idl):
    made = Scheduler(idl)
    yield made
    made.stop()


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


# --- the worker's answer -------------------------------------------------------------------------------------------


def test_hello_answers_and_echoes_the_instruction(agent):
    sent = agent.instruct("hello", "Elf\n\u4f60", id="0123456789ABCDEF", timeout=7, mode="SAP")
    with agent.client() as client:
        answer = client.instructionInvokeSync(sent)
    assert (answer.flag, answer.result) == (1, "hello Elf\n\u4f60")
    assert answer.costtime > 0
    for field in ("id", "ip", "type", "mode", "app", "func", "param", "timeout", "proxy"):
        assert getattr(answer.ins, field) == getattr(sent, field), field


def test_connection_is_kept_for_several_calls_of_both_kinds(agent):
    for framed in (False, True):
        with agent.client(framed) as client:
            assert client.aliveCheck() == "success"
            for name in ("a", "b"):
                assert client.instructionInvokeSync(agent.instruct("hello", name)).result == "hello " + name
            assert client.aliveCheck() == "success"


def test_failures_of_workers(agent):
    answer = agent.run("fail", "x")
    assert (answer.flag, answer.result) == (0, "failed as asked: x")
    answer = agent.run("crash", "exception")
    assert (answer.flag, answer.result) == (0, "RuntimeError: crashed as asked")
    answer = agent.run("crash")
    assert answer.flag == -1
    assert "signal 9" in answer.result
    answer = agent.run("no_such_function")
    assert (answer.flag, answer.result) == (0, "app [apptest] has no function no_such_function")


def test_worker_that_reports_nothing_is_quoted(agent):
    answer = agent.odd("sh|silent.sh")
    assert answer.flag == -1
    for part in ("worker printed no <ElvesWFlag>", "exit status 3", "a last word", "a complaint"):
        assert part in answer.result


def test_large_result_and_too_large_result(agent):
    answer = agent.run("big", "8000000")
    assert (answer.flag, len(answer.result)) == (1, 8000000)
    answer = agent.odd("sh|flood.sh")
    assert answer.flag == -1
    assert answer.result.startswith("output larger than 16")
    answer = agent.odd("sh|flood_errors.sh")
    assert answer.flag == -1
    assert answer.result.endswith("END")
    assert len(answer.result) < 3000


def test_param_larger_than_an_argument_may_be(agent):
    for size in (98301, 98303, 98304, 1000000):
        answer = agent.odd("python3|size.py", param="p" * size)
        assert (answer.flag, answer.result) == (1, str(size))
    assert agent.run("hello", "q" * 200000).result == "hello " + "q" * 200000


def test_timeout_kills_the_whole_group(agent, tmp_path):
    note = tmp_path / "group"
    began = time.monotonic()
    answer = agent.odd("python3|family.py", func=str(note), timeout=1)
    assert (answer.flag, answer.result) == (-1, "killed on timeout after 1 s")
    assert 1 <= time.monotonic() - began < 10
    assert 1000 <= answer.costtime < 10000
    pgid = int(note.read_text().split()[0])
    until(lambda: not group_members(pgid), "the group to be gone")
    assert not zombies_of(agent.process.pid)


def test_what_a_worker_leaves_behind_is_killed(agent, tmp_path):
    note = tmp_path / "group"
    answer = agent.odd("python3|orphans.py", func=str(note))
    assert (answer.flag, answer.result) == (1, "left them")
    until(lambda: not group_members(int(note.read_text())), "the group to be gone")


def test_worker_gets_no_descriptors_and_agent_leaks_none(agent):
    descriptors = pathlib.Path("/proc/%d/fd" % agent.process.pid)
    agent.run("hello")
    until(lambda: len(list(descriptors.iterdir())) < 12, "connections to be closed")
    before = len(list(descriptors.iterdir()))
    for _ in range(8):
        assert agent.odd("python3|descriptors.py").result == "[0, 1, 2]"
    agent.odd("python3|no_such.py")
    agent.odd("apptest-of-2017.txt")
    until(lambda: len(list(descriptors.iterdir())) <= before, "descriptors to be closed")
    assert not zombies_of(agent.process.pid)


# --- what may be run -----------------------------------------------------------------------------------------------


def test_app_that_is_not_installed(agent):
    for app in ("nope", "hidden", "gone", "", "..", "../apps/apptest", "apptest/."):
        answer = agent.run("hello", app=app)
        assert (answer.flag, answer.result) == (-1, "app [%s] not installed" % app)


def test_every_folder_is_an_app_when_none_is_listed(start):
    agent = start(apps={})
    assert agent.run("hello").flag == 1
    assert agent.run("hello", app="hidden").result.startswith("app [hidden] has neither worker.py")
    assert agent.run("hello", app="..").result == "app [..] not installed"


def test_proxy_runs_a_program_of_the_app_in_its_folder(agent):
    folder = agent.root / "apps/odd"
    for proxy in ("folder", "sh|folder", "./folder", "python|size.py"):
        answer = agent.odd(proxy, param="1")
        assert answer.flag == 1
        assert answer.result == ("odd f MQ== %s" % folder if "folder" in proxy else "1")


@pytest.mark.parametrize("proxy, why", [
    ("../apptest/worker.py", "no path inside"),
    ("python3|../apptest/worker.py", "no path inside"),
    ("sh|x/../../apptest/worker.py", "no path inside"),
    ("/bin/true", "no path inside"),
    ("sh|/etc/passwd", "no path inside"),
    ("way_out/true", "leads out"),
    ("sh|way_out/true", "leads out"),
    ("/usr/bin/python3|size.py", "must be a name that PATH knows"),
    ("../odd/folder|size.py", "must be a name that PATH knows"),
    ("no-such-interpreter|size.py", "no program 'no-such-interpreter' in PATH"),
    ("sh|", "no path inside"),
    ("|size.py", "no program"),
    ("sh|.", "leads out"),
    ("sh|room", "no file"),
    ("sh|nothing.sh", "the app has no 'nothing.sh'"),
    ("size.py", "cannot start"),
])
def test_proxy_does_not_leave_the_app(agent, proxy, why):
    answer = agent.odd(proxy)
    assert answer.flag == -1
    assert why in answer.result


# --- limits --------------------------------------------------------------------------------------------------------


def test_200_synchronous_calls_at_once(agent):
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda i: agent.run("hello", str(i), id="%016X" % i, timeout=300), range(200)))
    assert [answer.result for answer in answers] == ["hello %d" % i for i in range(200)]
    assert [answer.ins.id for answer in answers] == ["%016X" % i for i in range(200)]
    assert len(os.listdir("/proc/%d/task" % agent.process.pid)) == 1


def test_waiting_for_a_worker_is_bounded_and_counts_to_the_timeout(start):
    agent = start(worker={"max": 1, "queue": 1})
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = pool.submit(agent.run, "sleep", "4")
        until(lambda: "started as process" in agent.log_text(), "the first worker")
        waiting = pool.submit(agent.run, "hello", timeout=1)
        until(lambda: agent.log_text().count(": taken") == 2, "the second instruction")
        refused = agent.run("hello")
        assert refused.flag == -1
        assert refused.result.startswith("overloaded")
        assert waiting.result().flag == -1
        assert waiting.result().result.startswith("never started: 1 s passed")
        assert running.result().flag == 1


def test_garbage_on_the_port_hurts_nobody(agent):
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 4096, struct.pack(">i", 0x7FFFFFFF) + b"x",
                    b"\x80\x01\x00\x01\x7f\xff\xff\xff", b"\x80\x01\x00\x09" + bytes(9)):
        with socket.create_connection((HOST, agent.port)) as sock:
            sock.settimeout(20)
            with contextlib.suppress(ConnectionError, BrokenPipeError):
                sock.sendall(garbage)
                while sock.recv(4096):  # without an end of its own: the agent must hang up
                    pass
    assert agent.run("hello").flag == 1


def test_only_authips_may_call(start):
    agent = start(authips="127.0.0.9, 127.0.0.8")
    with agent.client() as client, pytest.raises(TTransport.TTransportException):
        client.aliveCheck()
    assert "127.0.0.1 is not in authips" in agent.log_text()
    assert start(authips=[HOST]).run("hello").flag == 1


# --- asynchronous --------------------------------------------------------------------------------------------------


def test_results_wait_for_the_scheduler_and_go_in_order(start, scheduler):
    agent = start(scheduler={"addr": HOST, "port": str(scheduler.port), "timeout": 5})
    taken = agent.submit(agent.instruct("hello", "one", id="7:1", type="queue", exec_id="00000000000000A1"),
                         agent.instruct("hello", app="nope", id="8"))
    assert [answer.flag for answer in taken] == [1, -1]
    assert taken[1].result == "app [nope] not installed"
    assert [answer.ins.id for answer in taken] == ["7:1", "8"]
    until(lambda: "cannot report to the scheduler" in agent.log_text(), "a first failure")
    agent.submit(agent.instruct("fail", "two", id="9", type="cron", mode="P"))
    until(lambda: agent.log_text().count("worker ended") == 2, "both workers")
    scheduler.start()
    until(lambda: len(scheduler.results) == 2, "both results")
    first, second = scheduler.results
    assert (first.flag, first.result, first.ins.id, first.ins.exec_id) == (1, "hello one", "7:1", "00000000000000A1")
    assert (first.ins.type, first.ins.mode, first.ins.param, first.ins.timeout) == ("queue", "sanp", "one", 30)
    assert first.costtime > 0
    assert (second.flag, second.result, second.ins.id, second.ins.mode) == (0, "failed as asked: two", "9", "P")
    assert scheduler.connections == 1


def test_result_is_sent_again_until_success(start, scheduler):
    scheduler.answers = ["busy", "busy"]
    scheduler.start()
    agent = start(scheduler={"addr": "localhost", "port": scheduler.port})
    agent.submit(agent.instruct("hello", id="1"))
    until(lambda: "result is with the scheduler" in agent.log_text(), "the result to be taken")
    assert [result.ins.id for result in scheduler.results] == ["1", "1", "1"]


def test_same_execution_again_is_taken_but_not_run(start, scheduler, tmp_path):
    agent = start(scheduler={"addr": HOST, "port": scheduler.port})
    note = tmp_path / "runs"
    ins = agent.instruct(str(note), app="odd", proxy="sh|once.sh", id="1", type="cron", exec_id="00000000000000B2")
    assert agent.submit(ins)[0].flag == 1
    assert [answer.flag for answer in agent.submit(ins, ins)] == [1, 1]
    until(lambda: "worker ended" in agent.log_text(), "the worker")
    assert agent.submit(ins)[0].flag == 1  # its result is still waiting
    scheduler.start()
    until(lambda: scheduler.results, "the result")
    other = agent.instruct(str(note), app="odd", proxy="sh|once.sh", id="1", type="cron", exec_id="00000000000000B3")
    assert agent.submit(other)[0].flag == 1  # the cron's next firing
    until(lambda: len(scheduler.results) == 2, "the second firing's result")
    assert note.read_text() == "ran\nran\n"


def test_without_a_scheduler_asynchronous_instructions_are_refused(agent):
    answer = agent.submit(agent.instruct("hello"))[0]
    assert answer.flag == -1
    assert "no scheduler" in answer.result


# --- start and end -------------------------------------------------------------------------------------------------


def test_sigterm_lets_workers_end_and_brings_their_results(start, scheduler):
    scheduler.start()
    agent = start(scheduler={"addr": HOST, "port": scheduler.port})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(agent.run, "sleep", "2")
        agent.submit(agent.instruct("sleep", "2", id="A"))
        until(lambda: agent.log_text().count("started as process") == 2, "both workers")
        agent.process.send_signal(signal.SIGTERM)
        assert running.result().result == "slept 2 s"
    assert agent.process.wait(20) == 0
    assert [(result.ins.id, result.result) for result in scheduler.results] == [("A", "slept 2 s")]
    assert "elves-agent has left" in agent.log_text()


def test_sigterm_kills_workers_after_draintimeout(start, scheduler):
    scheduler.start()
    agent = start(scheduler={"addr": HOST, "port": scheduler.port}, draintimeout=1)
    agent.submit(agent.instruct("sleep", "1000", id="A", timeout=2000))
    until(lambda: "started as process" in agent.log_text(), "the worker")
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(20) == 0
    assert [(result.flag, result.result) for result in scheduler.results] == [(-1, "killed: the agent was stopped")]


def test_second_signal_does_not_wait_for_workers(start, scheduler):
    scheduler.start()
    agent = start(scheduler={"addr": HOST, "port": scheduler.port}, draintimeout=1000)
    agent.submit(agent.instruct("sleep", "1000", id="A", timeout=2000))
    until(lambda: "started as process" in agent.log_text(), "the worker")
    agent.process.send_signal(signal.SIGTERM)
    until(lambda: "leaving" in agent.log_text(), "the first signal")
    agent.process.send_signal(signal.SIGINT)
    assert agent.process.wait(20) == 0
    assert len(scheduler.results) == 1


def run_agent(*arguments):
    return subprocess.run([BIN / "elves-agent", *arguments], capture_output=True, text=True, timeout=20, check=False)


def test_exit_codes(agent, tmp_path):
    assert run_agent("--version").stdout.startswith("elves-agent ")
    assert run_agent("--help").returncode == 0
    assert run_agent("--no-such-flag").returncode == 64
    taken = run_agent("--config", agent.root / "conf/cfg.json")
    assert taken.returncode == 69
    assert "cannot listen on 127.0.0.1:%d" % agent.port in taken.stderr
    bad = tmp_path / "bad.json"
    bad.write_text('{"ip": "here", "port": 0}')
    wrong = run_agent("--config", bad)
    assert wrong.returncode == 78
    assert "bad.json: ip: 'here' is no IP address" in wrong.stderr
    assert "bad.json: port: 0 is no port" in wrong.stderr
    good = run_agent("--check-config", "--config", ROOT / "conf/cfg.json")
    assert (good.returncode, good.stderr) == (0, "")


def test_what_is_not_supported_is_said_once(start):
    agent = start(heartbeat={"enabled": True, "port": 11102}, http={"enabled": False}, agentcron={"enabled": True},
                  appsdownloadaddr="http://127.0.0.1/")
    agent.run("hello")
    said = [line for line in agent.log_text().splitlines() if "not supported yet" in line]
    assert len(said) == 1
    assert all(key in said[0] for key in ("heartbeat", "agentcron", "appsdownloadaddr"))
    assert "http (" not in said[0]
