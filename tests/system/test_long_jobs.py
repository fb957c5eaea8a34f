"""Jobs that take long, and short ones that pass them. RabbitMQ finds what is acknowledged by going through all that
its channel has open, oldest first: so what is open must not stay on the channel that short jobs come on."""
import collections
import contextlib
import json

import pytest
from harness.agents import addresses
from harness.answers import code_of, error_of
from harness.jobs import new_id, send_sync
from harness.rabbit import USER
from harness.sockets import SilentAgent
from harness.util import wait_for

LONG = 1300  # jobs
FEW = 512  # of them on one channel
SLOW = "127.0.0.99"  # where nobody answers
CALLS = 50  # jobs that are with it; the others wait
BACK = 60
QUEUE_TYPES = ("classic", "quorum")


def in_vhost(site, what, *columns):
    """Rows of rabbitmqctl."""
    return json.loads(site.broker.rabbitmqctl(what, "--vhost", site.vhost, "--formatter", "json", *columns))


def open_on(site):
    """Number of a channel -> deliveries unacknowledged on channels of that number."""
    found = collections.Counter()
    for row in json.loads(site.broker.rabbitmqctl(
            "list_channels", "--formatter", "json", "vhost", "number", "messages_unacknowledged")):
        if row["vhost"] == site.vhost:
            found[row["number"]] += row["messages_unacknowledged"]
    return +found


def consumers(site):
    """Prefetch counts of those that take requests."""
    rows = in_vhost(site, "list_consumers", "queue_name", "prefetch_count")
    return [row["prefetch_count"] for row in rows if row["queue_name"] == "scheduler"]


class LongJobs:
    """Those that the scheduler has open once send() is over. Their answers wait in a queue."""

    def __init__(self, site):
        self.site, self.replies = site, "replies-" + new_id()
        self.agent = SilentAgent(SLOW, site.scheduler.agent_port)
        site.peer(reply_queue=self.replies, components=()).close()
        self.sender = site.peer(components=())

    def publish(self):
        for number in range(LONG):
            self.sender.publish(send_sync(ip=SLOW, timeout=600), reply_to=self.replies, correlation_id=str(number))

    def send(self):
        self.publish()
        self.until_all_are_open()
        return self

    def close(self):
        agent, self.agent = self.agent, None
        if agent is not None:
            agent.close()

    def until_all_are_open(self):
        wait_for(lambda: open_on(self.site).total() == LONG, BACK, "all deliveries")

    def end(self):
        """How often which code was answered; each job gets one answer, and no delivery is left."""
        self.close()
        peer = self.site.peer(reply_queue=self.replies)
        answers = peer.inbox[self.replies]
        peer.pump(lambda: len(answers) >= LONG, BACK, "all answers")
        pass_them(peer, 1)
        assert collections.Counter(message.correlation_id for message in answers) == {
            str(number): 1 for number in range(LONG)}
        peer.close()
        wait_for(lambda: open_on(self.site).total() == 0, BACK, "all acknowledgements")
        return collections.Counter(code_of(error_of(message)) for message in answers)


def pass_them(peer, count):
    """So many short jobs, each begun when the one before has ended."""
    for _ in range(count):
        assert error_of(peer.call(send_sync())) == ""


def burst(peer, count):
    """So many short jobs at once."""
    for number in range(count):
        peer.publish(send_sync(), reply_to=peer.reply_queue, correlation_id=str(number))
    answers = peer.collect(peer.reply_queue, count, BACK)
    assert {int(message.correlation_id) for message in answers} == set(range(count))
    assert {error_of(message) for message in answers} == {""}


@contextlib.contextmanager
def channels_for(broker, more):
    """The broker's user may have so many channels more than there are."""
    rows = json.loads(broker.rabbitmqctl("list_channels", "--formatter", "json", "user"))
    most = sum(row["user"] == USER for row in rows) + more
    broker.rabbitmqctl("set_user_limits", USER, json.dumps({"max-channels": most}))
    try:
        yield
    finally:
        broker.rabbitmqctl("clear_user_limits", USER, "max-channels")


@contextlib.contextmanager
def most_channels(broker, count):
    """What the broker allows a connection."""
    usual = broker.rabbitmqctl("eval", "{ok, Most} = application:get_env(rabbit, channel_max), Most.").strip()
    broker.rabbitmqctl("eval", f"application:set_env(rabbit, channel_max, {count}).")
    try:
        yield
    finally:
        broker.rabbitmqctl("eval", f"application:set_env(rabbit, channel_max, {usual}).")


def declare_requests(site, queue_type):
    channel = site.peer(components=()).channel
    channel.queue_declare("scheduler", durable=True, arguments={"x-queue-type": queue_type})


@pytest.fixture()
def new_site(make_site, broker):
    return make_site(broker=broker, agents=addresses(1), settings={
        "agent.maxInFlight": CALLS, "agent.breaker.failures": 0})


@pytest.fixture()
def site(new_site):
    return new_site.start()


