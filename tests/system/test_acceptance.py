"""The two bulk promises: a thousand mixed requests are answered with their own ids, five thousand wait cheaply."""
import collections
import time

import pytest
from harness.agents import addresses
from harness.jobs import async_job, new_id, send_async, send_sync, sync_job
from harness.scheduler import sanitized

AGENTS = 50
QUIET = {"log.level": "info"}


@pytest.fixture(scope="module")
def site(make_site, broker):
    return make_site(broker=broker, agents=addresses(AGENTS), settings=QUIET).start()


class Request:
    """One request, and the answers it is still waiting for."""

    def __init__(self, number):
        self.param = f"param {number} " + new_id()
        self.ip = addresses(AGENTS)[number % AGENTS]
        self.action = ("sendSync", "sendAsync", "syncJob", "asyncJob")[number % 4]
        make = {"sendSync": send_sync, "sendAsync": send_async, "syncJob": sync_job, "asyncJob": async_job}[self.action]
        fields = {}
        if self.action == "sendAsync":
            fields = {"job_type": ("cron", "queue")[number % 8 // 4]}
        elif self.action == "asyncJob":
            fields = {"type": ("cron", "queue")[number % 8 // 4]}
        self.message = make(ip=self.ip, param=self.param, **fields)
        self.id = self.message.get("mqbody", self.message).get("id")
        self.open = {"sendAsync": {"accepted", "result"}, "asyncJob": {"result"}}.get(self.action, {"reply"})

    def check_reply(self, answer):
        """A reply to its reply_to."""
        if self.action == "syncJob":
            body = answer["mqbody"]
            assert (body["flag"], body["error"]) == ("true", "")
            assert (body["result"]["worker_flag"], body["result"]["worker_message"]) == (1, self.param)
            self.open.remove("reply")
            return body["result"]["id"]
        data = answer["data"]
        _, action, mid = answer["mqkey"].split(".", 1)[1].split(".")
        assert (action, mid) == (self.action, self.message["mqkey"].split(".")[-1])
        assert (answer["mqflag"], data["error"], data["param"], data["agent_ip"]) == ("1", "", self.param, self.ip)
        if self.action == "sendSync":
            assert (data["worker_message"], data["result_flag"]) == (self.param, 1)
            self.open.remove("reply")
        else:
            assert (data["id"], data["result_flag"]) == (self.id, 2)
            self.open.remove("accepted")
        return data["log_id"]

    def check_result(self, answer):
        """A terminal message."""
        if self.action == "asyncJob":
            result = answer["mqbody"]["result"]
            assert (result["id"], result["worker_flag"], result["worker_message"]) == (self.id, 1, self.param)
        else:
            data = answer["data"]
            assert (data["id"], data["rand_id"]) == (self.id, self.message["rand_id"])
            assert (data["worker_message"], data["result_flag"]) == (self.param, 1)
        self.open.remove("result")


def result_id(answer):
    return answer["mqbody"]["result"]["id"] if "mqbody" in answer else answer["data"]["id"]


def test_a_thousand_mixed_requests_at_200_in_flight(peer, site, capsys):
    requests = [Request(number) for number in range(1000)]
    by_id = {request.id: request for request in requests if request.id}
    sent, log_ids, began = 0, [], time.monotonic()
    most_open = 0

    def take_answers():
        for message in peer.inbox[peer.reply_queue]:
            log_ids.append(requests[int(message.correlation_id)].check_reply(message.json))
        for queue in ("cron", "queue"):
            for message in peer.inbox[queue]:
                by_id[result_id(message.json)].check_result(message.json)
            peer.inbox[queue].clear()
        peer.inbox[peer.reply_queue].clear()
        return sum(1 for request in requests[:sent] if request.open)

    while sent < len(requests):
        room = 200 - take_answers()
        for request in requests[sent:sent + room]:
            peer.publish(request.message, reply_to=None if request.action == "asyncJob" else peer.reply_queue,
                         correlation_id=str(sent))
            sent += 1
        most_open = max(most_open, take_answers())
        peer.connection.process_data_events(0.01)
    peer.pump(lambda: take_answers() == 0, 60, "the last answers")
    took = time.monotonic() - began
    assert not any(request.open for request in requests)
    assert len(log_ids) == len(set(log_ids)) == 750
    assert not peer.inbox["openapi"]
    calls = collections.Counter(call["param"] for call in site.farm.calls())
    assert calls == {request.param: 1 for request in requests}
    assert {call["agent"] for call in site.farm.calls()} == set(addresses(AGENTS))
    with capsys.disabled():
        print(f"\n1000 mixed requests in {took:.2f} s, up to {most_open} open")


def test_five_thousand_jobs_of_five_seconds(make_site, broker, capsys):
    count, seconds = 5000, 5
    site = make_site(broker=broker, agents=addresses(AGENTS), settings=QUIET)
    peer = site.peer()
    peer.channel.queue_declare("scheduler", durable=True)  # the jobs are there before the scheduler: all come at once
    peer.channel.queue_bind("scheduler", "elves", "*.scheduler")
    for number in range(count):
        make = (send_sync, sync_job)[number % 2]
        peer.publish(make(ip=addresses(AGENTS)[number % AGENTS], app=f"app{number}", func="sleep", param=str(seconds),
                          timeout=60), reply_to=peer.reply_queue, correlation_id=str(number))
    peer.pump(lambda: peer.queue_state("scheduler")[0] == count, 30, "all jobs to be queued")
    site.start()
    began = time.monotonic()
    answers, threads, resident = [], 0, 0

    def watch():
        nonlocal threads, resident
        answers.extend(peer.inbox[peer.reply_queue])
        peer.inbox[peer.reply_queue].clear()
        threads = max(threads, site.scheduler.status("Threads"))
        resident = max(resident, site.scheduler.status("VmRSS"))
        return len(answers) >= count
    peer.pump(watch, 120, f"{count} replies")
    took = time.monotonic() - began
    resident = max(resident, site.scheduler.status("VmHWM"))
    at_once = max(call["busy"] for call in site.farm.calls())
    with capsys.disabled():
        print(f"\n{count} synchronous jobs of {seconds} s, {at_once} at once, answered in {took:.1f} s: "
              f"{threads} threads, {resident / 1024:.1f} MB resident at most")

    assert sorted(int(message.correlation_id) for message in answers) == list(range(count))
    for message in answers:
        answer, number = message.json, int(message.correlation_id)
        if number % 2:
            assert answer["mqbody"]["flag"] == "true"
            assert answer["mqbody"]["result"]["worker_message"] == "slept"
        else:
            assert (answer["mqflag"], answer["data"]["app"], answer["data"]["worker_message"]) == (
                "1", f"app{number}", "slept")
    calls = collections.Counter(call["app"] for call in site.farm.calls())
    assert calls == {f"app{number}": 1 for number in range(count)}
    site.scheduler.stop()
    if sanitized():
        return
    assert threads <= 10
    assert resident < 100 * 1024
    assert at_once > count // 2
