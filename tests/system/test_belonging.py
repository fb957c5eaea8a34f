"""Only who belongs: which machines are called, who may bring results, and whose."""
import signal

import pytest
from harness.agents import addresses
from harness.answers import accepted, code_of, ended, error_of, fence
from harness.jobs import async_job, new_id, send_async, send_sync, sync_job
from harness.thrift_peers import SchedulerClient, instruct, result_of, send_result
from harness.util import free_port, wait_for
from thrift.transport import TTransport

OUTSIDE = "[403.1]Request Params (ip) Illegal: outside agent.allow"
STRANGERS = ["169.254.169.254", "::1", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "0.0.0.0", "::", "127.0.0.9"]


@pytest.fixture(scope="module")
def site(make_site, broker):
    return make_site(broker=broker, settings={"agent.allow": "10.0.0.0/8, 127.0.0.0/29"}).start()


def refused(port, reinstruct, source):
    """Whether the scheduler hangs up on who brings this."""
    try:
        send_result(port, reinstruct, source=source)
    except (TTransport.TTransportException, ConnectionError):
        return True
    return False


@pytest.mark.parametrize("ip", STRANGERS)
@pytest.mark.parametrize("request_of", [send_sync, send_async, sync_job], ids=["sendSync", "sendAsync", "syncJob"])
def test_a_job_for_another_machine_is_answered_so(site, peer, ip, request_of):
    before = site.scheduler.metric("elves_jobs_outside_total")
    assert error_of(peer.call(request_of(ip=ip))) == OUTSIDE
    assert site.scheduler.metric("elves_jobs_outside_total") == before + 1


@pytest.mark.parametrize("ip", STRANGERS)
def test_an_asynchronous_one_of_the_body_envelope_ends_so(peer, ip):
    job = async_job(ip=ip)
    peer.publish(job)
    message = peer.collect("queue", 1)[0]
    assert message.json["mqbody"]["flag"] == "false"
    assert (message.json["mqbody"]["error"], message.json["mqbody"]["result"]) == (OUTSIDE, {"id": job["mqbody"]["id"]})


@pytest.mark.parametrize("kind", ["", "cron"])
@pytest.mark.parametrize("ip", STRANGERS)
def test_one_over_http_is_told_so(site, ip, kind):
    job = {"ip": ip, "app": "apptest", "func": "echo", "param": "", "mode": "sanp", "type": kind}
    answer = site.scheduler.http("POST", "/api/v1/jobs", job)
    assert answer.status == 400
    assert answer.json == {"error": OUTSIDE, "code": "403.1"}


def test_who_is_told_nothing_leaves_a_dead_letter(site, peer):
    peer.publish(sync_job(ip="::1", mqtype="cast"))
    assert error_of(peer.dead_letter()) == OUTSIDE


def test_others_are_served_however_they_are_spelled(peer):
    assert peer.call(send_sync(param="x")).json["data"]["worker_message"] == "x"
    assert peer.call(send_sync(ip="::ffff:127.0.0.3", param="y")).json["data"]["worker_message"] == "y"


def test_a_job_that_waits_for_its_next_attempt_ends_when_its_machine_is_out(make_site, broker):
    own = make_site(broker=broker, settings={"job.retry.attempts": 1000, "job.retry.pause": 50,
                                             "job.retry.maxPause": 100, "agent.breaker.failures": 0}).start()
    peer = own.peer()
    job = async_job(ip="127.0.0.77", timeout=60)
    peer.publish(job)
    wait_for(lambda: own.scheduler.metric("elves_job_retries_total") > 0, 10, "a second attempt")
    own.scheduler.write_config(agent_allow="10.0.0.0/8")
    own.scheduler.signal(signal.SIGHUP)
    assert code_of(error_of(peer.collect("queue", 1)[0])) == "403.1"
    assert error_of(peer.call(send_sync())) == OUTSIDE


def test_a_restarted_scheduler_calls_nobody_who_is_out_now(make_site, broker):
    own = make_site(broker=broker, settings={"job.retry.attempts": 2, "job.retry.pause": 3_600_000,
                                             "job.retry.maxPause": 3_600_000}).start()
    peer = own.peer()
    peer.publish(async_job(ip="127.0.0.77", timeout=600_000))

    def waits():
        jobs = own.scheduler.http("GET", "/api/v1/jobs", query={"state": "received"}).json["jobs"]
        return jobs and jobs[0]["agent_sync_error"]
    wait_for(waits, 10, "the job to wait for its second attempt")
    own.scheduler.kill()
    own.scheduler.settings["agent.allow"] = "10.0.0.0/8"
    own.scheduler.start()
    assert error_of(peer.collect("queue", 1)[0]) == OUTSIDE


