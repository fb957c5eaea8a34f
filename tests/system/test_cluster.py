"""A broker of three nodes: whichever goes away, requests go on at the others, and each ends once."""
import collections
import re

import pika
import pytest
from harness.agents import addresses
from harness.answers import code_of, error_of
from harness.cluster import Cluster
from harness.jobs import async_job, new_id, send_sync
from harness.util import wait_for

BACK = 120  # seconds until a node's loss is over: leaders are elected, queues come back


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def site(make_site, cluster):
    for node in cluster.nodes:
        if not node.running():
            cluster.revive(node)
    made = make_site(broker=cluster, agents=addresses(10), settings={
        "mq.hosts": cluster.hosts, "mq.queueType": "quorum", "mq.heartbeat": 5})
    made.start(until="alive")
    wait_for(lambda: made.scheduler.health() == 200, BACK, "health")
    return made


def node_of(cluster, site, connection):
    """The node that a connection of the scheduler goes to; None while there is none."""
    place = site.scheduler.http("GET", "/healthz").json["broker"][connection]
    return cluster.node_at(int(re.search(r":(\d+)$", place).group(1))) if place else None


class Box:
    """Takes what is in a queue, whatever happens to the nodes meanwhile."""

    def __init__(self, site, queue):
        self._site, self._queue = site, queue
        self._channel = None
        self.found = []

    def look(self):
        """Takes a message if there is one; answers with how many there have been."""
        try:
            if self._channel is None:
                self._channel = self._site.broker.connect(self._site.vhost).channel()
            method, properties, body = self._channel.basic_get(self._queue)
            if method:
                self._channel.basic_ack(method.delivery_tag)
                # One whose acknowledgement was lost comes again, marked.
                if not method.redelivered or (properties.correlation_id, body) not in [
                        (seen.correlation_id, text) for seen, text in self.found]:
                    self.found.append((properties, body))
        except (pika.exceptions.AMQPError, OSError):
            self._channel = None
        return len(self.found)


class Flight:
    """Jobs of both kinds that are with their agents for some seconds. Their results go to quorum queues."""

    def __init__(self, site, count, seconds):
        self._site, self._count = site, count
        self._replies = "replies-" + new_id()
        peer = site.peer(components=())
        for queue, key in ((self._replies, None), ("queue", "*.queue")):
            peer.channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
            if key:
                peer.channel.queue_bind(queue, "elves", key)
        peer.channel.confirm_delivery()
        work = {"app": "app" + new_id(), "func": "sleep", "param": str(seconds), "timeout": 60}
        self._app = work["app"]
        where = addresses(10)
        for number in range(count):
            peer.publish(send_sync(ip=where[number % 10], **work), reply_to=self._replies, correlation_id=str(number))
        self._tasks = [async_job(ip=where[number % 10], **work) for number in range(count)]
        for task in self._tasks:
            peer.publish(task)
        site.farm.wait_call(2 * count, app=self._app)

    def land(self):
        """Each synchronous job is answered once, each asynchronous one ends once, and each ran once."""
        wait_for(lambda: self._site.scheduler.health() == 200, BACK, "health")
        answers, ends = Box(self._site, self._replies), Box(self._site, "queue")
        wait_for(lambda: answers.look() >= self._count and ends.look() >= self._count, BACK, "all answers")
        assert collections.Counter(properties.correlation_id for properties, _ in answers.found) == {
            str(number): 1 for number in range(self._count)}
        told = collections.Counter(task["mqbody"]["id"] for task in self._tasks
                                   for _, body in ends.found if f'"{task["mqbody"]["id"]}"'.encode() in body)
        assert told == {task["mqbody"]["id"]: 1 for task in self._tasks}
        ran = collections.Counter(call["id"] for call in self._site.farm.calls(app=self._app))
        assert len(ran) == 2 * self._count and set(ran.values()) == {1}


def works(site):
    peer = site.peer(components=())
    reply = peer.call(send_sync(param="works"), timeout=60)
    assert error_of(reply) == "" or code_of(error_of(reply)) == "410.3", reply
    peer.close()


@pytest.mark.parametrize("connection", ["requests", "answers"])
def test_the_node_that_a_connection_goes_to_is_killed(cluster, site, connection):
    works(site)
    flight = Flight(site, 10, 5)
    node = node_of(cluster, site, connection)
    assert site.scheduler.metric(
        f'elves_broker_node{{connection="{connection}",node="127.0.0.1:{node.port}"}}') == 1
    cluster.kill(node)
    flight.land()
    assert node_of(cluster, site, connection) is not node
    works(site)
    site.scheduler.stop()


def test_the_leader_of_the_requests_is_killed(cluster, site):
    flight = Flight(site, 10, 5)
    cluster.kill(cluster.leader(site.vhost, "scheduler"))
    flight.land()
    works(site)
    site.scheduler.stop()


def test_a_majority_is_away_for_a_while(cluster, site):
    flight = Flight(site, 10, 5)
    gone = cluster.nodes[1:]
    cluster.kill(*gone)
    wait_for(lambda: site.scheduler.metric('elves_jobs_open{state="settled"}') >= 20, 60, "results that cannot leave")
    cluster.revive(*gone)
    flight.land()
    works(site)
    site.scheduler.stop()