@pytest.fixture()
def long_jobs():
    """LongJobs of a site, not sent yet."""
    made = []

    def make(site):
        made.append(LongJobs(site))
        return made[-1]
    yield make
    for jobs in made:
        jobs.close()


@pytest.fixture(params=QUEUE_TYPES)
def site_with_queue(request, new_site):
    declare_requests(new_site, request.param)
    return new_site.start()


def test_short_jobs_come_on_channels_with_few_of_them(site_with_queue, long_jobs):
    site = site_with_queue
    jobs = long_jobs(site).send()
    spread = open_on(site)
    assert len(spread) >= 3 and max(spread.values()) <= FEW
    assert 1 <= len(consumers(site)) <= 2, "full ones are left"
    peer = site.peer(components=("openapi",))
    pass_them(peer, 200)
    burst(peer, 3000)
    peer.close()
    jobs.until_all_are_open()
    assert jobs.end() == {"410.0": LONG - CALLS, "410.3": CALLS}, "those that waited, and those with the agent"
    assert site.scheduler.metric("elves_redeliveries_refused_total") == 0


def test_channels_serve_again_once_they_are_empty(site_with_queue):
    """Many more requests than all channels together could have open, and each is delivered once."""
    site = site_with_queue
    peer = site.peer(components=("openapi",))
    for _ in range(4):
        burst(peer, 4000)
    rows = json.loads(site.broker.rabbitmqctl("list_channels", "--formatter", "json", "vhost", "number"))
    assert max(row["number"] for row in rows if row["vhost"] == site.vhost) <= 4000 // FEW + 3
    assert site.scheduler.metric("elves_jobs_received_total") == 4 * 4000
    assert site.scheduler.metric("elves_redeliveries_refused_total") == 0


def test_all_together_have_the_prefetch_count(make_site, broker, long_jobs):
    site = make_site(broker=broker, agents=addresses(1), settings={"mq.prefetch": LONG - 100}).start()
    jobs = long_jobs(site)
    jobs.publish()
    wait_for(lambda: open_on(site).total() == LONG - 100, BACK, "as many as may be open")
    queues = {row["name"]: row["messages_ready"] for row in in_vhost(site, "list_queues", "name", "messages_ready")}
    assert queues["scheduler"] == 100
    jobs.end()


def test_closed_connections(site, broker, long_jobs):
    jobs = long_jobs(site).send()
    broker.close_all_connections(site.vhost)
    jobs.until_all_are_open()
    assert set(jobs.end()) <= {"410.0", "410.3"}


def test_a_killed_scheduler(site, long_jobs):
    jobs = long_jobs(site).send()
    site.scheduler.kill()
    site.scheduler.start()
    assert set(jobs.end()) == {"410.3"}


def test_a_broker_that_refuses_a_further_channel(site, broker, long_jobs):
    peer = site.peer(components=("openapi",))
    jobs = long_jobs(site)
    with channels_for(broker, 0):
        jobs.publish()
        wait_for(lambda: "allows no further channel" in site.scheduler.log(), BACK, "the refusal")
        # What was on its way on the connection that the broker closed is refused when it comes again.
        wait_for(lambda: open_on(site).total() + site.scheduler.metric("elves_redeliveries_refused_total") == LONG,
                 BACK, "all deliveries")
        assert set(open_on(site)) == {1}
        pass_them(peer, 20)
        assert site.scheduler.metric("elves_broker_losses_total") == 1
        assert set(jobs.end()) <= {"410.0", "410.3"}


def test_a_broker_that_refuses_any_channel_but_the_first(new_site, broker):
    peer = new_site.peer(components=("openapi",))
    with channels_for(broker, 2):  # the consumer's, and the publisher's
        site = new_site.start()
        pass_them(peer, 20)
        assert "allows no further channel" in site.scheduler.log()
        assert len(consumers(site)) == 1


def test_a_broker_that_allows_few_channels(new_site, broker, long_jobs):
    """Then each holds more: the prefetch count is what it was set to."""
    with most_channels(broker, 2):
        site = new_site.start()
        jobs = long_jobs(site).send()
        assert set(open_on(site)) == {2}
        pass_them(site.peer(components=("openapi",)), 20)
        jobs.end()


@pytest.mark.parametrize("queue_type", QUEUE_TYPES)
def test_channels_that_are_not_empty_serve_again_when_there_are_no_others(make_site, broker, long_jobs, queue_type):
    with most_channels(broker, 4):
        site = make_site(broker=broker, agents=addresses(1), settings={
            "mq.prefetch": 3 * FEW + 100, "agent.maxInFlight": CALLS, "agent.breaker.failures": 0})
        declare_requests(site, queue_type)
        site.start()
        jobs = long_jobs(site).send()
        assert set(open_on(site)) == {2, 3, 4}
        peer = site.peer(components=("openapi",))
        burst(peer, 3000)
        peer.close()
        jobs.until_all_are_open()
        assert jobs.end() == {"410.0": LONG - CALLS, "410.3": CALLS}
        assert site.scheduler.metric("elves_redeliveries_refused_total") == 0
