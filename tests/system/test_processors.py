"""Apps' processors: restarts, addresses, connections, limits, late results."""
import signal
import subprocess
import sys

import pytest
from harness.answers import accepted, code_of, ended_flat, fence
from harness.jobs import new_id, send_async, send_sync
from harness.processors import (
    MAY_HAVE, AppProcessor, OneAtATime, asynchronous, jobs_in, processor_of, settled)
from harness.proxy import Proxy
from harness.scheduler import REPOSITORY, Scheduler, broker_settings
from harness.sockets import DeadMachines
from harness.thrift_peers import result_of, send_result
from harness.util import accepts, end_process, free_port, wait_for



@pytest.fixture
def make(make_site, broker):
    """Starts an installation: make(apptest=processor, processor_timeout=...)."""
    def start(processors=None, broker_port=None, **settings):
        addresses = {f"processor.{app}": one.address for app, one in (processors or {}).items()}
        keys = {key.replace("_", "."): value for key, value in settings.items()}
        return make_site(broker=broker, broker_port=broker_port, settings={**addresses, **keys}).start()
    return start


def reconfigure(site, **settings):
    site.scheduler.write_config(**settings)
    before = site.scheduler.log().count("read again")
    site.scheduler.signal(signal.SIGHUP)
    wait_for(lambda: site.scheduler.log().count("read again") > before, 10, "the new configuration")


def counted(site, name):
    text = site.scheduler.http("GET", "/metrics").text
    return next(int(float(line.split()[1])) for line in text.splitlines() if line.startswith(name + " "))


class TestRestarts:
    def test_what_may_have_been_called_is_not_called_again(self, make, processor):
        held = processor("held")
        site = make({"apptest": held}, processor_timeout=60000)
        peer = site.peer()
        [job] = settled(site, peer)
        held.wait_told(job["param"])
        site.scheduler.kill()
        site.scheduler.start()
        message = ended_flat(peer, job)
        assert processor_of(message) == (0, f"[413.3]Send Result To Processor Fail: {MAY_HAVE}")
        assert (message["data"]["flag"], message["data"]["worker_message"]) == (1, job["param"])
        assert len(held.told()) == 1
        fence(peer)

    @pytest.mark.parametrize("end", ["kill", "stop"])
    def test_what_was_not_called_is_called_after_the_restart(self, make, processor, end):
        held = processor("held")
        site = make({"apptest": held}, processor_timeout=60000, processor_maxInFlight=1, drain_timeout=0)
        peer = site.peer()
        jobs = settled(site, peer, 4)
        wait_for(held.told, 10, "the first call")
        getattr(site.scheduler, end)()
        held.let_go()
        site.scheduler.start()
        messages = {job["param"]: processor_of(ended_flat(peer, job)) for job in jobs}
        first = held.told()[0].ins.param
        assert messages.pop(first)[0] == 0
        assert list(messages.values()) == [(1, "")] * 3
        assert sorted(reins.ins.param for reins in held.told()) == sorted([first, *messages])
        fence(peer)

    def test_an_unreachable_one_is_not_called_by_a_connection_alone(self, make, processor):
        """The backlog takes the connection; the call is never read, but it has left."""
        port = free_port()
        site = make(processor_timeout=60000, **{"processor.apptest": f"127.0.0.1:{port}"})
        peer = site.peer()
        job = asynchronous(peer)
        assert code_of(processor_of(ended_flat(peer, job))[1]) == "413.3"
        up = processor(port=port)
        assert processor_of(ended_flat(peer, asynchronous(peer))) == (1, "")
        assert up.told(job["param"]) == []

    def test_what_it_answered_survives_with_the_result(self, make, processor, broker):
        proxy = Proxy(broker.port)
        told = processor()
        site = make({"apptest": told}, broker_port=proxy.port, mq_heartbeat=1)
        peer = site.peer()
        job = asynchronous(peer, func="hold")
        instruction = accepted(site, param=job["param"])
        wait_for(lambda: jobs_in(site, "accepted"), 10, "the journal to have it")
        proxy.freeze()
        assert send_result(site.scheduler.port, result_of(instruction, result="kept")) == "success"
        wait_for(lambda: [one for one in jobs_in(site, "settled") if one["processor_sync_flag"] == 1], 10, "its answer")
        site.scheduler.kill()
        site.scheduler.start()
        assert processor_of(ended_flat(peer, job)) == (1, "")
        assert len(told.told()) == 1

    def test_a_synchronous_caller_hears_of_the_worker_when_the_drain_is_over(self, make, processor):
        held = processor("held")
        site = make({"apptest": held}, processor_timeout=60000, drain_timeout=1)
        peer = site.peer()
        request = send_sync(mode="sap", param=new_id(), timeout=60)
        peer.publish(request, reply_to=peer.reply_queue, correlation_id="drained")
        held.wait_told(request["param"])
        site.scheduler.signal(signal.SIGTERM)
        reply = peer.wait_reply("drained").json
        assert processor_of(reply) == (
            0, "[413.3]Send Result To Processor Fail: it may have been called: the scheduler shut down first")
        assert (reply["data"]["flag"], reply["data"]["worker_message"]) == (1, request["param"])
        site.scheduler.wait_end()


