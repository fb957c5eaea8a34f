"""What the broker refuses to take: no storm, nobody else held up, a word in the log, and an end."""
import json
import re

import pytest
from harness.amqp import DEAD
from harness.answers import code_of, error_of, jobs_going_on
from harness.jobs import async_job, new_id, send_sync, sync_job
from harness.util import wait_for

FULL = {"x-max-length": 1, "x-overflow": "reject-publish"}
COPIES = "copies"
LIMIT = 1_000_000


def fill(peer, queue, **arguments):
    """Makes a queue that is full from now on."""
    peer.channel.queue_declare(queue, durable=True, arguments={**FULL, **arguments})
    peer.channel.basic_publish("", queue, b"first")
    wait_for(lambda: peer.queue_state(queue)[0] == 1, 10, "the queue to be full")


def emptied(peer, queue, count, timeout=90):
    """Takes the filling, and then `count` messages."""
    peer.consume(queue)
    return peer.collect(queue, count + 1, timeout)[1:]


def lines(site, text):
    return [line for line in site.scheduler.log().splitlines() if text in line]


def lost(site):
    return site.scheduler.metric("elves_broker_losses_total")


@pytest.fixture
def site(make_site, broker):
    return make_site(broker=broker).start()


@pytest.fixture
def impatient(make_site, broker):
    return make_site(broker=broker, settings={"mq.maxRefused": 2, "mq.maxRefusedReply": 1}).start()


class TestFullQueues:
    def test_a_full_queue_of_a_component(self, site):
        peer = site.peer(components=("openapi", "cron"))
        fill(peer, "queue")
        peer.channel.queue_bind("queue", "elves", "*.queue")
        peer.channel.queue_declare(COPIES, durable=True)
        peer.channel.queue_bind(COPIES, "elves", "*.queue")
        jobs = [async_job(param=new_id()), async_job(param=new_id())]
        for job in jobs:
            peer.publish(job)
        wait_for(lambda: site.scheduler.metric("elves_publish_retries_total") >= 4, 30, "some refusals")
        assert peer.queue_state(COPIES)[0] <= 10
        assert site.scheduler.metric("elves_destinations_paused") == 1
        assert site.scheduler.metric("elves_messages_paused") <= 2
        assert site.scheduler.health() == 200
        begun = lines(site, "'scheduler.queue' on exchange 'elves' waits, and is tried again after growing pauses")
        assert len(begun) == 1 and "warning" in begun[0]
        with jobs_going_on(site):
            ends = emptied(peer, "queue", 2)
        assert {end.json["mqbody"]["result"]["id"] for end in ends} == {job["mqbody"]["id"] for job in jobs}
        wait_for(lambda: site.scheduler.metric("elves_destinations_paused") == 0, 60, "it to be served again")
        assert len(lines(site, "'scheduler.queue' on exchange 'elves' is served again")) == 1
        assert len(lines(site, "is tried again after growing pauses")) == 1
        assert site.scheduler.metric("elves_unconfirmed_age_seconds") == 0

    def test_what_is_never_taken_becomes_a_dead_letter(self, impatient):
        peer = impatient.peer(components=("openapi", "cron"))
        fill(peer, "queue")
        peer.channel.queue_bind("queue", "elves", "*.queue")
        job = async_job()
        peer.publish(job)
        dead = peer.dead_letter(30)
        assert re.match(r"\[500\]Internal ServerError: the broker has refused it for \d+ s", error_of(dead))
        assert dead.headers["x-elves-routing-key"] == "scheduler.queue"
        assert dead.json["mqbody"]["result"]["id"] == job["mqbody"]["id"]

    def test_a_caller_whose_queue_was_full_for_too_long_hears_an_error(self, impatient):
        peer = impatient.peer()
        fill(peer, "callers")
        request = send_sync(param="precious")
        peer.publish(request, reply_to="callers", correlation_id="late")
        dead = peer.dead_letter(30)
        assert dead.json["data"]["worker_message"] == "precious" and dead.headers["x-elves-routing-key"] == "callers"
        (reply,) = emptied(peer, "callers", 1)
        assert reply.correlation_id == "late"
        assert error_of(reply).startswith("[500]Internal ServerError: the answer was not delivered: the broker has refused")
        assert reply.json["data"]["result_flag"] == 0 and reply.json["mqkey"].endswith(request["id"])

    def test_a_full_queue_of_dead_letters(self, make_site, broker):
        site = make_site(broker=broker)
        peer = site.peer()
        fill(peer, DEAD)
        site.start()
        for _ in range(3):
            peer.publish(b"bad", routing_key="a.scheduler")
        wait_for(lambda: site.scheduler.metric("elves_publish_retries_total") >= 4, 30, "some refusals")
        with jobs_going_on(site):
            letters = emptied(peer, DEAD, 3)
        assert {letter.body for letter in letters} == {b"bad"}
        assert site.scheduler.metric("elves_publish_retries_total") < 60


