"""Agents that misbehave: each has the right error code within its time, and the others' jobs go on."""
import signal
import time

import pytest
from harness.answers import code_of, error_of
from harness.jobs import async_job, new_id, send_sync, sync_job
from harness.thrift_peers import ForeignAgent
from harness.util import connections_to, wait_for

GOOD = "127.0.0.2"
KINDS = {
    "silent": "127.0.0.10", "garbage": "127.0.0.11", "half": "127.0.0.12", "other_id": "127.0.0.13",
    "huge": "127.0.0.14", "close_at_accept": "127.0.0.15", "close_after_reply": "127.0.0.16",
    "exception": "127.0.0.17", "empty": "127.0.0.18", "trickle": "127.0.0.19",
}
REFUSES = "127.0.0.200"
FOREIGN = "127.0.0.201"
CODES = {
    "silent": {"410.2"}, "garbage": {"410.4"}, "half": {"410.3"}, "other_id": {"410.4"}, "huge": {"410.4"},
    "close_at_accept": {"410.0", "410.3"},  # depends on whether anything was written before it was noticed
    "exception": {"410.4"}, "empty": {"410.4"}, "refuses": {"410.0"},
}
ADDRESS = {**KINDS, "refuses": REFUSES}


@pytest.fixture(scope="module")
def site(make_site, broker):
    return make_site(broker=broker, agents={GOOD: "normal", **{ip: kind for kind, ip in KINDS.items()}}).start()


def flat(reply):
    assert reply.json["mqflag"] == "1", reply
    return reply.json["data"]


@pytest.mark.parametrize("kind", CODES)
def test_flat(peer, site, kind):
    data = flat(peer.call(send_sync(ip=ADDRESS[kind], timeout=1)))
    assert code_of(data["error"]) in CODES[kind], data
    assert (data["flag"], data["result_flag"], data["worker_message"]) == (0, 0, "")
    assert data["agent_sync_error"]
    assert flat(peer.call(send_sync(ip=GOOD, param="fine")))["worker_message"] == "fine"


def test_one_that_closes_without_a_word_may_not_know_this_scheduler(peer, site):
    """The released agent does so to those who are not in its authips. The log says it once."""
    requests = [send_sync(ip=ADDRESS["close_at_accept"]), sync_job(ip=ADDRESS["close_at_accept"])]
    for request in requests:
        assert error_of(peer.call(request)).endswith(
            " without a word: it may not take calls from this scheduler, 127.0.0.1 (authips in the cfg.json of the agent)")
    assert site.scheduler.log().count(f"agent {ADDRESS['close_at_accept']}: it closes connections without a word") == 1


def test_one_that_answered_before_is_not_accused(peer, site):
    address = ADDRESS["close_after_reply"]
    assert error_of(peer.call(send_sync(ip=address))) == ""
    assert f"agent {address}: it closes" not in site.scheduler.log()


@pytest.mark.parametrize("kind", CODES)
def test_body(peer, kind):
    body = peer.call(sync_job(ip=ADDRESS[kind], timeout=1)).json["mqbody"]
    assert body["flag"] == "false" and code_of(body["error"]) in CODES[kind], body


@pytest.mark.parametrize("kind", ["garbage", "half", "exception", "close_at_accept", "refuses", "silent"])
def test_asynchronous_jobs_end_in_one_message(peer, kind):
    job = async_job(ip=ADDRESS[kind], timeout=1)
    peer.publish(job)
    body = peer.wait_message("queue", lambda m: m.json["mqbody"]["result"]["id"] == job["mqbody"]["id"]).json["mqbody"]
    if kind == "refuses":
        assert code_of(body["error"]) == "410.1"
    if kind in ("exception", "refuses"):
        assert body["flag"] == "false"
    peer.call(send_sync(ip=GOOD))
    assert not [message for message in peer.inbox["queue"] if job["mqbody"]["id"] in message.body.decode()]


def test_a_bad_agent_has_each_job_once(peer, site):
    """Nothing that may have run is sent again."""
    for kind in ("garbage", "half", "other_id", "exception"):
        app = "app" + new_id()
        flat(peer.call(send_sync(ip=KINDS[kind], app=app, timeout=1)))
        assert len(site.farm.calls(app=app)) == 1, kind


def test_a_slow_answer_is_a_good_answer(peer):
    assert flat(peer.call(send_sync(ip=KINDS["trickle"], param="bit by bit")))["worker_message"] == "bit by bit"


def test_an_agent_that_closes_after_each_answer(peer, site):
    """A connection whose peer has gone is not used again: no job fails for it."""
    where = KINDS["close_after_reply"], site.scheduler.agent_port
    for number in range(30):
        wait_for(lambda: connections_to(*where) == 0, 10, "the agent to close")  # its answer is here before that
        data = flat(peer.call(send_sync(ip=KINDS["close_after_reply"], param=str(number))))
        assert (data["error"], data["worker_message"]) == ("", str(number))


def test_an_agent_that_hangs_up_while_the_scheduler_stands_still(peer, site):
    """What the scheduler finds when it goes on is a request, and a kept connection that is no more."""
    agent = ForeignAgent(FOREIGN, site.scheduler.agent_port)
    try:
        flat(peer.call(send_sync(ip=FOREIGN)))
        site.scheduler.signal(signal.SIGSTOP)
        try:
            agent.hang_up()
            peer.publish(send_sync(ip=FOREIGN, param="after"), reply_to=peer.reply_queue, correlation_id="after")
            peer.pump(lambda: peer.queue_state("scheduler")[0] == 0, 10, "the broker to send the request")
        finally:
            site.scheduler.signal(signal.SIGCONT)
        data = flat(peer.wait_reply("after"))
        assert (data["error"], data["worker_message"]) == ("", "after")
    finally:
        agent.close()


def test_a_deadline_is_kept(peer):
    began = time.monotonic()
    assert code_of(error_of(peer.call(send_sync(ip=KINDS["silent"], timeout=1)))) == "410.2"
    assert 1 <= time.monotonic() - began < 1 + 1 + 2  # timeout, grace, room


def test_a_worker_slower_than_its_timeout(peer, site):
    data = flat(peer.call(send_sync(ip=GOOD, func="sleep", param="4", timeout=1)))
    assert code_of(data["error"]) == "410.2"


def test_an_answer_within_the_grace_counts(peer):
    data = flat(peer.call(send_sync(ip=GOOD, func="sleep", param="1.4", timeout=1)))
    assert (data["error"], data["worker_message"]) == ("", "slept")


def test_bad_agents_do_not_delay_good_ones(peer):
    """With every kind of bad agent at work, good answers come at once."""
    bad = [kind for kind in CODES for _ in range(2 if kind == "huge" else 20)]  # the farm has to send it all
    for number, kind in enumerate(bad):
        peer.publish(send_sync(ip=ADDRESS[kind], timeout=2), reply_to=peer.reply_queue,
                     correlation_id=f"{kind} {number}")
    began = time.monotonic()
    for number in range(50):
        assert flat(peer.call(send_sync(ip=GOOD, param=str(number))))["worker_message"] == str(number)
    assert time.monotonic() - began < 5
    for reply in peer.collect(peer.reply_queue, len(bad)):
        kind = reply.correlation_id.split()[0]
        assert code_of(flat(reply)["error"]) in CODES[kind], reply
