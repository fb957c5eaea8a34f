"""Asynchronous jobs: sendAsync and asyncJob, results through dataTransport, exactly one terminal message each."""
import pytest
from harness.answers import FIELDS, LOG_ID, accepted, code_of, ended, ended_flat, error_of, fence
from harness.jobs import async_job, new_id, send_async
from harness.thrift_peers import ForeignAgent, result_of, send_result

DOWN = "127.0.0.200"
SILENT = "127.0.0.5"
BUSY = "127.0.0.6"


@pytest.fixture(scope="module")
def site(make_site, broker):
    kinds = {**dict.fromkeys(["127.0.0.2", "127.0.0.3", "127.0.0.4", BUSY], "normal"), SILENT: "silent"}
    return make_site(broker=broker, agents=kinds).start()


@pytest.fixture(params=[False, True], ids=["unframed", "framed"])
def framed(request):
    return request.param


class TestSendAsync:
    @pytest.mark.parametrize("kind", ["cron", "queue"])
    def test_call_is_answered_on_acceptance_and_again_with_the_result(self, peer, site, kind):
        job = send_async(job_type=kind, func="hold", param=new_id(), timeout=20, proxy="p", mode="ssnp")
        reply = peer.call(job)
        assert reply.json["mqkey"] == f"scheduler.openapi.sendAsync.{job['mqkey'].split('.')[-1]}"
        assert (reply.json["mqtype"], reply.json["mqflag"], reply.json["mqerror"]) == ("cast", "1", "")
        data = reply.json["data"]
        assert set(data) >= {*FIELDS, "id", "rand_id", "job_type"}
        assert {key: data[key] for key in ("id", "rand_id", "job_type")} == {
            "id": job["id"], "rand_id": job["rand_id"], "job_type": kind}
        assert (data["result_flag"], data["agent_sync_flag"], data["error"]) == (2, 1, "")

        ins = accepted(site, param=job["param"])
        assert (ins.id, ins.type, ins.mode) == (f"{job['id']}:{job['rand_id']}", kind, "ssnp")
        assert send_result(site.scheduler.port, result_of(ins, costtime=11, result="all done")) == "success"
        answer = ended_flat(peer, job)
        assert (answer["mqtype"], answer["mqflag"], answer["mqerror"]) == ("cast", "1", "")
        result = answer["data"]
        assert set(result) >= {*FIELDS, "id", "rand_id", "job_type", "agent_callback_time"}
        assert {key: type(result[key]) for key in FIELDS} == FIELDS
        for key in ("agent_ip", "mode", "app", "func", "param", "timeout", "proxy", "id", "rand_id", "job_type"):
            assert result[key] == job[key], key
        assert LOG_ID.match(result["log_id"]) and result["log_id"] == data["log_id"]
        assert (result["flag"], result["result_flag"], result["error"]) == (1, 1, "")
        assert (result["worker_message"], result["worker_costtime"]) == ("all done", 11)

    def test_cast_gets_the_result_only(self, peer):
        job = send_async(mqtype="cast", func="echo", param="cast")
        peer.publish(job)
        assert ended_flat(peer, job)["data"]["worker_message"] == "cast"
        fence(peer)

    def test_call_without_reply_to_goes_to_the_component(self, peer):
        job = send_async(func="echo")
        peer.publish(job)
        assert peer.wait_message("openapi").json["data"]["result_flag"] == 2
        ended_flat(peer, job)

    def test_every_call_is_answered_however_fast_the_result_is(self, peer):
        jobs = [send_async(func="early" if number % 10 == 0 else "echo") for number in range(100)]
        for number, job in enumerate(jobs):
            peer.publish(job, reply_to=peer.reply_queue, correlation_id=str(number))
        for message in peer.collect(peer.reply_queue, 100):
            job, data = jobs[int(message.correlation_id)], message.json["data"]
            assert (data["id"], data["rand_id"], data["result_flag"]) == (job["id"], job["rand_id"], 2)
        for job in jobs:
            ended_flat(peer, job)
        fence(peer)

    def test_call_that_the_agent_does_not_accept_is_answered(self, peer):
        job = send_async(func="refuse")
        assert peer.call(job).json["data"]["result_flag"] == 0

    def test_call_to_an_agent_that_says_nothing_is_answered(self, peer):
        job = send_async(ip=SILENT, timeout=1)
        assert peer.call(job).json["data"]["result_flag"] in (0, 2)
        assert ended_flat(peer, job)["data"]["result_flag"] == 0

    def test_without_rand_id(self, peer, site):
        job = send_async(rand_id=..., func="echo", param=new_id())
        assert peer.call(job).json["data"]["rand_id"] == ""
        assert ended_flat(peer, job)["data"]["rand_id"] == ""
        assert site.farm.calls(param=job["param"])[0]["id"] == job["id"]

    def test_a_workers_failure(self, peer):
        job = send_async(func="fail")
        peer.call(job)
        data = ended_flat(peer, job)["data"]
        assert (data["flag"], data["worker_message"], data["result_flag"]) == (0, "it failed", 0)

    def test_call_to_an_agent_that_is_down(self, peer):
        data = peer.call(send_async(ip=DOWN)).json["data"]
        assert data["result_flag"] == 0 and data["agent_sync_flag"] == 0
        assert data["error"].startswith("[410.1]Send Job To Agent Fail")

    def test_cast_to_an_agent_that_is_down_has_one_terminal_message(self, peer):
        job = send_async(ip=DOWN, mqtype="cast")
        peer.publish(job)
        data = ended_flat(peer, job)["data"]
        assert code_of(data["error"]) == "410.1" and data["result_flag"] == 0
        fence(peer)