class TestSilence:
    def test_a_queue_that_confirms_nothing_holds_up_no_other(self, site, broker):
        peer = site.peer(components=("openapi", "cron"))
        peer.channel.queue_declare("queue", durable=True)
        peer.channel.queue_bind("queue", "elves", "*.queue")
        suspend(broker, site.vhost, "queue", "suspend")
        job = async_job()
        peer.publish(job)
        wait_for(lambda: site.scheduler.metric("elves_jobs_open{state=\"settled\"}") == 1, 10, "its result")
        for _ in range(20):
            assert error_of(peer.call(send_sync())) == ""
        wait_for(lambda: len(listed(site, "published")) == 20, 10, "the others to be over")
        wait_for(lambda: lines(site, "has not confirmed a message for 30 s"), 60, "the warning")
        assert "'scheduler.queue'" in lines(site, "has not confirmed a message for 30 s")[0]
        assert site.scheduler.metric("elves_unconfirmed_age_seconds") >= 30
        assert site.scheduler.metric("elves_destinations_paused") == 1
        peer.publish(async_job())
        wait_for(lambda: site.scheduler.metric("elves_messages_paused") == 1, 10, "the next to wait")
        suspend(broker, site.vhost, "queue", "resume")
        peer.consume("queue")
        ends = peer.collect("queue", 2, 30)
        assert ends[0].json["mqbody"]["result"]["id"] == job["mqbody"]["id"]
        wait_for(lambda: site.scheduler.metric("elves_unconfirmed_age_seconds") == 0, 10, "all to be confirmed")
        assert lost(site) == 0


def suspend(broker, vhost, queue, what):
    """Has the queue's process stand still (as one without a majority does), or go on."""
    broker.rabbitmqctl("eval", f"""
        {{ok, Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"{vhost}">>, queue, <<"{queue}">>)),
        sys:{what}(amqqueue:get_pid(Q)).""")


def listed(site, state):
    return site.scheduler.http("GET", "/api/v1/jobs", query={"state": state}).json["jobs"]


@pytest.fixture(scope="module")
def strict(broker):
    """The broker, whose channels take messages of LIMIT bytes at most."""
    def most(size):
        broker.rabbitmqctl("eval", f"application:set_env(rabbit, max_message_size, {size}).")

    most(LIMIT)
    yield broker
    most(134217728)


@pytest.fixture(scope="module")
def narrow(make_site, strict):
    return make_site(broker=strict).start()


@pytest.fixture
def connected(narrow):
    """No connection is lost meanwhile, and others are served."""
    before = lost(narrow)
    with jobs_going_on(narrow):
        yield narrow
    assert lost(narrow) == before


