"""What a program inherits from its parent changes nothing: signals, limits, descriptors. And life as PID 1."""
import ctypes
import os
import pathlib
import resource
import signal
import subprocess

import pytest
from harness.elves_agent import BIN, HOST, until, zombies_of
from harness.scheduler import Scheduler
from harness.util import free_port, wait_for


def ignore_everything():
    for number in set(range(1, signal.NSIG)) - {signal.SIGKILL, signal.SIGSTOP, 32, 33}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass


def block_everything():
    signal.pthread_sigmask(signal.SIG_SETMASK, range(1, signal.NSIG))


def close_standard():
    for fd in range(3):
        os.close(fd)


def pending_alarm():
    signal.setitimer(signal.ITIMER_REAL, 1)


PARENTS = [ignore_everything, block_everything, close_standard, pending_alarm]


def relaunch(agent, **options):
    agent.kill()
    agent.process = subprocess.Popen([BIN / "elves-agent", "--config", agent.root / "conf/cfg.json"],
                                     stdin=subprocess.DEVNULL, stderr=agent.log, **options)
    until(agent.is_listening, "elves-agent to listen")


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.parametrize("parent", PARENTS, ids=lambda parent: parent.__name__)
def test_an_agent_works_whatever_its_parent_did(start_agent, parent):
    agent = start_agent()
    relaunch(agent, preexec_fn=parent)
    for _ in range(3):
        assert agent.run("sleep", "0.5").result == "slept 0.5 s"
    assert zombies_of(agent.process.pid) == []
    used = cpu_of(agent.process.pid)
    assert agent.run("sleep", "1").flag == 1
    assert cpu_of(agent.process.pid) - used < 50
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(20) == 0


@pytest.mark.parametrize("parent", PARENTS, ids=lambda parent: parent.__name__)
def test_a_scheduler_works_whatever_its_parent_did(tmp_path, program, parent):
    scheduler = Scheduler(tmp_path, arguments=["--standalone"])
    scheduler.write_config()
    scheduler.log_file.touch()
    scheduler._process = subprocess.Popen(scheduler._arguments, env=scheduler._environment, preexec_fn=parent,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: scheduler.health() == 200, 30, "elves-scheduler")
    scheduler.signal(signal.SIGTERM)
    scheduler.wait_end(20)


def test_an_agent_whose_files_may_not_grow_lives_and_says_so(start_agent):
    agent = start_agent(scheduler={"addr": HOST, "port": free_port()})
    everything = resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    refused = agent.submit(agent.instruct("hello", "x" * 100000, id="1", type="queue"))[0]
    assert refused.flag == -1 and "cannot be written" in refused.result
    assert agent.run("sleep", "0").flag == 1
    resource.prlimit(agent.process.pid, resource.RLIMIT_FSIZE, everything)
    until(lambda: agent.submit(agent.instruct("hello", "x", id="2", type="queue"))[0].flag == 1, "it to be taken")


def test_workers_get_the_limits_and_the_umask_of_the_agents_parent(start_agent):
    def parent():
        os.umask(0o002)
        resource.setrlimit(resource.RLIMIT_NOFILE, (333, 4096))

    agent = start_agent()
    (agent.root / "apps/odd/state.py").write_text("""
import os, resource, signal
mask = os.umask(0)
ignored = [n for n in range(1, signal.NSIG) if n not in (9, 19, 32, 33) and signal.getsignal(n) == signal.SIG_IGN]
print("<ElvesWFlag>true</ElvesWFlag><ElvesWResult>%o %d %d %s</ElvesWResult>" % (
    mask, resource.getrlimit(resource.RLIMIT_NOFILE)[0], len(signal.pthread_sigmask(signal.SIG_BLOCK, [])), ignored))
""")
    relaunch(agent, preexec_fn=parent)
    soft = pathlib.Path(f"/proc/{agent.process.pid}/limits").read_text()
    assert next(line for line in soft.splitlines() if line.startswith("Max open files")).split()[3] == "4096"
    # Python itself ignores SIGPIPE and SIGXFSZ.
    assert agent.odd("python3|state.py").result == f"2 333 0 {[signal.SIGPIPE.value, signal.SIGXFSZ.value]}"


LEAVES_A_CHILD = """
import os, sys
if os.fork() == 0:
    os.setsid()
    os.close(1)
    os.close(2)
    os.fork()
    os._exit(0)
print("<ElvesWFlag>true</ElvesWFlag><ElvesWResult>left one</ElvesWResult>")
"""


def subreaper():
    assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0


class TestOrphans:
    def check(self, agent, pid):
        (agent.root / "apps/odd/leave.py").write_text(LEAVES_A_CHILD)
        for _ in range(15):
            assert agent.odd("python3|leave.py").result == "left one"
        until(lambda: zombies_of(pid) == [], "no zombies")

    def test_as_a_subreaper(self, start_agent):
        agent = start_agent()
        relaunch(agent, preexec_fn=subreaper)
        self.check(agent, agent.process.pid)

    def test_as_pid_1(self, start_agent):
        agent = start_agent()
        agent.kill()
        agent.process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", BIN / "elves-agent", "--config", agent.root / "conf/cfg.json"],
            stdin=subprocess.DEVNULL, stderr=agent.log)
        until(agent.is_listening, "elves-agent to listen")
        children = pathlib.Path(f"/proc/{agent.process.pid}/task/{agent.process.pid}/children").read_text().split()
        self.check(agent, int(children[0]))

    def test_a_scheduler_reaps_what_it_is_given(self, tmp_path, program):
        scheduler = Scheduler(tmp_path, arguments=["--standalone"],
                              launcher=["/bin/sh", "-c", "(sleep 0.2 &) ; exec \"$@\"", "sh"])
        scheduler.write_config()
        scheduler.log_file.touch()
        scheduler._process = subprocess.Popen(scheduler._arguments, env=scheduler._environment, preexec_fn=subreaper,
                                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                              stderr=subprocess.DEVNULL)
        wait_for(lambda: scheduler.health() == 200, 30, "elves-scheduler")
        wait_for(lambda: not pathlib.Path(f"/proc/{scheduler.pid}/task/{scheduler.pid}/children").read_text(), 10,
                 "the orphan to be gone")
        scheduler.stop()