def test_a_result_is_taken_from_its_agent_only(site, peer):
    job = async_job(ip="127.0.0.3", func="hold", param=new_id(), timeout=60)
    peer.publish(job)
    ins = accepted(site, param=job["mqbody"]["param"])
    before = site.scheduler.metric("elves_results_refused_total")
    for source in ("127.0.0.1", "127.0.0.2"):
        assert refused(site.scheduler.port, result_of(ins, result="forged"), source)
        ins.ip = source  # it may lie about that, too
        assert refused(site.scheduler.port, result_of(ins, result="forged"), source)
        ins.ip = "127.0.0.3"
    assert site.scheduler.metric("elves_results_refused_total") == before + 4
    assert "it came from 127.0.0.1, which is not its agent 127.0.0.3. If that is the same machine, put 127.0.0.1 into " \
        "thrift.trustForwarders" in site.scheduler.log()
    assert send_result(site.scheduler.port, result_of(ins, result="true")) == "success"
    assert ended(peer, job)["result"]["worker_message"] == "true"
    assert refused(site.scheduler.port, result_of(ins, result="true"), "127.0.0.2"), "nor a second one"
    fence(peer)


@pytest.mark.parametrize("kind", ["queue", "cron"])
def test_a_job_whose_result_was_refused_says_so(site, peer, kind):
    """As with a released agent, which sends from whichever address of its machine the routing table picks."""
    job = async_job(ip="127.0.0.3", sender=kind, type=kind, func="hold", param=new_id(), timeout=1)
    peer.publish(job)
    ins = accepted(site, param=job["mqbody"]["param"])
    assert refused(site.scheduler.port, result_of(ins, result="done"), "127.0.0.4")
    assert ended(peer, job)["error"].endswith(
        "a result came from 127.0.0.4, which is not its agent 127.0.0.3: thrift.trustForwarders")


def test_an_unknown_one_is_taken_from_the_address_it_names(site, peer):
    ins = instruct(id=new_id(), type="queue", ip="127.0.0.3")
    assert refused(site.scheduler.port, result_of(ins), "127.0.0.2")
    assert send_result(site.scheduler.port, result_of(ins, result="known elsewhere")) == "success"
    assert peer.collect("queue", 1)[0].json["mqbody"]["result"]["worker_message"] == "known elsewhere"
    fence(peer)


def test_unknown_ones_can_be_refused(make_site, broker):
    own = make_site(broker=broker, settings={"result.acceptUnknown": "false"}).start()
    peer = own.peer()
    assert refused(own.scheduler.port, result_of(instruct(id=new_id(), type="queue")), "127.0.0.2")
    assert own.scheduler.metric("elves_results_refused_total") == 1
    assert "result.acceptUnknown is false" in own.scheduler.log()
    job = async_job()
    peer.publish(job)
    ended(peer, job)
    fence(peer)


def test_a_forwarder_may_bring_others_results(make_site, broker):
    own = make_site(broker=broker, settings={"thrift.trustForwarders": "127.0.0.40, 127.0.1.0/24"}).start()
    peer = own.peer()
    for source in ("127.0.0.40", "127.0.1.7"):
        job = async_job(func="hold", param=new_id(), timeout=60)
        peer.publish(job)
        ins = accepted(own, param=job["mqbody"]["param"])
        assert refused(own.scheduler.port, result_of(ins), "127.0.0.41")
        assert send_result(own.scheduler.port, result_of(ins, result=source), source=source) == "success"
        assert ended(peer, job)["result"]["worker_message"] == source


def test_strangers_do_not_come_in(make_site, broker):
    own = make_site(broker=broker, settings={"thrift.allow": "127.0.0.0/29"}).start()
    peer = own.peer()
    with pytest.raises((TTransport.TTransportException, ConnectionError)):
        send_result(own.scheduler.port, result_of(instruct(id="1", type="queue")), source="127.0.0.8")
    assert own.scheduler.metric("elves_thrift_refused_allow_total") == 1
    assert "127.0.0.8: connection closed, not in thrift.allow" in own.scheduler.log()
    job = async_job()
    peer.publish(job)
    ended(peer, job)
    own.scheduler.write_config(thrift_allow="127.0.0.8")
    own.scheduler.signal(signal.SIGHUP)
    wait_for(lambda: "read again" in own.scheduler.log(), 10, "the new list")
    with SchedulerClient(own.scheduler.port, source="127.0.0.8") as friend:
        assert friend.data_transport(result_of(instruct(id="2", type="queue", ip="127.0.0.8"))) == "success"


def test_an_elves_agent_reports_from_the_address_it_is_called_by(make_site, broker, start_agent):
    port = free_port()
    own = make_site(broker=broker, agents=addresses(0), settings={"thrift.agent.port": port}).start()
    start_agent(ip="127.0.0.7", listen="0.0.0.0", port=port,
                scheduler={"addr": "127.0.0.1", "port": own.scheduler.port})
    peer = own.peer()
    job = async_job(ip="127.0.0.7", func="hello", param="strict")
    peer.publish(job)
    assert "strict" in ended(peer, job)["result"]["worker_message"]
    assert own.scheduler.metric("elves_results_refused_total") == 0