class TestTooLarge:
    @pytest.mark.parametrize("make", [send_sync, sync_job], ids=["flat", "body"])
    def test_a_reply(self, connected, make):
        peer = connected.peer(components=())
        reply = peer.call(make(func="big", param="2000000"), 30)
        assert len(reply.body) <= LIMIT and error_of(reply) == ""
        answer = reply.json["data"] if "data" in reply.json else reply.json["mqbody"]["result"]
        assert answer["worker_message_bytes"] == 2_000_000 and len(answer["worker_message"]) > LIMIT - 2000
        assert answer["worker_message"].endswith("[cut: 2000000 bytes were too many for the broker]")

    def test_a_result(self, narrow):
        peer = narrow.peer()
        job = async_job(func="big", param="3000000")
        before = lost(narrow)
        peer.publish(job)
        (end,) = peer.collect("queue", 1)
        result = end.json["mqbody"]["result"]
        assert result["id"] == job["mqbody"]["id"] and result["worker_flag"] == 1
        assert result["worker_message_bytes"] == 3_000_000
        wait_for(lambda: [one["state"] for one in listed(narrow, "published") if one["id"] == job["mqbody"]["id"]], 10,
                 "it to be over")
        assert lost(narrow) == before

    def test_many_at_once_end_once_each(self, narrow):
        peer = narrow.peer()
        jobs = [async_job(func="big", param="1500000") for _ in range(20)]
        before = lost(narrow)
        for job in jobs:
            peer.publish(job)
        ends = peer.collect("queue", len(jobs), 60)
        assert {end.json["mqbody"]["result"]["id"] for end in ends} == {job["mqbody"]["id"] for job in jobs}
        assert lost(narrow) == before

    def test_a_param_that_is_echoed(self, narrow):
        """The request fits in a message; the reply has its text twice."""
        peer = narrow.peer()
        text = "\u20ac" * (LIMIT // 3 - 1000) + "\x01" * 300
        request = json.dumps(send_sync(param=text), ensure_ascii=False).encode()
        reply = peer.call(request, 30, routing_key="openapi.scheduler")
        assert len(reply.body) <= LIMIT
        assert reply.json["data"]["param"] == text
        assert reply.json["data"]["worker_message_bytes"] == len(text.encode())

    def test_a_dead_letter(self, strict, make_site, narrow):
        """It came before the limit was that low."""
        before = lost(narrow)
        peer = narrow.peer()
        body = b"no JSON " * (LIMIT // 8 - 10)
        peer.publish(body, routing_key="a.scheduler")
        assert peer.dead_letter().body == body
        strict.rabbitmqctl("eval", "application:set_env(rabbit, max_message_size, 5000000).")
        large = narrow.peer()
        large.publish(body * 3, routing_key="a.scheduler")
        strict.rabbitmqctl("eval", f"application:set_env(rabbit, max_message_size, {LIMIT}).")
        dead = large.dead_letter(30)
        assert len(dead.body) == LIMIT and (body * 3).startswith(dead.body)
        assert dead.headers["x-elves-size"] == str(3 * len(body))
        assert lost(narrow) == before


def start_as_user(make_site, broker, write):
    """A site whose scheduler may write where `write` matches, and a function that gives it more."""
    site = make_site(broker=broker)
    user, password = f"u{new_id()}", "secret"

    def permit(what):
        broker.rabbitmqctl("set_permissions", "-p", site.vhost, user, ".*", what, ".*")

    broker.rabbitmqctl("add_user", user, password)
    permit(write)
    site.scheduler.settings.update({"mq.user": user, "mq.password": password})
    return site, user, permit


class TestRights:
    def test_an_exchange_that_may_not_be_written_to(self, make_site, broker):
        """Replies through the default exchange wait; what goes through the other one does not."""
        site, _, permit = start_as_user(make_site, broker, "^(elves.*|scheduler.*)$")
        site.start()
        before = lost(site)
        peer = site.peer()
        peer.publish(send_sync(), reply_to=peer.reply_queue, correlation_id="waits")
        wait_for(lambda: lines(site, "default exchange waits"), 20, "the refusal")
        (line,) = lines(site, "default exchange waits")
        assert "403 ACCESS_REFUSED" in line and "amq.default" in line and "docs/security.md" in line
        peer.publish(send_sync(param="through elves"))
        assert peer.wait_message("openapi").json["data"]["worker_message"] == "through elves"
        assert lost(site) == before
        permit(".*")
        assert error_of(peer.wait_reply("waits", 90)) == ""

    def test_a_key_that_may_not_be_written_to(self, make_site, broker):
        site, user, _ = start_as_user(make_site, broker, ".*")
        broker.rabbitmqctl("set_topic_permissions", "-p", site.vhost, user, "elves", "^scheduler[.].*", ".*")
        site.start()
        before = lost(site)
        peer = site.peer()
        for _ in range(10):
            peer.publish(sync_job(mqtype="call.forbidden.key"))
        wait_for(lambda: lines(site, "'forbidden.key' on exchange 'elves' waits"), 20, "the refusal")
        for _ in range(5):
            assert error_of(peer.call(send_sync(), 5)) == ""
        assert lost(site) == before


def test_nobody_listens(site):
    peer = site.peer()
    peer.publish(send_sync(param="for nobody"), reply_to="no-such-queue")
    dead = peer.dead_letter()
    assert json.loads(dead.body)["data"]["worker_message"] == "for nobody"
    assert "no queue is bound" in error_of(dead) and code_of(error_of(dead)) == "500"
    (line,) = lines(site, "nobody listens at 'no-such-queue'")
    assert "312 NO_ROUTE" in line and DEAD in line
