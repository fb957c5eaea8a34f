"""Two schedulers on one queue, a journal each: a result reaches the one that did not send the job."""
import signal

import pytest
from harness.answers import accepted, code_of, ended, error_of, fence
from harness.jobs import async_job, new_id, send_sync
from harness.proxy import Proxy
from harness.rabbit import USER
from harness.scheduler import Scheduler, broker_settings
from harness.thrift_peers import ForeignAgent, result_of, send_result
from harness.util import wait_for

LATE_AGENT = "127.0.0.98"


class Pair:
    """An installation's scheduler, and a second one beside it."""

    def __init__(self, site, folder, broker):
        self.site = site
        self.one = site.scheduler
        self.other = Scheduler(folder, {**broker_settings(broker, site.vhost), "thrift.agent.port": self.one.agent_port})

    def held_by_one(self, peer, **fields):
        """A queue task that the first scheduler has sent to its agent; the second one is not there yet."""
        job = async_job(func="hold", param=new_id(), **fields)
        peer.publish(job)
        instruction = accepted(self.site, param=job["mqbody"]["param"])
        wait_for(lambda: states(self.one, job) == ["accepted"], 10, "the first one's journal to have it")
        return job, instruction


def states(scheduler, job):
    jobs = scheduler.http("GET", "/api/v1/jobs?fields=full").json["jobs"]
    return [one["state"] for one in jobs if one["param"] == job["mqbody"]["param"]]


def counted(scheduler, name):
    text = scheduler.http("GET", "/metrics").text
    return next(int(float(line.split()[1])) for line in text.splitlines() if line.startswith(name + " "))


@pytest.fixture
def make_pair(make_site, broker, tmp_path):
    pairs = []

    def make(**options):
        pairs.append(Pair(make_site(broker=broker, **options).start(), tmp_path, broker))
        return pairs[-1]

    yield make
    for pair in pairs:
        if pair.other.alive():
            pair.other.stop()


def test_a_result_at_the_other_scheduler_ends_the_job_once(make_pair):
    pair = make_pair()
    peer = pair.site.peer()
    job, instruction = pair.held_by_one(peer, timeout=2)
    pair.other.start()
    assert send_result(pair.other.port, result_of(instruction, result="found its way")) == "success"
    assert ended(peer, job)["result"]["worker_message"] == "found its way"
    wait_for(lambda: states(pair.one, job) == ["published"], 10, "the first one to hear of it")
    known = pair.one.http("GET", "/api/v1/jobs?fields=full").json["jobs"][0]
    assert known["worker_message"] == "found its way" and known["result_flag"] == 1
    assert send_result(pair.one.port, result_of(instruction, result="found its way")) == "success"
    fence(peer)


def test_a_failure_that_the_broker_did_not_hear_is_not_told_beside_a_result(make_pair, broker):
    proxy = Proxy(broker.port)
    pair = make_pair(broker_port=proxy.port)
    peer = pair.site.peer()
    job = async_job(ip=LATE_AGENT, param=new_id(), timeout=20)
    proxy.deafen(True)
    peer.publish(job)
    wait_for(lambda: states(pair.one, job) == ["settled"], 10, "the first one to give up: nobody listens there")
    agent = ForeignAgent(LATE_AGENT, pair.one.agent_port)
    pair.other.start()
    proxy.refuse(True)
    proxy.cut()
    instruction = wait_for(lambda: next(iter(agent.handler.instructions), None), 20, "the second one to send it")
    assert send_result(pair.other.port, result_of(instruction, result="it ran")) == "success"
    assert ended(peer, job)["result"]["worker_message"] == "it ran"
    proxy.deafen(False)
    proxy.refuse(False)
    wait_for(lambda: states(pair.one, job) == ["published"], 40, "the first one to hear of it")
    assert counted(pair.one, "elves_jobs_settled_elsewhere_total") == 1
    fence(peer)
    agent.close()
    pair.one.stop()
    proxy.close()


def test_the_dispatcher_is_away_when_the_result_comes(make_pair):
    pair = make_pair()
    peer = pair.site.peer()
    job, instruction = pair.held_by_one(peer, timeout=1)
    pair.other.start()
    pair.one.kill()
    assert send_result(pair.other.port, result_of(instruction, result="meanwhile")) == "success"
    assert ended(peer, job)["result"]["worker_message"] == "meanwhile"
    pair.one.start()  # by now the job's time is over
    wait_for(lambda: states(pair.one, job) == ["published"], 10, "the first one to hear of it")
    assert counted(pair.one, "elves_jobs_settled_elsewhere_total") == 1
    fence(peer)


