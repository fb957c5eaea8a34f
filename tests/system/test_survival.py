"""The promises in bulk: ten thousand open jobs survive a kill, results outlive the broker, SIGTERM under load loses nothing."""
import collections
import time

import pytest
from harness.agents import addresses
from harness.amqp import COMPONENTS
from harness.answers import code_of, error_of
from harness.jobs import async_job, new_id, send_sync
from harness.scheduler import sanitized
from harness.thrift_peers import SchedulerClient, instruct, result_of

AGENTS = 10
QUIET = {"log.level": "info", "thrift.trustForwarders": "127.0.0.1,127.0.0.2"}


@pytest.fixture
def site(make_site, broker):
    return make_site(broker=broker, agents=addresses(AGENTS), settings=QUIET).start()


def held_tasks(site, peer, count, timeout):
    """Queue tasks whose agents accepted them and bring no result."""
    jobs = [async_job(ip=addresses(AGENTS)[number % AGENTS], func="hold", param=new_id(), timeout=timeout)
            for number in range(count)]
    for job in jobs:
        peer.publish(job)
    peer.pump(lambda: len(accepted_jobs(site)) == count, 60, f"{count} jobs to be accepted")
    return {job["mqbody"]["id"]: job["mqbody"] for job in jobs}


def accepted_jobs(site):
    return site.scheduler.http("GET", "/api/v1/jobs", query={"state": "accepted", "limit": 10000}).json["jobs"]


def bring(site, tasks):
    """A released agent's connection for all of them."""
    with SchedulerClient(site.scheduler.port, timeout=60) as agent:
        for identifier, task in tasks.items():
            ins = instruct(id=identifier, ip=task["ip"], type="queue", mode="NP", app=task["app"], func=task["func"],
                           param=task["param"], timeout=task["timeout"])
            assert agent.data_transport(result_of(ins, result=task["param"])) == "success"


def result_ids(messages):
    return collections.Counter(message.json["mqbody"]["result"]["id"] for message in messages)


def test_ten_thousand_open_jobs_survive_kill_9(site, capsys):
    count = 1000 if sanitized() else 10000
    peer = site.peer()
    tasks = held_tasks(site, peer, count, timeout=120)
    site.scheduler.kill()
    began = time.monotonic()
    site.scheduler.start()
    took = time.monotonic() - began
    assert len(accepted_jobs(site)) == count
    bring(site, tasks)
    messages = peer.collect("queue", count, timeout=60)
    with capsys.disabled():
        print(f"\n{count} open jobs: ready {took:.2f} s after the start that followed kill -9")
    assert result_ids(messages) == dict.fromkeys(tasks, 1)
    for message in messages:
        result = message.json["mqbody"]["result"]
        assert result["worker_message"] == tasks[result["id"]]["param"]
    peer.nothing_left()


def test_results_outlive_the_broker(site, broker):
    count = 1000
    tasks = held_tasks(site, site.peer(), count, timeout=120)
    broker.kill()
    try:
        bring(site, tasks)
    finally:
        broker.start()
    peer = site.peer(components=COMPONENTS)
    messages = peer.collect("queue", count, timeout=60)
    assert [message.json["mqbody"]["result"]["id"] for message in messages] == list(tasks)
    peer.nothing_left()


def test_sigterm_under_load_loses_nothing(make_site, broker, capsys):
    drain = 2
    site = make_site(broker=broker, agents=addresses(AGENTS), settings={**QUIET, "drain.timeout": drain}).start()
    peer = site.peer()
    syncs = {str(number): (0.1, 30)[number % 2] for number in range(400)}
    tasks = [async_job(ip=addresses(AGENTS)[number % AGENTS], param=new_id(), func=("echo", "hold")[number % 2], timeout=60)
             for number in range(400)]
    for (number, seconds), task in zip(syncs.items(), tasks):
        peer.publish(send_sync(ip=addresses(AGENTS)[int(number) % AGENTS], func="sleep", param=str(seconds), timeout=60),
                     reply_to=peer.reply_queue, correlation_id=number)
        peer.publish(task)
    site.farm.wait_call(100, timeout=20)
    began = time.monotonic()
    site.scheduler.stop(timeout=60)
    took = time.monotonic() - began
    with capsys.disabled():
        print(f"\nSIGTERM under load: gone after {took:.2f} s, drain.timeout is {drain} s")
    if not sanitized():
        assert took < drain + 1
    site.scheduler.start()
    holding = {task["mqbody"]["id"]: task["mqbody"] for task in tasks if task["mqbody"]["func"] == "hold"}
    site.farm.wait_call(len(holding), timeout=20, func="hold")
    peer.pump(lambda: [job["func"] for job in accepted_jobs(site)].count("hold") == len(holding), 20, "the held jobs")
    bring(site, holding)
    assert result_ids(peer.collect("queue", len(tasks))) == dict.fromkeys((task["mqbody"]["id"] for task in tasks), 1)
    replies = peer.collect(peer.reply_queue, len(syncs), timeout=60)
    assert sorted(message.correlation_id for message in replies) == sorted(syncs)
    for message in replies:
        answer = message.json
        told = answer["data"]["worker_message"] == "slept" or code_of(error_of(message)) in ("410.3", "410.5")
        assert told, answer
    calls = collections.Counter(call["param"] for call in site.farm.calls() if call["func"] != "sleep")
    assert set(calls.values()) == {1}
    peer.nothing_left()
