"""kill -9 and SIGTERM of a scheduler whose journal the next one takes over."""
import pytest
from harness.answers import accepted, code_of, ended, error_of, fence, held
from harness.jobs import async_job, new_id, send_sync
from harness.proxy import Proxy
from harness.thrift_peers import result_of, send_result
from harness.util import wait_for


@pytest.fixture
def site(make_site, broker):
    return make_site(broker=broker).start()


def test_accepted_jobs_survive_kill_9(site):
    peer = site.peer()
    jobs = held(site, peer, 20)
    site.scheduler.kill()
    site.scheduler.start()
    for job, instruction in jobs:
        assert send_result(site.scheduler.port, result_of(instruction, result=job["mqbody"]["param"])) == "success"
        assert ended(peer, job)["result"]["worker_message"] == job["mqbody"]["param"]
    assert len(site.farm.calls(func="hold")) == 20
    fence(peer)


def test_an_accepted_job_without_result_still_times_out_once(site):
    peer = site.peer()
    job = async_job(func="hold", param=new_id(), timeout=2)
    peer.publish(job)
    accepted(site, param=job["mqbody"]["param"])
    wait_for(lambda: "accepted" in site.scheduler.http("GET", "/api/v1/jobs").text, 10, "the journal to have it")
    site.scheduler.kill()
    site.scheduler.start()
    body = ended(peer, job)
    assert body["flag"] == "false" and code_of(body["error"]) == "410.2"
    fence(peer)


def test_sigterm_leaves_accepted_jobs_to_the_journal(site):
    peer = site.peer()
    [(job, instruction)] = held(site, peer, 1)
    site.scheduler.stop()
    peer.nothing_left()
    site.scheduler.start()
    assert send_result(site.scheduler.port, result_of(instruction, result="after")) == "success"
    assert ended(peer, job)["result"]["worker_message"] == "after"


def test_a_synchronous_caller_is_told_after_kill_9(site):
    peer = site.peer()
    request = send_sync(func="sleep", param="60", timeout=60)
    peer.publish(request, reply_to=peer.reply_queue, correlation_id="cut")
    site.farm.wait_call(1, call="sync")
    site.scheduler.kill()
    site.scheduler.start()
    assert code_of(error_of(peer.wait_reply("cut"))) == "410.3"
    assert len(site.farm.calls(call="sync", param="60")) == 1


def test_results_that_came_while_the_broker_was_away_survive_kill_9(make_site, broker):
    proxy = Proxy(broker.port)
    site = make_site(broker=broker, broker_port=proxy.port, settings={"mq.heartbeat": 1}).start()
    peer = site.peer()
    jobs = held(site, peer, 10)
    proxy.freeze()
    for job, instruction in jobs:
        assert send_result(site.scheduler.port, result_of(instruction, result=job["mqbody"]["param"])) == "success"
    site.scheduler.kill()
    site.scheduler.start()
    for job, _ in jobs:
        assert ended(peer, job)["result"]["worker_message"] == job["mqbody"]["param"]
    fence(peer)


def test_the_history_survives_a_restart(site):
    peer = site.peer()
    log_id = peer.call(send_sync(param="remember me")).json["data"]["log_id"]
    site.scheduler.stop()
    site.scheduler.start()
    job = site.scheduler.http("GET", f"/api/v1/jobs/{log_id}").json
    assert job["worker_message"] == "remember me" and job["state"] == "published"


def test_two_schedulers_do_not_share_a_journal(site, make_site, broker):
    other = make_site(broker=broker, settings={"journal.path": site.scheduler.settings["journal.path"]})
    with pytest.raises(AssertionError, match="ended with 78"):
        other.start()
    assert "journal" in other.scheduler.log()
