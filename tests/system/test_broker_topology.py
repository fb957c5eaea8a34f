"""What is at the broker already, but otherwise; and what the broker's user may not do."""
import json
import pathlib
import re
import shlex

import pika
import pytest
from harness.amqp import DEAD
from harness.answers import code_of
from harness.jobs import async_job, new_id, send_sync
from harness.util import wait_for

BACK = 40
SECURITY = pathlib.Path(__file__).resolve().parents[2] / "docs" / "security.md"


def works(peer):
    param = new_id()
    assert peer.call(send_sync(param=param)).json["data"]["worker_message"] == param


def trouble(site):
    return site.scheduler.http("GET", "/healthz").json["trouble"]


def admin(site):
    """A channel of somebody who declares what the scheduler then finds."""
    return site.peer(components=(), exchange="somewhere-else").channel


class TestExchange:
    def test_of_another_type_lets_no_request_through(self, make_site, broker):
        site = make_site(broker=broker)
        channel = admin(site)
        channel.exchange_declare("elves", "direct", durable=True)
        site.start(until="alive")
        wait_for(lambda: "elves" in trouble(site), BACK, "the reason")
        assert site.scheduler.health() == 503
        words = trouble(site)
        for part in ("exchange elves", "'direct'", "'topic'", "inequivalent arg 'type'", "mq.exchange"):
            assert part in words, words
        assert site.scheduler.metric("elves_broker_connected") == 0
        assert len([line for line in site.scheduler.log().splitlines() if "inequivalent arg 'type'" in line]) == 1
        channel.exchange_delete("elves")
        wait_for(lambda: site.scheduler.health() == 200, BACK, "health")
        works(site.peer())
        site.scheduler.stop()

    def test_internal_lets_no_request_through(self, make_site, broker):
        site = make_site(broker=broker)
        admin(site).exchange_declare("elves", "topic", durable=True, internal=True)
        site.start(until="alive")
        wait_for(lambda: "internal" in trouble(site), BACK, "the reason")
        assert site.scheduler.health() == 503
        site.scheduler.stop()

    @pytest.mark.parametrize(("how", "part"), [
        ({"exchange_type": "fanout", "durable": True}, "type"),
        ({"exchange_type": "topic", "durable": False}, "durable"),
        ({"exchange_type": "topic", "durable": True, "arguments": {"alternate-exchange": "amq.fanout"}},
         "alternate-exchange")])
    def test_otherwise_is_used_as_it_is_and_told(self, make_site, broker, how, part):
        site = make_site(broker=broker)
        channel = admin(site)
        channel.exchange_declare("elves", **how)
        site.start()
        param = new_id()
        replies = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_publish("elves", "openapi.scheduler", json.dumps(send_sync(param=param)).encode(),
                              pika.BasicProperties(reply_to=replies))
        assert wait_for(lambda: channel.basic_get(replies, auto_ack=True)[2], 15, "the reply").find(param.encode()) > 0
        line = next(line for line in site.scheduler.log().splitlines() if "exchange elves exists otherwise" in line)
        assert f"{part} differs" in line and "inequivalent arg" in line and " warning " in line, line
        assert site.scheduler.metric("elves_broker_misfits") == 1
        site.scheduler.stop()


