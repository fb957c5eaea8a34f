"""SIGTERM under hard conditions, and what one message or one agent must not do to the others."""
import collections
import signal
import socket
import threading

import pytest
from harness.answers import code_of, error_of
from harness.jobs import async_job, send_sync
from harness.proxy import Proxy
from harness.scheduler import Scheduler
from harness.util import wait_for

DRAIN = 1
STOPS = 5
GIVEN_UP = 10  # how long a test waits for an exit; the promise is drain.timeout + 1 s


def leave(scheduler):
    scheduler.signal(signal.SIGTERM)
    scheduler.wait_end(DRAIN + GIVEN_UP)


def test_jobs_that_wait_behind_a_silent_agent_are_told_and_never_sent(make_site, broker):
    site = make_site(broker=broker, agents={"127.0.0.2": "normal", "127.0.0.3": "silent"},
                     settings={"agent.maxInFlight": 1, "drain.timeout": DRAIN}).start()
    peer = site.peer()
    for number in range(3):
        peer.publish(send_sync(ip="127.0.0.3", timeout=60), reply_to=peer.reply_queue, correlation_id=str(number))
    site.farm.wait_call(1, agent="127.0.0.3")
    leave(site.scheduler)
    for number in range(3):
        assert code_of(error_of(peer.wait_reply(str(number)))) == "410.3"
    assert len(site.farm.calls(agent="127.0.0.3")) == 1


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_callers_do_not_notice_that_one_of_two_schedulers_leaves(make_site, broker, queue_type):
    """What is on its way to it when it leaves is done, not refused or given back."""
    site = make_site(broker=broker)
    channel = site.peer(components=()).channel
    channel.queue_declare("scheduler", durable=True, arguments={"x-queue-type": queue_type})
    site.start()
    peer = site.peer(components=("openapi",))
    other = make_site(broker=broker, vhost=site.vhost).start()
    for _ in range(STOPS):
        for number in range(1000):
            peer.publish(send_sync(), reply_to=peer.reply_queue, correlation_id=str(number))
            if number == 500:
                other.scheduler.signal(signal.SIGTERM)
        answers = peer.collect(peer.reply_queue, 1000, 30)
        assert collections.Counter(error_of(answer) for answer in answers) == {"": 1000}
        assert {int(answer.correlation_id) for answer in answers} == set(range(1000))
        other.scheduler.wait_end(GIVEN_UP)
        other.scheduler.start()


def test_a_broker_that_accepts_and_says_nothing_does_not_hold_the_exit(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        kept = []
        threading.Thread(target=lambda: [kept.append(mute.accept()) for _ in range(2)], daemon=True).start()
        scheduler = Scheduler(tmp_path, {"mq.ip": "127.0.0.1", "mq.port": mute.getsockname()[1],
                                         "drain.timeout": DRAIN}).start("alive")
        leave(scheduler)


def test_a_broker_that_falls_silent_does_not_hold_the_exit(make_site, broker):
    proxy = Proxy(broker.port)
    site = make_site(broker=broker, broker_port=proxy.port, settings={"mq.heartbeat": 60, "drain.timeout": 60}).start()
    proxy.freeze()
    site.scheduler.signal(signal.SIGTERM)
    site.scheduler.wait_end(GIVEN_UP)
    proxy.close()


def test_a_reply_queue_that_the_broker_refuses_holds_up_nobody(make_site, broker):
    site = make_site(broker=broker).start()
    peer = site.peer()
    peer.publish(send_sync(), reply_to="amq.rabbitmq.reply-to.g2dkAA.xx", correlation_id="poison")
    assert error_of(peer.call(send_sync(param="others"), timeout=30)) == ""
    letter = peer.dead_letter(30)
    assert letter.headers["x-elves-routing-key"] == "amq.rabbitmq.reply-to.g2dkAA.xx"


def test_a_dead_letter_queue_that_is_gone_is_made_again(make_site, broker):
    site = make_site(broker=broker).start()
    peer = site.peer()
    peer.channel.queue_delete("scheduler.dead")
    peer.publish(send_sync(param="lost"), reply_to="nobody-here", correlation_id="x")
    wait_for(lambda: peer.queue_state("scheduler.dead"), 30, "the queue")
    letter = peer.dead_letter(30)
    assert letter.json["data"]["param"] == "lost"
    assert letter.headers["x-elves-routing-key"] == "nobody-here"


def test_a_batch_is_no_larger_than_agents_take(make_site, broker):
    site = make_site(broker=broker).start()
    peer = site.peer()
    for _ in range(6):
        peer.publish(async_job(param="x" * (6 << 20), func="hold"))
    site.farm.wait_call(6, timeout=30, call="async")
    together = collections.Counter(call["number"] for call in site.farm.calls(call="async"))
    assert max(together.values()) == 1
