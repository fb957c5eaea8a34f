"""Names with several addresses, several schedulers, and a resolver that never answers."""
import signal
import socket
import subprocess
import threading
import time

import pytest
from harness.elves_agent import BIN, HOST, FakeScheduler, until
from harness.machines import with_hosts, with_silent_resolver
from harness.scheduler import environment
from harness.util import free_port

TWO = "::1 both.test\n127.0.0.1 both.test\n"
PATIENCE = 25  # a silent resolver holds a program that waits for it for ever


@pytest.fixture
def schedulers(elves_idl):
    """Makes foreign schedulers that end with the test."""
    made = []

    def make(**options):
        made.append(FakeScheduler(elves_idl, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()


class Refuser:
    """Takes connections and closes them without a word, at ::1."""

    def __init__(self, port):
        self.taken = 0
        self._socket = socket.create_server(("::1", port), family=socket.AF_INET6)
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.taken += 1
            connection.close()

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def report(agent, scheduler, text):
    count = len(scheduler.results)
    agent.submit(agent.instruct("hello", text, id=text, type="cron"))
    until(lambda: len(scheduler.results) > count, "the result")
    return scheduler.results[-1].result


class TestSeveralAddresses:
    def test_the_second_is_tried(self, start_agent, schedulers, tmp_path):
        scheduler = schedulers()
        scheduler.start()  # at 127.0.0.1 only
        agent = start_agent(with_hosts(tmp_path, TWO), scheduler={"addr": "both.test", "port": scheduler.port})
        assert report(agent, scheduler, "over the second") == "hello over the second"

    def test_one_that_takes_connections_and_no_result_comes_last(self, start_agent, schedulers, tmp_path):
        scheduler = schedulers()
        scheduler.start()
        wrong = Refuser(scheduler.port)
        agent = start_agent(with_hosts(tmp_path, TWO), scheduler={"addr": "both.test", "port": scheduler.port})
        assert report(agent, scheduler, "past the wrong one") == "hello past the wrong one"
        assert wrong.taken >= 1
        wrong.close()

    def test_the_log_names_each_and_what_was_wrong(self, start_agent, tmp_path):
        port = free_port()
        agent = start_agent(with_hosts(tmp_path, TWO), scheduler={"addr": "both.test", "port": port})
        agent.submit(agent.instruct("hello", id="1", type="cron"))
        until(lambda: f"cannot report to the scheduler both.test:{port}: ::1: connection refused; "
                      "127.0.0.1: connection refused; trying on" in agent.log_text(), "the line")

    def test_elvesctl_tries_each(self, tmp_path):
        port = free_port()
        for how in (["--url", f"http://both.test:{port}", "jobs"], ["send", "--amqp", f"amqp://u:p@both.test:{port}/", "-"]):
            done = subprocess.run([*with_hosts(tmp_path, TWO), str(BIN / "elvesctl"), *how], input="{}", timeout=60,
                                  env=environment(), capture_output=True, text=True, check=False)
            assert done.returncode == 2, done.stderr
            assert "::1: connection refused" in done.stderr and "127.0.0.1: connection refused" in done.stderr


class TestSeveralSchedulers:
    def test_the_next_one_is_used_when_one_fails(self, start_agent, schedulers):
        first, second = schedulers(), schedulers()
        second.start()
        agent = start_agent(scheduler={"addr": f"{HOST}:{first.port}, {HOST}:{second.port}"})
        assert report(agent, second, "to the second") == "hello to the second"
        until(lambda: f"reporting to the scheduler {HOST}:{second.port} from now on; "
                      f"{HOST}:{first.port}: connection refused" in agent.log_text(), "the line")

    def test_it_stays_with_the_one_that_works(self, start_agent, schedulers):
        first, second = schedulers(), schedulers()
        second.start()
        agent = start_agent(scheduler={"addr": f"{HOST}:{first.port}, {HOST}:{second.port}"})
        report(agent, second, "one")
        first.start()
        report(agent, second, "two")
        assert first.connections == 0 and second.connections == 1

    def test_it_comes_back_to_the_first_when_the_second_fails(self, start_agent, schedulers):
        first, second = schedulers(), schedulers()
        second.start()
        agent = start_agent(scheduler={"addr": f"{HOST}:{first.port}, {HOST}:{second.port}"})
        report(agent, second, "one")
        first.start()
        second.answers = ["busy"]
        agent.submit(agent.instruct("hello", "two", id="two", type="cron"))
        until(lambda: first.results, "the result at the first")
        assert first.results[0].result == "hello two"

    def test_all_of_them_are_named_when_none_works(self, start_agent, schedulers):
        first, second = schedulers(), schedulers()
        agent = start_agent(scheduler={"addr": [f"{HOST}:{first.port}", f"{HOST}:{second.port}"]})
        agent.submit(agent.instruct("hello", "kept", id="1", type="cron"))
        until(lambda: f"cannot report to the scheduler {HOST}:{first.port}: connection refused; "
                      f"{HOST}:{second.port}: connection refused; trying on, 1 results waiting" in agent.log_text(), "the line")
        second.start()
        until(lambda: second.results, "the result")
        until(lambda: f"reporting to the scheduler {HOST}:{second.port} again" in agent.log_text(), "the line")


class TestSilentResolver:
    """What is held by it does not leave in time."""

    def test_an_agent_leaves_all_the_same(self, start_agent, tmp_path):
        launcher = with_silent_resolver(tmp_path)
        agent = start_agent(launcher, scheduler={"addr": "silent.test", "timeout": 1})
        agent.submit(agent.instruct("hello", id="1", type="cron"))
        until(lambda: "the name silent.test cannot be looked up: no answer within" in agent.log_text(), "a first failure")
        began = time.monotonic()
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(120) == 0
        assert time.monotonic() - began < PATIENCE
        assert "1 results are kept for the next start" in agent.log_text()

    @pytest.mark.parametrize("how", [["--url", "http://silent.test:1", "jobs"],
                                     ["send", "--amqp", "amqp://u:p@silent.test:1/", "-"]])
    def test_elvesctl_gives_up_in_time(self, tmp_path, how):
        launcher = with_silent_resolver(tmp_path)
        began = time.monotonic()
        done = subprocess.run([*launcher, str(BIN / "elvesctl"), *how], input="{}", env=environment(), capture_output=True,
                              text=True, timeout=120, check=False)
        assert time.monotonic() - began < PATIENCE
        assert done.returncode == 2 and "the name silent.test cannot be looked up: no answer within" in done.stderr