class TestQueue:
    def test_of_another_connection_alone(self, make_site, broker):
        site = make_site(broker=broker)
        owner = broker.connect(site.vhost)
        owner.channel().queue_declare("scheduler", exclusive=True)
        site.start(until="alive")
        wait_for(lambda: "RESOURCE_LOCKED" in trouble(site), BACK, "the reason")
        assert "exclusive" in trouble(site) and site.scheduler.health() == 503
        owner.close()
        wait_for(lambda: site.scheduler.health() == 200, BACK, "health")
        works(site.peer())
        site.scheduler.stop()

    def test_with_a_consumer_that_wants_all(self, make_site, broker):
        site = make_site(broker=broker)
        owner = broker.connect(site.vhost)
        channel = owner.channel()
        channel.queue_declare("scheduler", durable=True)
        channel.basic_consume("scheduler", lambda *_: None, exclusive=True)
        site.start(until="alive")
        wait_for(lambda: "exclusive" in trouble(site), BACK, "the reason")
        assert "another program consumes" in trouble(site) and site.scheduler.health() == 503
        owner.close()
        wait_for(lambda: site.scheduler.health() == 200, BACK, "health")
        site.scheduler.stop()

    def test_that_is_a_stream(self, make_site, broker):
        site = make_site(broker=broker)
        admin(site).queue_declare("scheduler", durable=True, arguments={"x-queue-type": "stream"})
        site.start(until="alive")
        wait_for(lambda: "stream" in trouble(site), BACK, "the reason")
        assert site.scheduler.health() == 503
        site.scheduler.stop()

    def test_with_other_arguments_is_told_once(self, make_site, broker):
        site = make_site(broker=broker)
        admin(site).queue_declare("scheduler", durable=True, arguments={"x-max-length": 5000})
        site.start()
        works(site.peer())
        broker.close_all_connections(site.vhost)
        wait_for(lambda: site.scheduler.metric("elves_broker_losses_total") == 2, BACK, "the losses")
        wait_for(lambda: site.scheduler.health() == 200, BACK, "health")
        lines = [line for line in site.scheduler.log().splitlines() if "queue scheduler exists otherwise" in line]
        assert len(lines) == 1 and "x-max-length differs" in lines[0], lines
        site.scheduler.stop()


class TestType:
    @pytest.mark.parametrize("kind", ["classic", "quorum"])
    def test_of_queues_that_are_made(self, make_site, broker, kind):
        site = make_site(broker=broker, settings={"mq.queueType": kind}).start()
        peer = site.peer()
        works(peer)
        for queue in ("scheduler", DEAD):
            listed = broker.rabbitmqctl("list_queues", "-p", site.vhost, "name", "type")
            assert re.search(rf"^{re.escape(queue)}\s+\S*{kind}", listed, re.MULTILINE), listed
        peer.publish(b"bad", routing_key="a.scheduler")
        assert code_of(peer.dead_letter().headers["x-elves-error"]) == "400.1"
        site.scheduler.stop()

    @pytest.mark.parametrize(("wanted", "misfits"), [("existing", 0), ("quorum", 0), ("classic", 1)])
    def test_of_a_queue_that_exists(self, make_site, broker, wanted, misfits):
        site = make_site(broker=broker, settings={"mq.queueType": wanted})
        admin(site).queue_declare("scheduler", durable=True, arguments={"x-queue-type": "quorum"})
        site.start()
        works(site.peer())
        assert site.scheduler.metric("elves_broker_misfits") == misfits
        site.scheduler.stop()


def commands(heading):
    """The rabbitmqctl commands of the code block that follows this line of docs/security.md."""
    text = SECURITY.read_text(encoding="utf-8")
    block = re.search(re.escape(heading) + r".*?```sh\n(.*?)```", text, re.DOTALL)
    assert block, heading
    lines = block.group(1).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("rabbitmqctl ")]


def run_recipe(broker, site, heading, user):
    """Carries the commands out, with the vhost and the names of this test."""
    for words in commands(heading):
        given = [site.vhost if word == "/" else word.replace("elves-scheduler", user).replace("elves-cron", user + "-c")
                 for word in words]
        broker.rabbitmqctl(*given)