class TestAddresses:
    def test_sighup_takes_them_over(self, make, processor):
        old, new = processor(), processor()
        site = make({"apptest": old})
        peer = site.peer()
        assert processor_of(peer.call(send_sync(mode="sap", param="first")).json) == (1, "")
        for address, wanted in ((new.address, ""), (None, "413.2")):
            reconfigure(site, processor_apptest=address)
            error = processor_of(peer.call(send_sync(mode="sap", param="then")).json)[1]
            assert (error and code_of(error)) == wanted
        assert [len(old.told("first")), len(old.told("then"))] == [1, 0]
        assert [len(new.told("first")), len(new.told("then"))] == [0, 1]

    def test_one_without_a_port_is_refused_at_the_start(self, make_site):
        site = make_site(settings={"processor.apptest": "apps.example"})
        with pytest.raises(AssertionError, match="ended with 78"):
            site.start()
        assert "processor.apptest: 'apps.example' is no address of an app's processor" in site.scheduler.log()


class TestConnections:
    def test_they_are_kept_and_used_again(self, make, processor):
        told = processor()
        site = make({"apptest": told}, processor_idleTimeout=60)
        peer = site.peer()
        for _ in range(20):
            assert processor_of(peer.call(send_sync(mode="sap")).json) == (1, "")
        assert len(told.connections) == 1

    def test_one_that_was_restarted_is_called_on_a_new_one(self, make, processor):
        first = processor()
        site = make({"apptest": first}, processor_idleTimeout=60)
        peer = site.peer()
        assert processor_of(peer.call(send_sync(mode="sap")).json) == (1, "")
        first.close()
        second = processor(port=first.port)
        assert processor_of(peer.call(send_sync(mode="sap")).json) == (1, "")
        assert len(second.told()) == 1

    def test_a_server_for_one_connection_at_a_time(self, make):
        site = make({"apptest": OneAtATime()})
        peer = site.peer()
        jobs = [asynchronous(peer) for _ in range(20)]
        assert [processor_of(ended_flat(peer, job)) for job in jobs] == [(1, "")] * 20


class TestLimits:
    def test_too_many_waiting_while_others_are_served(self, make, processor):
        held, other = processor("held"), processor()
        site = make({"apptest": held, "other": other}, processor_timeout=60000, processor_maxInFlight=1,
                    processor_maxWaiting=1)
        peer = site.peer()
        jobs = settled(site, peer, 2)
        third = ended_flat(peer, asynchronous(peer))
        assert processor_of(third) == (0, "[413.3]Send Result To Processor Fail: "
                                          "processor.maxWaiting results wait for the processor of this app")
        assert third["data"]["flag"] == 1
        assert processor_of(peer.call(send_sync(mode="sap", app="other")).json) == (1, "")
        assert counted(site, "elves_processor_overloads_total") == 1
        assert counted(site, "elves_processor_failures_total") == 1
        assert len(held.told()) == 1
        held.let_go()
        assert [processor_of(ended_flat(peer, job)) for job in jobs] == [(1, "")] * 2
        assert counted(site, "elves_processor_calls_total") == 3

    def test_what_waits_too_long_is_not_called(self, make, processor):
        held = processor("held")
        site = make({"apptest": held}, processor_timeout=60000, processor_maxInFlight=1)
        peer = site.peer()
        first = asynchronous(peer)
        held.wait_told(first["param"])
        reconfigure(site, processor_timeout=1000)
        error = processor_of(ended_flat(peer, asynchronous(peer)))[1]
        assert error.split(": ")[1] == "processor.timeout passed before it could be called"
        held.let_go()
        assert processor_of(ended_flat(peer, first)) == (1, "")
        assert len(held.told()) == 1

    def test_one_that_does_not_answer_is_left_alone(self, make):
        machine = DeadMachines(["127.0.0.1"], port := free_port())
        site = make(processor_breaker_failures=3, processor_breaker_pause=3600, thrift_outTime=200,
                    **{"processor.apptest": f"127.0.0.1:{port}"})
        peer = site.peer()
        errors = [processor_of(peer.call(send_sync(mode="sap")).json)[1] for _ in range(4)]
        assert all("no answer within 200 ms" in error for error in errors[:3])
        assert "the processor did not answer 3 times in a row; not tried again for" in errors[3]
        assert counted(site, "elves_processor_breaker_opens_total") == 1
        assert counted(site, "elves_processor_breaker_refusals_total") == 1
        machine.close()

    def test_one_that_refuses_is_called_for_every_result(self, make):
        site = make(processor_breaker_failures=3, **{"processor.apptest": f"127.0.0.1:{free_port()}"})
        peer = site.peer()
        errors = [processor_of(peer.call(send_sync(mode="sap")).json)[1] for _ in range(5)]
        assert all("connection refused" in error for error in errors)
        assert counted(site, "elves_processor_breaker_opens_total") == 0

    def test_one_by_its_name(self, make, processor):
        told = processor()
        site = make({}, **{"processor.apptest": f"localhost:{told.port}"})
        job = asynchronous(site.peer())
        assert told.wait_told(job["param"])


