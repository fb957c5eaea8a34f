"""Results that agents bring to dataTransport: first, second, late, of cron firings, and of another scheduler's jobs."""
import pytest
from harness.answers import FIELDS, accepted, ended, ended_flat, fence
from harness.jobs import async_job, new_id, send_async
from harness.thrift_peers import SchedulerClient, instruct, result_of, send_result


@pytest.fixture(scope="module")
def site(make_site, broker):
    return make_site(broker=broker).start()


@pytest.fixture(params=[False, True], ids=["unframed", "framed"])
def framed(request):
    return request.param


def test_the_second_result_of_an_execution_goes_nowhere(peer, site, framed):
    job = async_job(func="hold", param=new_id())
    peer.publish(job)
    ins = accepted(site, param=job["mqbody"]["param"])
    with SchedulerClient(site.scheduler.port, framed) as agent:
        assert agent.data_transport(result_of(ins, result="first")) == "success"
        assert agent.data_transport(result_of(ins, result="second")) == "success"
    assert ended(peer, job)["result"]["worker_message"] == "first"
    fence(peer)


class TestTooLong:
    """The rest of a text is left out, and its end says so; the job is not lost, nor is the connection."""

    MARK = " [cut: 5000000 bytes were too many for thrift.maxMessage]"

    @pytest.fixture(scope="class")
    def narrow(self, make_site, broker):
        return make_site(broker=broker, settings={"thrift.maxMessage": 100_000}).start()

    @pytest.mark.parametrize("kind", ["queue", "cron"])
    def test_of_an_open_job(self, narrow, framed, kind):
        peer = narrow.peer()
        job = async_job(sender=kind, type=kind, func="hold", param=new_id())
        peer.publish(job)
        ins = accepted(narrow, param=job["mqbody"]["param"])
        with SchedulerClient(narrow.scheduler.port, framed) as agent:
            assert agent.data_transport(result_of(ins, result="r" * 5_000_000)) == "success"
            text = ended(peer, job)["result"]["worker_message"]
            assert text.endswith("r" + self.MARK) and 98_000 < len(text) < 100_000
            assert agent.data_transport(result_of(ins, result="second")) == "success"
        assert narrow.scheduler.metric("elves_thrift_broken_total") == 0

    def test_of_an_unknown_one(self, narrow, framed):
        ins = instruct(id=new_id(), type="queue")
        peer = narrow.peer()
        with SchedulerClient(narrow.scheduler.port, framed) as agent:
            assert agent.data_transport(result_of(ins, result="\N{GRINNING FACE}" * 1_250_000)) == "success"
        [message] = peer.collect("queue", 1)
        text = message.json["mqbody"]["result"]["worker_message"]
        assert text.removesuffix(self.MARK).rstrip() == "\N{GRINNING FACE}" * (len(text.removesuffix(self.MARK).rstrip()))


def test_an_agent_that_sends_everything_twice(peer):
    job = async_job(func="twice")
    peer.publish(job)
    ended(peer, job)
    fence(peer)


def test_a_cron_fires_again_with_the_same_id(peer, site):
    job = async_job(sender="cron", type="cron", func="hold", param=new_id())
    for firing in (1, 2):
        peer.publish(job)
        site.farm.wait_call(firing, param=job["mqbody"]["param"])
    ins = accepted(site, param=job["mqbody"]["param"])
    for number in (1, 2):
        assert send_result(site.scheduler.port, result_of(ins, result=f"firing {number}")) == "success"
        assert ended(peer, job)["result"]["worker_message"] == f"firing {number}"
    assert send_result(site.scheduler.port, result_of(ins, result="firing 2")) == "success"
    fence(peer)


def test_a_cron_that_fires_again_after_its_result(peer, site):
    job = async_job(sender="cron", type="cron", func="echo", param=new_id())
    for firing in (1, 2, 3):
        peer.publish(job)
        assert ended(peer, job)["flag"] == "true"
        assert len(site.farm.calls(param=job["mqbody"]["param"])) == firing


def test_flat_firings_with_the_same_id_are_told_apart_by_rand_id(peer, site):
    first = send_async(func="hold", param=new_id(), mqtype="cast")
    second = {**first, "rand_id": new_id()}
    for firing, job in enumerate((first, second), 1):
        peer.publish(job)
        site.farm.wait_call(firing, param=first["param"])
    for call in reversed(site.farm.calls(param=first["param"])):
        ins = instruct(id=call["id"], ip=call["ip"], type="cron", mode=call["mode"], param=call["param"])
        send_result(site.scheduler.port, result_of(ins, result=call["id"]))
    for job in (second, first):
        data = ended_flat(peer, job)["data"]
        assert data["worker_message"] == f"{data['id']}:{data['rand_id']}"
        assert data["rand_id"] == job["rand_id"]
    fence(peer)


@pytest.mark.parametrize("kind", ["cron", "queue"])
def test_a_result_of_a_job_from_another_scheduler_is_forwarded(peer, site, kind, framed):
    job = async_job(type=kind)
    ins = instruct(id=job["mqbody"]["id"], type=kind, mode="P")
    assert send_result(site.scheduler.port, result_of(ins, flag=0, result="from afar"), framed) == "success"
    assert ended(peer, job) == {"flag": "true", "error": "", "result": {
        "id": job["mqbody"]["id"], "worker_flag": 0, "worker_message": "from afar", "worker_costtime": 7}}


@pytest.mark.parametrize("rand_id", ["", "77C0FFEE"])
def test_and_so_is_that_of_a_flat_one(peer, site, rand_id):
    job = send_async(job_type="queue", rand_id=rand_id)
    ins = instruct(id=job["id"] + (f":{rand_id}" if rand_id else ""), type="queue", mode="sanp", param="q",
                   timeout=33)
    assert send_result(site.scheduler.port, result_of(ins, result="from afar")) == "success"
    data = ended_flat(peer, job)["data"]
    assert set(data) >= {*FIELDS, "id", "rand_id", "job_type", "agent_callback_time"}
    wanted = {"id": job["id"], "rand_id": rand_id, "job_type": "queue", "worker_message": "from afar",
              "param": "q", "timeout": 33, "mode": "sanp", "flag": 1, "result_flag": 1}
    assert {key: data[key] for key in wanted} == wanted


def test_many_results_on_one_connection(peer, site, framed):
    jobs = [async_job() for _ in range(50)]
    with SchedulerClient(site.scheduler.port, framed) as agent:
        for job in jobs:
            ins = instruct(id=job["mqbody"]["id"], type="queue")
            assert agent.data_transport(result_of(ins, result=ins.id)) == "success"
    for message, job in zip(peer.collect("queue", 50), jobs, strict=True):
        result = message.json["mqbody"]["result"]
        assert result["id"] == result["worker_message"] == job["mqbody"]["id"]


@pytest.mark.parametrize("fields", [{"type": "rt"}, {"type": "bogus"}, {"type": None}, {"id": ""}, {"id": None}])
def test_a_result_that_names_no_job_is_taken_and_goes_nowhere(peer, site, fields):
    with SchedulerClient(site.scheduler.port) as agent:
        assert isinstance(agent.data_transport(result_of(instruct(**{"id": new_id(), **fields}))), str)
    assert not [message for queue in ("cron", "queue") for message in peer.inbox[queue]]


def test_absent_strings_are_empty_ones(peer, site):
    job = async_job()
    ins = instruct(id=job["mqbody"]["id"], type="queue", ip=None, param=None, proxy=None, app=None, func=None)
    assert send_result(site.scheduler.port, result_of(ins, result=None)) == "success"
    assert ended(peer, job)["result"]["worker_message"] == ""
