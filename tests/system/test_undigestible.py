"""Deliveries that are larger or odder than agreed: they run or are dead letters, and what is behind them goes on."""
import json
import subprocess
import time

import pika
import pytest
from harness.answers import code_of
from harness.jobs import new_id, send_sync, sync_job
from harness.rabbit import PASSWORD, USER
from harness.scheduler import BINARIES, environment
from harness.util import wait_for

FRAME = 131_072
BACK = 40
OUTAGE = 12


@pytest.fixture(scope="module")
def site(make_site, broker):
    return make_site(broker=broker).start()


def nested(levels):
    table = {}
    for _ in range(levels):
        table = {"t": table}
    return table


class Detour:
    """A queue whose messages the broker moves to `scheduler` after a moment, and adds x-death to their headers."""

    def __init__(self, peer, name):
        self._peer = peer
        self._name = name
        peer.channel.queue_declare(name, durable=True, arguments={
            "x-message-ttl": 1, "x-dead-letter-exchange": "elves", "x-dead-letter-routing-key": "openapi.scheduler"})

    def send(self, request, headers, **properties):
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        self._peer.channel.basic_publish("", self._name, body, pika.BasicProperties(headers=headers, **properties))


@pytest.fixture
def detour(peer):
    return Detour(peer, "detour-" + new_id())


def largest_headers(reply_to, correlation_id="large"):
    """As large as one frame takes: what is left is counted from the property list as pika writes it."""
    properties = pika.BasicProperties(headers={"k": ""}, reply_to=reply_to, correlation_id=correlation_id)
    listed = len(b"".join(properties.encode()))
    return {"k": "x" * (FRAME - 8 - 12 - listed)}


class TestHeaders:
    def test_that_fill_a_frame_and_grow_on_their_way(self, peer, detour, site):
        lost = site.scheduler.metric("elves_broker_losses_total")
        detour.send(send_sync(param="large"), largest_headers(peer.reply_queue), reply_to=peer.reply_queue,
                    correlation_id="large")
        for number in range(3):
            detour.send(send_sync(param=str(number)), {}, reply_to=peer.reply_queue, correlation_id=f"behind {number}")
        assert peer.wait_reply("large").json["data"]["worker_message"] == "large"
        for number in range(3):
            assert peer.wait_reply(f"behind {number}").json["data"]["worker_message"] == str(number)
        assert site.scheduler.metric("elves_broker_losses_total") == lost

    def test_on_a_broken_request(self, peer, detour):
        detour.send(b"{broken", largest_headers(""))
        dead = peer.dead_letter()
        assert code_of(dead.headers["x-elves-error"]) == "400.1" and dead.body == b"{broken"

    @pytest.mark.parametrize("headers", [
        {"d": nested(200)}, {"l": [[[[None] * 100] * 10] * 3] * 3}, {f"k{n}": n for n in range(3000)},
        {"": "", "x" * 128: b"\x00\xff", "big": 2 ** 40, "neg": -1, "t": True, "n": None}],
        ids=["deep", "lists", "many", "kinds"])
    def test_of_every_shape(self, peer, headers):
        param = new_id()
        assert peer.call(send_sync(param=param), headers=headers).json["data"]["worker_message"] == param


def test_elvesctl_takes_a_reply_with_such_headers(make_site, broker, tmp_path):
    site = make_site(broker=broker)
    client = site.peer()
    client.channel.queue_declare("scheduler", durable=True)
    client.channel.queue_bind("scheduler", "elves", "*.scheduler")
    (tmp_path / "request.json").write_text(json.dumps(sync_job()))
    asking = subprocess.Popen(
        [str(BINARIES / "elvesctl"), "send", str(tmp_path / "request.json")],
        env=environment(ELVES_AMQP=f"amqp://{USER}:{PASSWORD}@127.0.0.1:{broker.port}/{site.vhost}"),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _, request, _ = wait_for(lambda: (got := client.channel.basic_get("scheduler", auto_ack=True))[0] and got, 20,
                             "the request")
    client.channel.queue_declare("way", arguments={
        "x-message-ttl": 1, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": request.reply_to})
    client.channel.basic_publish("", "way", b'{"it": "came"}', pika.BasicProperties(
        headers=largest_headers("", request.correlation_id), correlation_id=request.correlation_id))
    out, err = asking.communicate(timeout=60)
    assert asking.returncode == 0 and '"came"' in out, (out, err)


def test_delivered_too_often_becomes_a_dead_letter(make_site, broker):
    """A quorum queue counts what comes back to it: the tenth time nobody tries it again."""
    quorum = make_site(broker=broker)
    client = quorum.peer()
    client.channel.queue_declare("scheduler", durable=True, arguments={"x-queue-type": "quorum"})
    client.channel.queue_bind("scheduler", "elves", "*.scheduler")
    poison, young = send_sync(param="poison"), send_sync(param="young")
    client.publish(poison)
    for _ in range(10):
        method, _, _ = wait_for(lambda: (got := client.channel.basic_get("scheduler"))[0] and got, 10, "the request")
        client.channel.basic_reject(method.delivery_tag, requeue=True)
    client.publish(young, reply_to=client.reply_queue, correlation_id="young")
    quorum.start()
    dead = client.dead_letter()
    assert dead.json == poison
    assert dead.headers["x-elves-error"].startswith("[410.3]") and "10 times" in dead.headers["x-elves-error"]
    assert client.wait_reply("young").json["data"]["worker_message"] == "young"
    assert not quorum.farm.calls(param="poison")
    client.nothing_left()
    quorum.scheduler.stop()


def test_a_connection_that_only_subscribes_is_not_good(make_site, broker):
    """Its queue goes away as soon as it has subscribed, again and again: the pauses grow all the same."""
    site = make_site(broker=broker).start()
    client = site.peer()
    connects = site.scheduler.metric("elves_broker_connects_total")
    end = time.monotonic() + OUTAGE

    def over():
        state = client.queue_state("scheduler")
        if state and state[1] > 0:
            client.channel.queue_delete("scheduler")
        return time.monotonic() > end
    wait_for(over, 2 * OUTAGE, "the end of the outage")
    assert 2 <= site.scheduler.metric("elves_broker_connects_total") - connects <= 20
    wait_for(lambda: site.scheduler.health() == 200 and client.queue_state("scheduler")[1] > 0, BACK, "the consumer")
    site.scheduler.stop()