class TestResults:
    def test_a_late_one_goes_to_the_processor_too(self, make, processor):
        told = processor()
        site = make({"apptest": told})
        peer = site.peer()
        job = asynchronous(peer, func="hold", timeout=1)
        instruction = accepted(site, param=job["param"])
        first = ended_flat(peer, job)
        assert code_of(first["data"]["error"]) == "410.2" and processor_of(first) == (0, "")
        for _ in range(2):
            assert send_result(site.scheduler.port, result_of(instruction, result="late")) == "success"
        assert processor_of(ended_flat(peer, job)) == (1, "")
        assert len(told.told()) == 1
        fence(peer)

    def test_the_scheduler_that_has_it_calls(self, make, processor, broker, tmp_path):
        told = processor()
        site = make({"apptest": told})
        other = Scheduler(tmp_path, {**broker_settings(broker, site.vhost), "thrift.agent.port": site.scheduler.agent_port,
                                     "processor.apptest": told.address})
        peer = site.peer()
        job = asynchronous(peer, func="hold")
        instruction = accepted(site, param=job["param"])
        wait_for(lambda: jobs_in(site, "accepted"), 10, "the journal to have it")
        other.start()
        assert send_result(other.port, result_of(instruction, result="elsewhere")) == "success"
        assert processor_of(ended_flat(peer, job)) == (1, "")
        wait_for(lambda: not jobs_in(site, "accepted"), 10, "the first scheduler to hear of it")
        assert len(told.told()) == 1
        other.stop()
        fence(peer)

    def test_while_it_is_asked_the_job_still_runs(self, make, processor):
        held = processor("held")
        site = make({"apptest": held}, processor_timeout=60000)
        peer = site.peer()
        [job] = settled(site, peer)
        [shown] = jobs_in(site, "settled")
        assert (shown["result_flag"], shown["flag"]) == (2, 1)
        held.let_go()
        assert ended_flat(peer, job)["data"]["result_flag"] == 1


def test_the_sdks_processor(make, tmp_path):
    subprocess.run(["thrift", "--gen", "py", "-out", tmp_path, REPOSITORY / "idl/elves.thrift"], check=True)
    port = free_port()
    with open(tmp_path / "said", "wb") as said:
        program = subprocess.Popen([sys.executable, REPOSITORY / "sdk/python/app-processor.py", str(port), "127.0.0.1"],
                                   cwd=REPOSITORY / "apps/apptest", stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                   env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"})
    try:
        wait_for(lambda: accepts("127.0.0.1", port), 10, "it to listen")
        site = make(**{"processor.apptest": f"127.0.0.1:{port}"})
        peer = site.peer()
        assert processor_of(peer.call(send_sync(mode="sap", param="to the app")).json) == (1, "")
        failed = processor_of(peer.call(send_sync(mode="sap", func="fail")).json)
        assert failed == (0, "[413.3]Send Result To Processor Fail: Internal error")
        assert "apptest.echo on 127.0.0.2: flag 1, 'to the app'" in (tmp_path / "said").read_text()
    finally:
        end_process(program)