def test_a_scheduler_cut_off_from_the_broker_ends_no_job_before_it_has_read_its_notices(make_pair, broker):
    proxy = Proxy(broker.port)
    pair = make_pair(broker_port=proxy.port, settings={"mq.heartbeat": 1})
    peer = pair.site.peer()
    job, instruction = pair.held_by_one(peer, timeout=1)
    pair.other.start()
    proxy.freeze()
    assert send_result(pair.other.port, result_of(instruction, result="told")) == "success"
    assert ended(peer, job)["result"]["worker_message"] == "told"
    wait_for(lambda: states(pair.one, job) == ["published"], 20, "the first one to be back and hear of it")
    fence(peer)
    pair.one.stop()
    proxy.close()


def test_requests_of_a_killed_scheduler_continue_at_the_other(make_pair):
    pair = make_pair(agents={"127.0.0.2": "silent", "127.0.0.3": "normal"})
    peer = pair.site.peer()
    task = async_job(func="hold", param=new_id(), timeout=1)
    correlation = new_id()
    peer.publish(send_sync(func="hold", timeout=30), reply_to=peer.reply_queue, correlation_id=correlation)
    peer.publish(task)
    pair.site.farm.wait_call(2)
    pair.other.start()
    pair.one.kill()
    assert code_of(error_of(peer.wait_reply(correlation))) == "410.3"
    assert code_of(ended(peer, task)["error"]) == "410.3"
    peer.nothing_left()
    pair.one.start()
    wait_for(lambda: "accepted" not in states(pair.one, task), 10, "the first one to hear of it")
    assert "ok" in pair.one.http("GET", "/healthz").text
    peer.call(send_sync(ip="127.0.0.3"))
    peer.nothing_left()


def test_a_broker_that_allows_no_further_exchange_is_done_without(make_site, broker):
    site = make_site(broker=broker)
    broker.rabbitmqctl("set_permissions", "-p", site.vhost, USER, r"^(elves|scheduler|scheduler\.dead|cron|queue|openapi|amq\..*)$",
                       ".*", ".*")
    site.start()
    peer = site.peer()
    job = async_job()
    peer.publish(job)
    assert ended(peer, job)["flag"] == "true"
    assert "exchange elves.peers does not exist, and cannot be made" in site.scheduler.log()


def test_a_scheduler_that_stood_still_takes_nothing_from_its_old_connection(make_site, broker):
    site = make_site(broker=broker, settings={"mq.heartbeat": 1}).start()
    peer = site.peer()
    site.scheduler.signal(signal.SIGSTOP)
    job = async_job(sender="cron", type="cron", param=new_id())
    try:
        peer.publish(job)  # goes into its socket
        peer.pump(lambda: peer.queue_state("scheduler")[1] == 0, 20, "the broker to give it up")
    finally:
        site.scheduler.signal(signal.SIGCONT)
    assert ended(peer, job)["flag"] == "true"
    assert "stood still for longer than the heartbeat" in site.scheduler.log()
    assert len(site.farm.calls(param=job["mqbody"]["param"])) == 1
    fence(peer)


def test_the_inbox_is_bounded_and_does_not_outlive_its_scheduler_for_ever(make_site, broker):
    site = make_site(broker=broker, settings={"mq.peers.maxLength": 77, "mq.peers.expires": 66}).start()
    listed = broker.rabbitmqctl("list_queues", "--vhost", site.vhost, "name", "durable", "arguments")
    [inbox] = [line for line in listed.splitlines() if line.startswith("scheduler.peer.")]
    assert "true" in inbox and '"x-max-length",77' in inbox and '"x-expires",66000' in inbox


def test_what_is_no_notice_is_ignored(make_pair):
    pair = make_pair()
    peer = pair.site.peer()
    for body in (b"", b"{}", b"no json", b'{"id": "x", "type": "rt", "result": ""}', b'{"id": 7}'):
        peer.channel.basic_publish("elves.peers", "", body)
    fence(peer)
    wait_for(lambda: pair.one.log().count("is no notice: ignored") == 4, 10, "them to be read")