class TestAsyncJob:
    @pytest.mark.parametrize("kind", ["cron", "queue"])
    def test_the_result(self, peer, site, kind, framed):
        job = async_job(sender=kind, type=kind, func="hold", param=new_id(), mode="NP")
        peer.publish(job)
        ins = accepted(site, param=job["mqbody"]["param"])
        assert (ins.id, ins.type, ins.mode) == (job["mqbody"]["id"], kind, "NP")
        assert send_result(site.scheduler.port, result_of(ins), framed) == "success"
        assert ended(peer, job) == {"flag": "true", "error": "", "result": {
            "id": job["mqbody"]["id"], "worker_flag": 1, "worker_message": "done", "worker_costtime": 7}}

    def test_the_type_tells_where_the_result_goes(self, peer):
        job = async_job(sender="openapi", type="cron")
        peer.publish(job)
        assert ended(peer, job)["flag"] == "true"

    @pytest.mark.parametrize(("func", "flag"), [("fail", 0), ("cannot", -1)])
    def test_a_workers_failure(self, peer, func, flag):
        job = async_job(func=func)
        peer.publish(job)
        assert ended(peer, job)["result"]["worker_flag"] == flag

    def test_an_agent_that_is_down_makes_exactly_one_message(self, peer):
        job = async_job(ip=DOWN)
        peer.publish(job)
        body = ended(peer, job)
        assert body["flag"] == "false" and body["error"].startswith("[410.1]Send Job To Agent Fail...")
        assert body["result"]["id"] == job["mqbody"]["id"]
        fence(peer)

    def test_an_agent_that_does_not_accept(self, peer):
        job = async_job(func="refuse")
        peer.publish(job)
        body = ended(peer, job)
        assert body["flag"] == "false" or body["result"]["worker_flag"] != 1
        fence(peer)

    def test_an_agent_that_says_nothing(self, peer):
        job = async_job(ip=SILENT, timeout=1)
        peer.publish(job)
        body = ended(peer, job)
        assert body["flag"] == "false" and code_of(body["error"]) in ("410.1", "410.2", "410.3")
        fence(peer)

    def test_a_result_that_overtakes_the_acceptance(self, peer):
        job = async_job(func="early", param="fast")
        peer.publish(job)
        assert ended(peer, job)["result"]["worker_message"] == "fast"
        fence(peer)

    def test_a_large_result_comes_through(self, peer, framed):
        job = async_job(ip="127.0.0.3" if framed else "127.0.0.2", func="big", param="1000000")  # odd ones are framed
        peer.publish(job)
        assert ended(peer, job)["result"]["worker_message"] == "x" * 1_000_000


