"""Results that no queue takes, and deliveries that are held for long."""
import pytest
from harness.amqp import COMPONENTS
from harness.answers import code_of, ended, error_of, fence
from harness.jobs import async_job, new_id, send_sync
from harness.util import wait_for


def unheard(site, peer, **fields):
    """A queue task whose result is back, and whose component's queue is gone."""
    peer.channel.queue_delete("queue")
    job = async_job(param=new_id(), **fields)
    peer.publish(job)
    wait_for(lambda: [one["state"] for one in jobs(site) if one["param"] == job["mqbody"]["param"]] == ["settled"], 10,
             "the result to wait")
    wait_for(lambda: "nobody listens for results of type queue" in site.scheduler.log(), 10, "it to come back")
    return job


def jobs(site):
    return site.scheduler.http("GET", "/api/v1/jobs", query={"fields": "full"}).json["jobs"]


@pytest.fixture
def site(make_site, broker):
    return make_site(broker=broker).start()


def test_a_result_waits_for_its_component(site):
    job = unheard(site, site.peer())
    again = site.peer(components=COMPONENTS)
    assert ended(again, job)["flag"] == "true"
    fence(again)


def test_it_waits_through_a_restart(site):
    job = unheard(site, site.peer())
    site.scheduler.stop(timeout=10)
    site.scheduler.start()
    again = site.peer(components=COMPONENTS)
    assert ended(again, job)["flag"] == "true"
    fence(again)


def test_in_the_end_it_is_a_dead_letter(make_site, broker):
    site = make_site(broker=broker, settings={"result.keep": 1}).start()
    peer = site.peer()
    job = unheard(site, peer)
    dead = peer.dead_letter()
    assert dead.headers["x-elves-routing-key"] == "scheduler.queue"
    assert dead.json["mqbody"]["result"]["id"] == job["mqbody"]["id"]
    wait_for(lambda: jobs(site)[0]["state"] == "published", 10, "it to be over")


def test_no_delivery_is_held_for_longer_than_max_hold(make_site, broker):
    site = make_site(broker=broker, settings={"mq.maxHold": 1}).start()
    peer = site.peer()
    correlation = new_id()
    peer.publish(send_sync(func="sleep", param="30", timeout=60), reply_to=peer.reply_queue, correlation_id=correlation)
    site.farm.wait_call(func="sleep")

    def unacknowledged():
        listed = broker.rabbitmqctl("list_queues", "--vhost", site.vhost, "name", "messages_unacknowledged")
        return dict(line.split("\t") for line in listed.splitlines())["scheduler"]

    wait_for(lambda: unacknowledged() == "0", 20, "the delivery to be acknowledged")
    site.scheduler.kill()
    site.scheduler.start()
    assert code_of(error_of(peer.wait_reply(correlation))) == "410.3"
    assert len(site.farm.calls(func="sleep")) == 1
    fence(peer)
