"""Links that die without a word: the cable between two machines is pulled out, and no reset ever comes."""
import json
import subprocess
import time

import pytest
from harness.elves_agent import BIN, install
from harness.machines import Machine
from harness.scheduler import PROGRAM, environment, properties
from harness.util import wait_for

SCHEDULER, WORKER = "10.77.0.1", "10.77.0.2"
AGENT_PORT, RESULT_PORT, API_PORT = 11101, 10101, 10180
TOKEN = "of-the-test"
SOON = 30  # far less than any timeout of a job or of an idle connection here


@pytest.fixture
def machines():
    here = Machine(SCHEDULER)
    there = Machine(WORKER, beside=here)
    here.plug_in(there)
    yield here, there
    for machine in (here, there):
        machine.close()


class Site:
    """A scheduler without a broker on the one machine, an agent on the other."""

    def __init__(self, machines, folder):
        self.here, self.there = machines
        self.folder = folder
        config = install(folder / "agent", ip=WORKER, port=AGENT_PORT, tcp={"keepalive": 1, "usertimeout": 3},
                         scheduler={"addr": SCHEDULER, "port": RESULT_PORT})
        (folder / "agent/conf").mkdir()
        (folder / "agent/conf/cfg.json").write_text(json.dumps(config))
        (folder / "scheduler.properties").write_text(properties({
            "thrift.scheduler.port": RESULT_PORT, "thrift.agent.port": AGENT_PORT, "admin.listen": f"0.0.0.0:{API_PORT}",
            "admin.token": TOKEN, "journal.path": folder / "journal.db", "tcp.keepAlive": 1, "tcp.userTimeout": 3}))
        self.log = open(folder / "log.txt", "a+")
        self.running = [
            self.start(self.there, BIN / "elves-agent", "--config", folder / "agent/conf/cfg.json"),
            self.start(self.here, PROGRAM, "--standalone", "--config", folder / "scheduler.properties")]
        wait_for(lambda: self.ctl("jobs").returncode == 0, 30, "the scheduler")
        wait_for(lambda: self.ctl("run", WORKER, "apptest", "hello").returncode == 0, 30, "the agent")

    def start(self, machine, *command):
        return subprocess.Popen(machine.inside(*command), env=environment(), cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=self.log, stderr=self.log)

    def ctl_at(self, machine, *words):
        return machine.inside(BIN / "elvesctl", "--url", f"http://{SCHEDULER}:{API_PORT}", *words)

    def ctl(self, *words):
        return subprocess.run(self.ctl_at(self.here, *words), env=environment(ELVES_ADMIN_TOKEN=TOKEN), timeout=60,
                              capture_output=True, text=True, check=False)

    def begin(self, machine, *words):
        return subprocess.Popen(self.ctl_at(machine, *words), env=environment(ELVES_ADMIN_TOKEN=TOKEN),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def metric(self, name):
        text = self.here.run("python3", "-c", f"""
import urllib.request
request = urllib.request.Request("http://{SCHEDULER}:{API_PORT}/metrics", headers={{"Authorization": "Bearer {TOKEN}"}})
print(urllib.request.urlopen(request).read().decode())""").stdout
        return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name + " "))

    def close(self):
        for process in self.running:
            process.kill()
            process.wait()
        self.log.close()


@pytest.fixture
def site(machines, tmp_path):
    site = Site(machines, tmp_path)
    yield site
    site.close()


def sleeping(site, machine, seconds="300"):
    """A synchronous job whose worker sleeps, asked for on `machine`."""
    asked = site.begin(machine, "run", "--timeout", "600", WORKER, "apptest", "sleep", seconds)
    wait_for(lambda: any(own == AGENT_PORT for own, _ in site.there.connections()) and
             site.ctl("jobs", "--state", "open").stdout.count("sleep") == 1, 30, "the worker")
    return asked


def test_a_long_synchronous_job_hears_of_it_at_once(site):
    asked = sleeping(site, site.here)
    began = time.monotonic()
    site.there.cut()
    _, said = asked.communicate(timeout=120)
    assert time.monotonic() - began < SOON
    assert "[410.3]" in said and "the link is dead: nothing came back from the peer's machine for 3 s" in said


def test_the_agent_gives_up_the_call_too(site):
    asked = sleeping(site, site.here)
    site.here.cut()
    wait_for(lambda: not site.there.connections(), SOON, "the agent's end of the connection to be gone")
    asked.kill()
    asked.communicate()


def test_a_client_that_waits_for_its_job_is_let_go(site):
    """On the other machine, so that its cable is the one that is cut."""
    asked = sleeping(site, site.there)
    before = site.metric("elves_http_connections")
    site.there.cut()
    wait_for(lambda: site.metric("elves_http_connections") < before, SOON, "its connection to be gone")
    _, said = asked.communicate(timeout=120)
    assert asked.returncode != 0 and said


def test_the_result_port_forgets_an_agent_that_is_gone(site):
    assert site.ctl("submit", WORKER, "apptest", "hello").returncode == 0
    wait_for(lambda: site.metric("elves_thrift_connections") == 1, 30, "the agent's connection")
    site.there.cut()
    wait_for(lambda: site.metric("elves_thrift_connections") == 0, SOON, "it to be forgotten")


def test_every_connection_that_stays_open_is_asked_whether_it_lives(site):
    assert site.ctl("submit", WORKER, "apptest", "hello").returncode == 0
    asked = sleeping(site, site.there)
    wait_for(lambda: site.metric("elves_thrift_connections") == 1, 30, "the agent's connection")
    for machine in (site.here, site.there):
        timers = wait_for(lambda machine=machine: len(machine.connections()) >= 3 and machine.connections(), 20, "all of them")
        assert {port for pair in timers for port in pair} >= {AGENT_PORT, RESULT_PORT, API_PORT}
        assert all("timer:(" in timer for timer in timers.values()), timers
    asked.kill()
    asked.communicate()