class TestRights:
    """docs/security.md, "The broker", as it stands there."""

    def start(self, make_site, broker, heading, before=None):
        site = make_site(broker=broker)
        if before:
            before(site)
        user = "user-" + new_id()
        run_recipe(broker, site, heading, user)
        site.scheduler.settings.update({"mq.user": user, "mq.password": "a-long-password"})
        return site, user

    def test_that_the_page_gives_are_enough(self, make_site, broker):
        site, _ = self.start(make_site, broker, "what it may make itself")
        site.start()
        self.works_wholly(site)
        assert "ACCESS_REFUSED" not in site.scheduler.log()
        site.scheduler.stop()

    def test_that_let_it_make_nothing_are_enough_when_all_is_there(self, make_site, broker):
        def make_all(site):
            site.start()
            site.scheduler.stop()
        site, _ = self.start(make_site, broker, "may make nothing", make_all)
        site.scheduler.start()
        self.works_wholly(site)
        assert "exchange elves exists, and is used" in site.scheduler.log()
        site.scheduler.stop()

    def test_that_let_it_make_nothing_are_told_when_something_is_missing(self, make_site, broker):
        site, _ = self.start(make_site, broker, "may make nothing")
        site.start(until="alive")
        wait_for(lambda: "elves" in trouble(site), BACK, "the reason")
        words = trouble(site)
        assert "exchange elves does not exist, and cannot be made" in words and "'configure'" in words, words
        assert site.scheduler.health() == 503
        site.peer().close()  # makes the exchange
        wait_for(lambda: "queue scheduler does not exist" in trouble(site), BACK, "the next reason")
        site.scheduler.stop()

    @pytest.mark.parametrize(("configure", "write", "read", "part"), [
        (".*", ".*", "^$", "'read'"), (".*", "^elves$", ".*", "'write' on the queue")])
    def test_of_which_one_is_missing_are_told(self, make_site, broker, configure, write, read, part):
        site, user = self.start(make_site, broker, "what it may make itself")
        broker.rabbitmqctl("set_permissions", "-p", site.vhost, user, configure, write, read)
        site.start(until="alive")
        wait_for(lambda: part in trouble(site) or part in site.scheduler.log(), BACK, "the right's name")
        site.scheduler.kill()

    def test_of_the_virtual_host_are_told(self, make_site, broker):
        site, user = self.start(make_site, broker, "what it may make itself")
        broker.rabbitmqctl("clear_permissions", "-p", site.vhost, user)
        site.start(until="alive")
        wait_for(lambda: "rabbitmqctl set_permissions -p" in trouble(site), BACK, "the right's name")
        site.scheduler.kill()

    def test_of_a_component(self, make_site, broker):
        site, user = self.start(make_site, broker, "what it may make itself")
        run_recipe(broker, site, "of a component", user)
        site.start()
        owner = broker.connect(site.vhost)
        channel = owner.channel()
        channel.queue_declare("cron", durable=True)
        channel.queue_bind("cron", "elves", "*.cron")
        component = pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", broker.port, site.vhost, pika.PlainCredentials(user + "-c", "another-password")))
        said = component.channel()
        request = async_job(sender="cron", type="cron")
        said.basic_publish("elves", "cron.scheduler", json.dumps(request).encode())
        body = wait_for(lambda: said.basic_get("cron", auto_ack=True)[2], 15, "the result")
        assert request["mqbody"]["id"].encode() in body
        said.confirm_delivery()
        with pytest.raises(pika.exceptions.ChannelClosedByBroker):
            said.basic_publish("elves", "openapi.scheduler", b"{}")
        component.close()
        owner.close()
        site.scheduler.stop()

    def works_wholly(self, site):
        peer = site.peer()
        works(peer)
        peer.publish(send_sync(param="by exchange"))
        assert peer.wait_message("openapi").json["data"]["worker_message"] == "by exchange"
        job = async_job()
        peer.publish(job)
        assert peer.wait_message("queue").json["mqbody"]["result"]["id"] == job["mqbody"]["id"]
        peer.publish(b"bad", routing_key="a.scheduler")
        assert code_of(peer.dead_letter().headers["x-elves-error"]) == "400.1"


def test_a_password_that_ends_with_a_line_end_is_told(make_site, broker):
    site = make_site(broker=broker, variables={"ELVES_MQ_PASSWORD": "pa55-never-to-be-logged\n"})
    site.start(until="alive")
    wait_for(lambda: "ACCESS_REFUSED" in trouble(site), BACK, "the refusal")
    assert "the password ends with a line end" in trouble(site)
    assert "pa55" not in site.scheduler.log()
    site.scheduler.stop()
