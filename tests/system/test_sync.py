"""Synchronous jobs: sendSync and syncJob, every field of the answers, every way a reply can go."""
import datetime
import json
import zoneinfo

import pytest
from harness.answers import FIELDS, LOG_ID
from harness.jobs import new_id, send_sync, sync_job
from harness.thrift_peers import ForeignAgent

FOREIGN_AGENT = "127.0.0.99"
ODD_TEXTS = ["", " ", "plain", "two\nlines\ttab\r\n", 'quote " back \\ slash', "中文, emoji 🚀, é",
             "nul \u0000 inside", "[{\"looks\": \"like JSON\"}]", "x" * 100_000]


@pytest.fixture(scope="module")
def site(make_site, broker):
    return make_site(broker=broker).start()


def data_of(reply, flag="1", error=""):
    assert reply.json["mqflag"] == flag and reply.json["mqerror"] == error, reply
    return reply.json["data"]


def body_of(reply, flag="true"):
    assert reply.json["mqbody"]["flag"] == flag, reply
    return reply.json["mqbody"]


class TestFlat:
    def test_every_field_of_the_reply_is_there(self, peer):
        request = send_sync(func="echo", param="a b", timeout=7, proxy="python3|app.py", mode="sanp")
        reply = peer.call(request).json
        assert set(reply) == {"mqkey", "mqtype", "mqflag", "mqerror", "data"}
        assert reply["mqkey"] == f"scheduler.openapi.sendSync.{request['id']}"
        assert (reply["mqtype"], reply["mqflag"], reply["mqerror"]) == ("cast", "1", "")
        data = reply["data"]
        assert set(data) >= set(FIELDS)
        assert {key: type(data[key]) for key in FIELDS} == FIELDS
        for key in ("agent_ip", "mode", "app", "func", "param", "timeout", "proxy"):
            assert data[key] == request[key], key
        assert LOG_ID.match(data["log_id"])
        assert (data["flag"], data["error"], data["result_flag"]) == (1, "", 1)
        assert (data["agent_sync_flag"], data["agent_sync_error"]) == (1, "")
        assert 0 <= data["agent_sync_costtime"] < 5000
        assert (data["worker_message"], data["worker_costtime"]) == ("a b", 7)
        assert [data["processor_sync_" + key] for key in ("flag", "error", "costtime")] == [0, "", 0]

    def test_times_are_the_schedulers_local_time(self, peer):
        zone = zoneinfo.ZoneInfo("Asia/Shanghai")  # where the harness lets the scheduler live
        before = datetime.datetime.now(zone).replace(microsecond=0)
        data = data_of(peer.call(send_sync(func="sleep", param="1.1")))
        start, end = (datetime.datetime.strptime(data[key], "%Y-%m-%d %H:%M:%S").replace(tzinfo=zone)
                      for key in ("starttime", "endtime"))
        assert before <= start < end <= datetime.datetime.now(zone)
        assert 1100 <= data["agent_sync_costtime"] < 3000

    def test_log_ids_are_unique(self, peer):
        assert len({data_of(peer.call(send_sync()))["log_id"] for _ in range(50)}) == 50

    @pytest.mark.parametrize(("func", "flag", "message"), [
        ("fail", 0, "it failed"), ("cannot", -1, "app not installed")])
    def test_a_workers_failure_is_reported_as_it_is(self, peer, func, flag, message):
        data = data_of(peer.call(send_sync(func=func)))
        assert (data["flag"], data["worker_message"], data["result_flag"]) == (flag, message, 0)
        assert data["agent_sync_flag"] == 1

    @pytest.mark.parametrize("timeout", [0, "", ..., "0"])
    def test_no_timeout_means_the_default(self, peer, site, timeout):
        request = send_sync(timeout=timeout, param=new_id())
        assert data_of(peer.call(request))["timeout"] == 90
        assert site.farm.calls(param=request["param"])[0]["timeout"] == 90

    def test_a_numeric_string_is_a_timeout(self, peer):
        assert data_of(peer.call(send_sync(timeout="7")))["timeout"] == 7

    @pytest.mark.parametrize("param", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
    def test_param_and_message_travel_unchanged(self, peer, site, param):
        request = send_sync(param=param, app="app" + new_id())
        data = data_of(peer.call(request))
        assert data["param"] == param and data["worker_message"] == param
        assert site.farm.calls(app=request["app"])[0]["param"] == param

    def test_a_param_that_is_an_object_is_sent_as_its_text(self, peer):
        param = {"a": [1, "b c", None], "A": {"z": 1.5, "y": True}}
        assert data_of(peer.call(send_sync(param=param)))["worker_message"] == json.dumps(param, separators=(",", ":"))
        assert data_of(peer.call(send_sync(param=[1, 2])))["worker_message"] == "[1,2]"

    def test_the_instruction_an_agent_gets(self, peer, site):
        request = send_sync(ip="127.0.0.3", param=new_id(), func="echo", timeout=9, proxy="p", mode="SSNP")
        data = data_of(peer.call(request))
        call = site.farm.calls(param=request["param"])
        assert len(call) == 1
        wanted = {"call": "sync", "agent": "127.0.0.3", "ip": "127.0.0.3", "type": "rt", "mode": "SSNP",
                  "app": "apptest", "func": "echo", "timeout": 9, "proxy": "p", "id": data["log_id"]}
        assert {key: call[0][key] for key in wanted} == wanted

    def test_fields_that_nobody_knows_are_no_fault(self, peer):
        assert data_of(peer.call(send_sync(whatever=[1], priority=5, param="fine")))["worker_message"] == "fine"

    @pytest.mark.parametrize("mode", ["sap", "SSP"])
    def test_a_processor_that_is_not_known_fails_the_job(self, peer, mode):
        data = data_of(peer.call(send_sync(mode=mode, param="ran")))
        assert (data["flag"], data["worker_message"], data["agent_sync_flag"]) == (1, "ran", 1)
        assert data["processor_sync_flag"] == 0
        assert data["processor_sync_error"].startswith("[413.2]App Not Found")
        assert data["error"].startswith("[413.2]App Not Found")
        assert data["result_flag"] == 0

    @pytest.mark.parametrize("mode", ["sanp", "ssnp", "SaNp", ...])
    def test_no_processor_is_asked(self, peer, mode):
        assert data_of(peer.call(send_sync(mode=mode)))["result_flag"] == 1

    def test_a_message_that_is_no_utf8_still_makes_a_reply(self, peer):
        assert data_of(peer.call(send_sync(func="bytes")))["worker_message"].startswith("<\ufffd")

    def test_a_message_of_a_megabyte(self, peer):
        assert data_of(peer.call(send_sync(func="big", param="1000000")))["worker_message"] == "x" * 1_000_000

    def test_an_agent_that_refuses_the_connection(self, peer):
        data = data_of(peer.call(send_sync(ip="127.0.0.200")))
        assert data["error"].startswith("[410.0]Send Job To Agent Fail")
        assert (data["flag"], data["agent_sync_flag"], data["result_flag"]) == (0, 0, 0)
        assert data["agent_sync_error"]
        assert (data["worker_message"], data["worker_costtime"]) == ("", 0)


class TestBody:
    def test_the_reply(self, peer, site):
        request = sync_job(param=new_id(), mode="NP")
        reply = peer.call(request).json
        assert (reply["mqkey"], reply["mqtype"], reply["mqflag"]) == ("scheduler.openapi", "cast", "cast")
        body = reply["mqbody"]
        assert set(body) == {"flag", "error", "result"} and (body["flag"], body["error"]) == ("true", "")
        assert set(body["result"]) == {"id", "worker_flag", "worker_message", "worker_costtime"}
        assert LOG_ID.match(body["result"]["id"])
        assert [body["result"][key] for key in ("worker_flag", "worker_message", "worker_costtime")] == [
            1, request["mqbody"]["param"], 7]
        call = site.farm.calls(param=request["mqbody"]["param"])[0]
        assert (call["type"], call["mode"], call["id"]) == ("rt", "NP", body["result"]["id"])

    def test_mqbody_may_be_a_string(self, peer):
        request = sync_job(param="as text")
        request["mqbody"] = json.dumps(request["mqbody"])
        assert body_of(peer.call(request))["result"]["worker_message"] == "as text"

    @pytest.mark.parametrize("timeout", [0, "", None, ..., "30", 30])
    def test_timeouts_as_the_released_peers_send_them(self, peer, site, timeout):
        request = sync_job(timeout=timeout, param=new_id())
        body_of(peer.call(request))
        wanted = 30 if timeout in ("30", 30) else 90
        assert site.farm.calls(param=request["mqbody"]["param"])[0]["timeout"] == wanted

    def test_null_param_and_proxy(self, peer, site):
        app = "app" + new_id()
        assert body_of(peer.call(sync_job(param=None, proxy=None, app=app)))["result"]["worker_message"] == ""
        assert [site.farm.calls(app=app)[0][key] for key in ("param", "proxy")] == ["", ""]

    @pytest.mark.parametrize("mode", ["P", "NP", "p", "np", "Np"])
    def test_modes_in_any_case(self, peer, mode):
        assert body_of(peer.call(sync_job(mode=mode)))["result"]["worker_flag"] == 1

    @pytest.mark.parametrize(("func", "flag"), [("fail", 0), ("cannot", -1)])
    def test_a_workers_failure(self, peer, func, flag):
        assert body_of(peer.call(sync_job(func=func)))["result"]["worker_flag"] == flag

    def test_an_agent_that_refuses_the_connection(self, peer):
        body = body_of(peer.call(sync_job(ip="127.0.0.200")), "false")
        assert body["error"].startswith("[410.0]Send Job To Agent Fail...")
        assert LOG_ID.match(body["result"]["id"])


class TestReplyRoutes:
    @pytest.mark.parametrize("make", [send_sync, sync_job])
    def test_reply_to_with_correlation_id(self, peer, make):
        assert peer.call(make()).routing_key == peer.reply_queue

    @pytest.mark.parametrize("make", [send_sync, sync_job])
    def test_the_message_id_stands_in_for_a_correlation_id(self, peer, make):
        peer.publish(make(), reply_to=peer.reply_queue, message_id="m-17")
        peer.wait_reply("m-17")

    @pytest.mark.parametrize("make", [send_sync, sync_job])
    def test_direct_reply_to(self, peer, make):
        peer.consume("amq.rabbitmq.reply-to")
        peer.publish(make(param="direct"), reply_to="amq.rabbitmq.reply-to", correlation_id="d-1")
        reply = peer.wait_message("amq.rabbitmq.reply-to")
        assert reply.correlation_id == "d-1" and "direct" in reply.body.decode()

    def test_the_key_in_mqtype(self, peer):
        peer.channel.queue_declare("answers", exclusive=True)
        peer.channel.queue_bind("answers", peer.exchange, "my.own.key")
        peer.consume("answers")
        peer.publish(sync_job(mqtype="call.my.own.key", param="keyed"))
        reply = peer.wait_message("answers")
        assert reply.routing_key == "my.own.key"
        assert reply.json["mqbody"]["result"]["worker_message"] == "keyed"

    def test_reply_to_goes_before_the_key_in_mqtype(self, peer):
        assert peer.call(sync_job(mqtype="call.my.own.key", param="both")).routing_key == peer.reply_queue

    @pytest.mark.parametrize("component", ["openapi", "cron", "queue"])
    def test_flat_without_reply_to_goes_to_the_component(self, peer, component):
        request = send_sync(sender=component)
        peer.publish(request)
        reply = peer.wait_message(component)
        assert reply.routing_key == f"scheduler.{component}"
        assert reply.json["mqkey"] == f"scheduler.{component}.sendSync.{request['id']}"

    def test_a_body_call_with_nowhere_to_reply_is_a_dead_letter(self, peer, site):
        request = sync_job(param=new_id())
        peer.publish(request)
        dead = peer.dead_letter()
        assert dead.headers["x-elves-error"]
        assert dead.headers["x-elves-routing-key"] == "openapi.scheduler"
        assert dead.json == request

    def test_nobody_listens_where_the_reply_goes(self, peer):
        peer.publish(send_sync(), reply_to="no-such-queue", correlation_id="lost")
        assert data_of(peer.call(send_sync(param="after")))["worker_message"] == "after"


def test_a_foreign_agent_made_with_apache_thrift(peer, site):
    agent = ForeignAgent(FOREIGN_AGENT, site.scheduler.agent_port)
    try:
        for number in range(5):
            assert data_of(peer.call(send_sync(ip=FOREIGN_AGENT, param=f"p{number}")))["worker_message"] == f"p{number}"
        assert body_of(peer.call(sync_job(ip=FOREIGN_AGENT, param="b")))["result"]["worker_message"] == "b"
        assert [ins.type for ins in agent.handler.instructions] == ["rt"] * 6
    finally:
        agent.close()


def test_connections_to_an_agent_are_kept_and_used_again(peer, site):
    app = "app" + new_id()
    for _ in range(30):
        data_of(peer.call(send_sync(ip="127.0.0.4", app=app)))
    assert len({call["connection"] for call in site.farm.calls(app=app)}) <= 2


def test_both_envelopes_at_once(peer):
    for number in range(60):
        make = (send_sync, sync_job)[number % 2]
        slow = number % 5 == 0
        peer.publish(make(func="sleep" if slow else "echo", param="0.3" if slow else f"p{number}"),
                     reply_to=peer.reply_queue, correlation_id=str(number))
    for reply in peer.collect(peer.reply_queue, 60):
        number = int(reply.correlation_id)
        message = (body_of(reply)["result"] if number % 2 else data_of(reply))["worker_message"]
        assert message == ("slept" if number % 5 == 0 else f"p{number}")


@pytest.mark.parametrize(("by", "seconds"), [("list", "0.61"), ("log id", "0.62")])
def test_whoever_asks_finds_a_job_that_has_just_begun(peer, site, by, seconds):
    peer.publish(sync_job(func="sleep", param=seconds), reply_to=peer.reply_queue)
    log_id = site.farm.wait_call(param=seconds)[0]["id"]
    if by == "list":
        jobs = site.scheduler.http("GET", "/api/v1/jobs", query={"state": "received"}).json["jobs"]
        assert log_id in [job["log_id"] for job in jobs]
    else:
        answer = site.scheduler.http("GET", f"/api/v1/jobs/{log_id}")
        assert (answer.status, answer.json["state"]) == (200, "received")
    assert body_of(peer.collect(peer.reply_queue, 1)[0])["result"]["worker_message"] == "slept"