class TestDeadlines:
    def test_no_result_then_a_late_one_then_another(self, peer, site):
        job = async_job(func="hold", param=new_id(), timeout=1)
        peer.publish(job)
        ins = accepted(site, param=job["mqbody"]["param"])
        body = ended(peer, job)
        assert body["flag"] == "false" and code_of(body["error"]) == "410.2"
        assert body["result"]["id"] == job["mqbody"]["id"]
        assert send_result(site.scheduler.port, result_of(ins, result="late")) == "success"
        assert ended(peer, job)["result"]["worker_message"] == "late"
        assert send_result(site.scheduler.port, result_of(ins, result="later")) == "success"
        fence(peer)

    def test_the_flat_one(self, peer):
        job = send_async(func="hold", timeout=1, mqtype="cast")
        peer.publish(job)
        data = ended_flat(peer, job)["data"]
        assert code_of(data["error"]) == "410.2" and data["result_flag"] == 0
        assert data["id"] == job["id"] and data["rand_id"] == job["rand_id"]
        fence(peer)


def test_jobs_ready_together_travel_together(peer, site):
    jobs = [async_job(ip=BUSY, func="slow", param=f"p{number}") for number in range(200)]
    for job in jobs:
        peer.publish(job)
    results = {message.json["mqbody"]["result"]["id"]: message.json["mqbody"]["result"]["worker_message"]
               for message in peer.collect("queue", 200)}
    assert results == {job["mqbody"]["id"]: job["mqbody"]["param"] for job in jobs}
    calls = [call["number"] for call in site.farm.calls(agent=BUSY)]
    assert len(calls) == 200
    sizes = [calls.count(number) for number in set(calls)]
    assert 1 < max(sizes) <= 64, sizes


def test_a_foreign_agent_made_with_apache_thrift(peer, site, framed):
    address = "127.0.0.98" if framed else "127.0.0.97"
    agent = ForeignAgent(address, site.scheduler.agent_port)
    try:
        flat, body = send_async(ip=address), async_job(ip=address)
        assert peer.call(flat).json["data"]["result_flag"] == 2
        peer.publish(body)
        peer.pump(lambda: len(agent.handler.instructions) == 2, 10, "both instructions")
        for ins in agent.handler.instructions:
            assert send_result(site.scheduler.port, result_of(ins, result="foreign"), framed) == "success"
        assert ended_flat(peer, flat)["data"]["worker_message"] == "foreign"
        assert ended(peer, body)["result"]["worker_message"] == "foreign"
    finally:
        agent.close()


@pytest.mark.parametrize(("sender", "kind", "goes_to"), [
    ("queue", "queue", "queue"), ("openapi", "cron", "cron"), ("cron", "nonsense", "cron"), ("queue", ..., "queue")])
def test_a_rejected_job_ends_in_a_terminal_message(peer, sender, kind, goes_to):
    valid = kind in ("cron", "queue")
    job = async_job(sender=sender, type=kind, ip="no-address" if valid else "127.0.0.2")
    peer.publish(job)
    message = peer.wait_message(goes_to)
    assert message.json["mqkey"].startswith(f"scheduler.{goes_to}.")
    body = message.json["mqbody"]
    assert body["flag"] == "false" and body["result"]["id"] == job["mqbody"]["id"]
    assert code_of(error_of(message)) == ("403.1" if valid else "403.11")
