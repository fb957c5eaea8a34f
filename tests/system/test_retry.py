"""Second attempts at agents that cannot be reached, and the breaker that leaves such agents alone for a while."""
import collections
import signal

import pytest
from harness.agents import AgentFarm
from harness.answers import code_of, ended, error_of, fence
from harness.jobs import async_job, new_id, send_async, send_sync, sync_job
from harness.sockets import DeadMachines, connect
from harness.util import wait_for

DOWN = "127.0.0.77"  # no agent unless a test starts one
ALIVE_CHECK = b"\x80\x01\x00\x01\x00\x00\x00\x0aaliveCheck\x00\x00\x00\x01\x00"  # any call of the agent's
OFTEN = {"job.retry.attempts": 1000, "job.retry.pause": 50, "job.retry.maxPause": 100, "agent.breaker.failures": 0}


def metric(scheduler, name):
    line = next(line for line in scheduler.http("GET", "/metrics").text.splitlines() if line.startswith(name + " "))
    return int(float(line.split()[1]))


def view(scheduler, **query):
    return scheduler.http("GET", "/api/v1/jobs", query=query).json["jobs"]


def attempts(scheduler):
    """Of the only job that is open."""
    jobs = view(scheduler, state="open", ip=DOWN)
    return jobs[0]["attempts"] if jobs else 0


@pytest.fixture
def site(make_site, broker):
    def make(**settings):
        changes = {key.replace("_", "."): value for key, value in settings.items()}
        return make_site(broker=broker, settings={**OFTEN, **changes}).start()
    return make


@pytest.fixture
def start_agent(tmp_path, generated):
    """Starts the agent that was down."""
    farms = []

    def start(site):
        farms.append(AgentFarm(tmp_path, generated, site.scheduler.agent_port, [DOWN], site.scheduler.port))
        return farms[-1]

    yield start
    for farm in farms:
        farm.close()


class TestRetry:
    @pytest.mark.parametrize("kind", ["cron", "queue"])
    def test_an_agent_that_comes_up_runs_the_job_once(self, site, start_agent, kind):
        here = site()
        peer = here.peer()
        job = async_job(ip=DOWN, sender=kind, type=kind, param="at last", timeout=60)
        peer.publish(job)
        wait_for(lambda: attempts(here.scheduler) >= 3, 10, "some attempts")
        wait_for(lambda: peer.queue_state("scheduler")[0] == 0, 10, "the broker to have no request")
        farm = start_agent(here)
        body = ended(peer, job)
        assert body["flag"] == "true" and body["result"]["worker_message"] == "at last"
        fence(peer)
        assert len(farm.calls()) == 1
        assert metric(here.scheduler, "elves_job_retries_total") >= 3

    def test_when_attempts_are_used_up_there_is_one_message(self, site):
        here = site(job_retry_attempts=3)
        peer = here.peer()
        job = async_job(ip=DOWN, timeout=60)
        peer.publish(job)
        body = ended(peer, job)
        assert body["flag"] == "false" and code_of(body["error"]) == "410.1"
        assert body["error"].endswith("(attempt 3)")
        fence(peer)
        assert metric(here.scheduler, "elves_job_retries_total") == 2
        [shown] = view(here.scheduler, ip=DOWN)
        assert shown["attempts"] == 3

    def test_the_acceptance_waits_for_the_last_attempt(self, site):
        here = site(job_retry_attempts=3)
        data = here.peer().call(send_async(ip=DOWN, timeout=60)).json["data"]
        assert data["result_flag"] == 0 and code_of(data["error"]) == "410.1"
        assert metric(here.scheduler, "elves_job_retries_total") == 2

    def test_no_attempt_comes_after_the_deadline(self, site):
        here = site()
        peer = here.peer()
        job = async_job(ip=DOWN, timeout=1)
        peer.publish(job)
        assert code_of(ended(peer, job)["error"]) == "410.1"
        fence(peer)
        assert not view(here.scheduler, state="open")

    def test_a_synchronous_job_is_not_tried_again(self, site):
        here = site()
        assert code_of(error_of(here.peer().call(send_sync(ip=DOWN)))) == "410.0"
        assert metric(here.scheduler, "elves_job_retries_total") == 0

    @pytest.mark.parametrize("end", ["kill", "stop"])
    def test_a_job_that_waits_survives_a_restart(self, site, start_agent, end):
        here = site(job_retry_pause=600000, job_retry_maxPause=600000)
        peer = here.peer()
        job = async_job(ip=DOWN, param="survivor", timeout=3000)
        peer.publish(job)
        wait_for(lambda: attempts(here.scheduler) >= 1, 10, "the first attempt")
        wait_for(lambda: "is tried again" in here.scheduler.log(), 10, "the pause")
        getattr(here.scheduler, end)()
        peer.nothing_left()
        assert peer.queue_state("scheduler")[0] == 0 or end == "kill"
        farm = start_agent(here)
        here.scheduler.start()
        assert ended(peer, job)["result"]["worker_message"] == "survivor"
        fence(peer)
        assert len(farm.calls()) == 1

    def test_kill_9_between_attempts_leaves_one_terminal_message(self, site):
        here = site()
        peer = here.peer()
        job = async_job(ip=DOWN, timeout=3)
        peer.publish(job)
        for _ in range(3):
            seen = wait_for(lambda: attempts(here.scheduler), 10, "an attempt")
            wait_for(lambda seen=seen: attempts(here.scheduler) > seen, 10, "another one")
            here.scheduler.kill()
            here.scheduler.start()
        # Killed within an attempt, it cannot know whether the agent was reached.
        assert code_of(ended(peer, job)["error"]) in ("410.1", "410.3")
        fence(peer)

    def test_sighup_takes_over_the_attempts(self, site):
        here = site()
        peer = here.peer()
        job = async_job(ip=DOWN, timeout=600)
        peer.publish(job)
        wait_for(lambda: attempts(here.scheduler) >= 2, 10, "attempts")
        here.scheduler.write_config(job_retry_attempts=1)
        here.scheduler.signal(signal.SIGHUP)
        assert code_of(ended(peer, job)["error"]) == "410.1"


