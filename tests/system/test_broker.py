"""The broker comes late, dies, forgets, goes silent: every request ends, and the scheduler comes back by itself."""
import collections
import itertools

import pytest
from harness.agents import addresses
from harness.answers import code_of, error_of
from harness.jobs import async_job, new_id, send_sync, sync_job
from harness.proxy import Proxy
from harness.util import free_port, wait_for

BACK = 40  # seconds a scheduler may take to be back at work; the backoff between attempts is part of it


@pytest.fixture(scope="module")
def site(make_site, broker):
    return make_site(broker=broker, agents=addresses(10)).start()


def works(peer, param=None):
    param = param or new_id()
    assert peer.call(send_sync(param=param)).json["data"]["worker_message"] == param


def healthy(site):
    return site.scheduler.health() == 200


def consuming(site):
    """Whether somebody consumes from the queue `scheduler` of this site."""
    peer = site.peer(components=())
    try:
        return (peer.queue_state("scheduler") or (0, 0))[1] > 0
    finally:
        peer.close()


def acknowledged(proxy):
    """The delivery tags of the Basic.Ack frames (AMQP 0-9-1, 2.3.5) that went through."""
    tags = []
    for said in map(bytes, list(proxy.said.values())):
        at = len(b"AMQP\x00\x00\x09\x01")
        while at + 7 <= len(said):
            size = int.from_bytes(said[at + 3:at + 7], "big")
            if said[at] == 1 and said[at + 7:at + 11] == b"\x00\x3c\x00\x50" and at + 8 + size <= len(said):
                tags.append(int.from_bytes(said[at + 11:at + 19], "big"))
            at += 8 + size
    return tags