@pytest.fixture
def dead():
    """Makes the agent's machine one that answers nothing, until it is closed or the test ends."""
    made = []

    def make(site):
        made.append(DeadMachines([DOWN], site.scheduler.agent_port))
        return made[-1]

    yield make
    for one in made:
        one.close()


class TestBreaker:
    """Only connections that nobody answers open it: each of them costs its job thrift.outTime."""

    SETTINGS = {"job_retry_attempts": 1, "agent_breaker_failures": 3, "agent_breaker_pause": 3600, "thrift_outTime": 200}

    def open(self, here, peer):
        for _ in range(3):
            assert "no answer within 200 ms" in error_of(peer.call(send_sync(ip=DOWN)))

    def test_it_opens_and_jobs_fail_without_a_connection(self, site, dead):
        here = site(**self.SETTINGS)
        peer = here.peer()
        dead(here)
        self.open(here, peer)
        for request in (send_sync(ip=DOWN), send_async(ip=DOWN)):
            assert "did not answer 3 times in a row; not tried again for" in error_of(peer.call(request))
        assert metric(here.scheduler, "elves_agent_breaker_opens_total") == 1
        assert metric(here.scheduler, "elves_agent_breaker_refusals_total") == 2
        assert here.scheduler.log().count(f"agent {DOWN}: ") == 1
        assert error_of(peer.call(send_sync(param="others are not concerned"))) == ""

    def test_one_that_refuses_is_called_by_every_job(self, site, start_agent):
        """A job reaches it as soon as it listens again: nothing has to pass first."""
        here = site(**self.SETTINGS)
        peer = here.peer()
        for _ in range(10):
            assert "refused" in error_of(peer.call(send_sync(ip=DOWN)))
        start_agent(here)
        assert error_of(peer.call(send_sync(ip=DOWN))) == ""
        assert metric(here.scheduler, "elves_agent_breaker_opens_total") == 0

    def test_thousands_that_wait_are_all_told_when_their_agent_goes(self, site, start_agent):
        waiting = 15000
        here = site(**{**self.SETTINGS, "agent_maxInFlight": 1})
        peer = here.peer()
        farm = start_agent(here)
        for number in range(waiting + 2):
            peer.publish(sync_job(ip=DOWN, func="sleep", param="60", timeout=300), reply_to=peer.reply_queue)
            if number == 0:
                farm.wait_call()
        wait_for(lambda: metric(here.scheduler, "elves_jobs_queued") == waiting + 1, 60, "all to wait")
        farm.close()
        codes = collections.Counter(code_of(error_of(reply))
                                    for reply in peer.collect(peer.reply_queue, waiting + 2, timeout=60))
        assert codes == {"410.3": 1, "410.0": waiting + 1}
        assert error_of(peer.call(send_sync(param="others are not concerned"))) == ""

    def test_the_first_pause_is_short_and_one_job_closes_it(self, site, dead, start_agent):
        """However long the longest pause is."""
        here = site(**self.SETTINGS)
        peer = here.peer()
        machine = dead(here)
        self.open(here, peer)
        machine.close()
        farm = start_agent(here)

        def answered():
            return error_of(peer.call(send_sync(ip=DOWN, param=new_id()))) == ""

        wait_for(answered, 10, "the probe")
        assert answered() and answered()
        assert len(farm.calls()) == 3
        assert here.scheduler.log().count(f"agent {DOWN} is reached again") == 1
        assert metric(here.scheduler, "elves_agent_breaker_opens_total") == 1

    def test_a_probe_that_is_refused_closes_it(self, site, dead, start_agent):
        here = site(**self.SETTINGS)
        peer = here.peer()
        machine = dead(here)
        self.open(here, peer)
        machine.close()
        wait_for(lambda: "refused" in error_of(peer.call(send_sync(ip=DOWN))), 10, "a probe")
        start_agent(here)
        assert error_of(peer.call(send_sync(ip=DOWN))) == ""

    def test_a_probe_that_nobody_answers_opens_it_for_a_longer_pause(self, site, dead):
        here = site(**self.SETTINGS)
        peer = here.peer()
        dead(here)
        self.open(here, peer)
        for _ in range(2):  # probes
            wait_for(lambda: "no answer within" in error_of(peer.call(send_sync(ip=DOWN))), 10, "a probe")
            assert "not tried again" in error_of(peer.call(send_sync(ip=DOWN)))
        assert here.scheduler.log().count(f"agent {DOWN}: ") == 1

    def test_a_call_from_the_agent_closes_it(self, site, dead):
        """After probes that failed the next one would be seconds away."""
        here = site(**self.SETTINGS)
        peer = here.peer()
        machine = dead(here)
        self.open(here, peer)
        for _ in range(3):
            wait_for(lambda: "no answer within" in error_of(peer.call(send_sync(ip=DOWN))), 20, "a probe")
        machine.close()
        assert "not tried again" in error_of(peer.call(send_sync(ip=DOWN)))
        with connect(here.scheduler.port, source=DOWN) as agent:
            agent.sendall(ALIVE_CHECK)
            agent.recv(4096)
        assert "refused" in error_of(peer.call(send_sync(ip=DOWN)))
        assert f"agent {DOWN} was heard from, and is called again" in here.scheduler.log()

    def test_jobs_with_second_attempts_get_through_it(self, site, dead, start_agent):
        here = site(**{**self.SETTINGS, "job_retry_attempts": 1000, "agent_breaker_pause": 1})
        peer = here.peer()
        machine = dead(here)
        jobs = [async_job(ip=DOWN, param=new_id(), timeout=60) for _ in range(20)]
        for job in jobs:
            peer.publish(job)
        wait_for(lambda: metric(here.scheduler, "elves_agent_breaker_refusals_total") > 0, 10, "the breaker to open")
        machine.close()
        farm = start_agent(here)
        for job in jobs:
            assert ended(peer, job)["result"]["worker_message"] == job["mqbody"]["param"]
        fence(peer)
        assert sorted(call["param"] for call in farm.calls()) == sorted(job["mqbody"]["param"] for job in jobs)

    def test_switched_off_every_job_tries(self, site, dead):
        here = site(job_retry_attempts=1, thrift_outTime=200)
        peer = here.peer()
        dead(here)
        for _ in range(10):
            assert "no answer within 200 ms" in error_of(peer.call(send_sync(ip=DOWN)))
        assert metric(here.scheduler, "elves_agent_breaker_opens_total") == 0