class Flight:
    """`count` synchronous jobs, and half as many asynchronous ones, that are with their agents for some seconds."""

    def __init__(self, site, count, seconds):
        self.site, self.count, self.app, self.replies = site, count, "app" + new_id(), "replies-" + new_id()
        site.peer(reply_queue=self.replies).close()  # the queues are there now, and nobody takes anything from them
        site.broker.flush()
        peer = site.peer(components=())
        work = {"app": self.app, "func": "sleep", "param": str(seconds), "timeout": 60}
        where = itertools.cycle(addresses(10))
        for number in range(count):
            peer.publish(send_sync(ip=next(where), **work), reply_to=self.replies, correlation_id=str(number))
        self.tasks = [async_job(ip=next(where), **work) for _ in range(count // 2)]
        for task in self.tasks:
            peer.publish(task)
        site.farm.wait_call(count + len(self.tasks), app=self.app)

    def land(self):
        """Each synchronous job is answered once, rightly or with 410.3; each asynchronous one ends once, rightly."""
        wait_for(lambda: consuming(self.site) and healthy(self.site), BACK, "the scheduler to be back")
        peer = self.site.peer(reply_queue=self.replies)
        answers, ends = peer.inbox[self.replies], peer.inbox["queue"]
        peer.pump(lambda: len(answers) >= self.count and len(ends) >= len(self.tasks), BACK, "all answers")
        peer.call(send_sync(ip="127.0.0.2"))  # behind everything redelivered
        for message in answers:
            assert message.json["data"]["worker_message"] == "slept" or code_of(error_of(message)) == "410.3", message
        assert collections.Counter(message.correlation_id for message in answers) == {
            str(number): 1 for number in range(self.count)}
        for message in ends:
            assert message.json["mqbody"]["result"]["worker_message"] == "slept", message
        assert collections.Counter(message.json["mqbody"]["result"]["id"] for message in ends) == {
            task["mqbody"]["id"]: 1 for task in self.tasks}
        ran = collections.Counter(call["id"] for call in self.site.farm.calls(app=self.app))
        assert len(ran) == self.count + len(self.tasks) and set(ran.values()) == {1}
        peer.close()


class TestTopology:
    def test_what_is_declared(self, site):
        peer = site.peer()
        peer.channel.exchange_declare("elves", "topic", durable=True)  # the same, or the broker would refuse
        assert peer.queue_state("scheduler") == (0, 1)
        for number, component in enumerate(("openapi", "cron", "queue", "anything")):
            peer.publish(send_sync(sender=component, mid=f"M{number}"), reply_to=peer.reply_queue,
                         correlation_id=component)
            peer.wait_reply(component)
        peer.publish(b"bad", routing_key="a.scheduler")
        peer.dead_letter()
        peer.close()

    @pytest.mark.parametrize("arguments", [{"x-max-length": 5000}, {"x-message-ttl": 3_600_000}, {"x-queue-type": "quorum"}])
    def test_queues_with_other_arguments_are_used_as_they_are(self, make_site, broker, arguments):
        other = make_site(broker=broker)
        peer = other.peer()
        for queue in ("scheduler", "scheduler.dead"):
            peer.channel.queue_declare(queue, durable=True, arguments=arguments)
        request = send_sync(param="waiting")
        peer.channel.queue_bind("scheduler", "elves", "*.scheduler")
        peer.publish(request, reply_to=peer.reply_queue, correlation_id="early")
        other.start()
        assert peer.wait_reply("early").json["data"]["worker_message"] == "waiting"
        works(peer)
        peer.publish(b"bad", routing_key="a.scheduler")
        assert code_of(peer.dead_letter().headers["x-elves-error"]) == "400.1"
        other.scheduler.stop()

    def test_an_unbound_queue_is_bound(self, make_site, broker):
        other = make_site(broker=broker)
        peer = other.peer()
        peer.channel.queue_declare("scheduler", durable=False, auto_delete=True)
        other.start()
        works(peer)
        other.scheduler.stop()

    def test_another_exchange(self, make_site, broker):
        other = make_site(broker=broker, settings={"mq.exchange": "my-elves"}).start()
        works(other.peer(exchange="my-elves"))
        other.scheduler.stop()


class TestNodes:
    """mq.hosts with one node that answers; tests/system/test_cluster.py has three."""

    def test_the_one_that_answers_is_found(self, make_site, broker):
        hosts = f"127.0.0.1:{free_port()},localhost:{broker.port},[::1]:{free_port()}"
        site = make_site(broker=broker, settings={"mq.hosts": hosts}).start()
        places = site.scheduler.http("GET", "/healthz").json["broker"]
        assert places == dict.fromkeys(("requests", "answers"), f"localhost:{broker.port} (127.0.0.1)")
        node = f'{{connection="requests",node="localhost:{broker.port} (127.0.0.1)"}}'
        assert site.scheduler.metric("elves_broker_node" + node) == 1
        works(site.peer())
        site.scheduler.stop()

    def test_what_an_entry_leaves_out_is_taken_from_the_other_keys(self, make_site, broker):
        site = make_site(broker=broker, settings={"mq.hosts": f"127.0.0.1,:{broker.port}"}).start()
        assert site.scheduler.http("GET", "/healthz").json["broker"]["answers"] == f"127.0.0.1:{broker.port}"
        site.scheduler.stop()

    def test_each_that_does_not_answer_is_named(self, make_site, broker):
        first, second = free_port(), free_port()
        site = make_site(broker=broker, settings={"mq.hosts": f"127.0.0.1:{first},localhost:{second}"})
        site.start(until="alive")

        def trouble():
            return site.scheduler.http("GET", "/healthz").json["trouble"]
        wait_for(lambda: str(first) in trouble() and str(second) in trouble(), BACK, "both to be named")
        assert f"no broker at 127.0.0.1:{first}: Connection refused" in trouble()
        assert f"no broker at localhost:{second}: " in trouble() and "127.0.0.1: Connection refused" in trouble()
        told = [line for line in site.scheduler.log().splitlines() if "trying again until it works" in line]
        assert len(told) == 2, told  # one for each connection, however many rounds
        assert site.scheduler.http("GET", "/healthz").json["broker"] == {"requests": "", "answers": ""}
        site.scheduler.stop()

    def test_a_lost_one_is_followed_by_another(self, make_site, broker):
        proxies = [Proxy(broker.port) for _ in range(2)]
        site = make_site(broker=broker, settings={
            "mq.hosts": ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)}).start()

        def place():
            return site.scheduler.http("GET", "/healthz").json["broker"]["requests"]
        used = next(proxy for proxy in proxies if place().endswith(f":{proxy.port}"))
        other = next(proxy for proxy in proxies if proxy is not used)
        used.refuse(True)
        used.cut()
        wait_for(lambda: place().endswith(f":{other.port}"), BACK, "the other node")
        wait_for(lambda: healthy(site), BACK, "health")
        works(site.peer())
        site.scheduler.stop()
        for proxy in proxies:
            proxy.close()


class TestLosses:
    def test_connections_closed_by_the_broker(self, site, broker):
        broker.close_all_connections(site.vhost)
        wait_for(lambda: consuming(site), BACK, "the consumer")
        wait_for(lambda: healthy(site), BACK, "health")
        works(site.peer())

    def test_jobs_in_flight_when_the_connections_close(self, site, broker):
        flight = Flight(site, 50, 3)
        broker.close_all_connections(site.vhost)
        flight.land()

    def test_a_deleted_queue_is_noticed_and_made_again(self, site):
        peer = site.peer()
        peer.channel.queue_delete("scheduler")
        wait_for(lambda: (peer.queue_state("scheduler") or (0, 0))[1] > 0, BACK, "the consumer")
        wait_for(lambda: healthy(site), BACK, "health")
        works(peer)

    def test_a_deleted_exchange_is_made_again(self, site):
        peer = site.peer()
        peer.channel.exchange_delete("elves")
        peer.channel.queue_delete("scheduler")
        wait_for(lambda: (peer.queue_state("scheduler") or (0, 0))[1] > 0, BACK, "the consumer")
        again = site.peer()
        works(again)
        again.publish(send_sync())  # answered through the exchange
        again.wait_message("openapi")

    def test_acknowledgements_leave_together(self, make_site, broker):
        proxy = Proxy(broker.port)
        peer = make_site(broker=broker, broker_port=proxy.port).start().peer()
        jobs = 200
        for _ in range(jobs):
            assert error_of(peer.call(send_sync())) == ""
        tags = wait_for(lambda: (found := acknowledged(proxy)) and max(found) == jobs and found, BACK, "all of them")
        assert len(tags) < jobs
        proxy.close()

    def test_a_network_that_goes_silent(self, make_site, broker):
        proxy = Proxy(broker.port)
        other = make_site(broker=broker, broker_port=proxy.port, settings={"mq.heartbeat": 1}).start()
        peer = other.peer()
        works(peer)
        proxy.freeze()
        for number in range(5):
            peer.publish(send_sync(param=str(number)), reply_to=peer.reply_queue, correlation_id=f"silent {number}")
        for number in range(5):
            reply = peer.wait_reply(f"silent {number}", BACK)
            assert error_of(reply) == "" or code_of(error_of(reply)) == "410.3", reply
        works(peer)
        lost = other.scheduler.metric("elves_broker_losses_total")
        proxy.cut()
        wait_for(lambda: other.scheduler.metric("elves_broker_losses_total") == lost + 2, BACK, "both to be lost")
        wait_for(lambda: healthy(other), BACK, "health")
        works(peer)
        other.scheduler.stop()
        proxy.close()


class TestDeath:
    """Last in the file: the broker is killed and started again."""

    def test_quorum_queues_survive_with_all_their_jobs(self, make_site, broker):
        quorum = make_site(broker=broker, agents=addresses(10))
        peer = quorum.peer(components=())
        for queue in ("scheduler", "scheduler.dead"):
            peer.channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
        quorum.start()
        flight = Flight(quorum, 50, 6)
        broker.kill()
        wait_for(lambda: quorum.scheduler.health() == 503, BACK, "the loss to be noticed")
        broker.start()
        flight.land()
        quorum.scheduler.stop()

    def test_killed_with_200_jobs_in_flight(self, site, broker):
        flight = Flight(site, 200, 6)
        broker.kill()
        wait_for(lambda: site.scheduler.health() == 503, BACK, "the loss to be noticed")
        broker.start()
        flight.land()

    def test_absent_at_the_start(self, make_site, broker, site):
        late = make_site(broker=broker)
        broker.stop()
        late.start(until="alive")
        wait_for(lambda: late.scheduler.health() == 503, 10, "the scheduler to say that the broker is away")
        assert late.scheduler.http("GET", "/healthz").json["status"] != "ok"
        broker.start()
        for one in (late, site):
            wait_for(lambda one=one: healthy(one), BACK, "health")
            peer = one.peer()
            works(peer)
            assert peer.call(sync_job(param="both")).json["mqbody"]["result"]["worker_message"] == "both"
        late.scheduler.stop()
