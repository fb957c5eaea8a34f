"""Requests that are wrong: each has the right code, is answered or kept as a dead letter, and harms nobody else."""
import datetime
import json

import pytest
from harness.amqp import DEAD
from harness.answers import code_of, error_of
from harness.jobs import async_job, send_async, send_sync, sync_job

NO_TEXT = [..., None, "", "  ", 5, True, [], {}, ["apptest"]]
NO_IP = [..., "", "  ", 7, None, [], {}, "localhost", "1.2.3", "256.1.1.1", "127.0.0.1:80", "::g", "127.0.0.2/8",
         "127.0.0.2 ", "../etc"]
NO_TIMEOUT = [-1, "-5", "abc", "5s", [], {}, True, 1e18, "99999999999999999999"]
FLAT_FIELDS = {"agent_ip": ("403.1", NO_IP), "app": ("403.3", NO_TEXT), "func": ("403.7", NO_TEXT),
               "mode": ("403.4", [5, True, [], {}, "bogus"]), "timeout": ("403.8", NO_TIMEOUT),
               "param": ("403.2", [5, True])}
BODY_FIELDS = {"ip": ("403.1", NO_IP), "app": ("403.3", NO_TEXT), "func": ("403.7", NO_TEXT),
               "mode": ("403.4", [5, True, [], {}, "bogus"]), "timeout": ("403.8", NO_TIMEOUT),
               "param": ("403.2", [5, True])}
ASYNC_FIELDS = {"id": ("403.10", [..., "", "  ", [], {}, True])}
KINDS = [..., "", "rt", "Cron", 5, None, [], {}]


@pytest.fixture(scope="module")
def site(make_site, broker):
    return make_site(broker=broker).start()


@pytest.fixture(autouse=True)
def others_go_on(peer, site):
    """After every bad request a good one is answered, and no bad one has reached an agent."""
    before = len(site.farm.calls())
    yield
    assert peer.call(send_sync(param="fine")).json["data"]["worker_message"] == "fine"
    assert len(site.farm.calls()) == before + 1


def cases(fields):
    return [pytest.param(name, value, code, id=f"{name}={'absent' if value is ... else json.dumps(value)}")
            for name, (code, values) in fields.items() for value in values]


def outcome(peer, request, **properties):
    """The reply to a bad request, or the dead letter it has become."""
    if DEAD not in peer.inbox:
        peer.consume(DEAD)
    peer.publish(request, reply_to=peer.reply_queue, correlation_id="bad", **properties)
    peer.pump(lambda: peer.inbox[peer.reply_queue] or peer.inbox[DEAD], 15, f"an answer to {request}"[:300])
    return (peer.inbox[peer.reply_queue] or peer.inbox[DEAD]).pop()


class TestNotEvenAnEnvelope:
    @pytest.mark.parametrize("body", [
        b"", b"not json", b"{", b'{"mqkey": "openapi.scheduler.sendSync.1"', b"null", b"5", b'"text"', b"[]",
        b"[{}]", b"{}", b"\xff\xfe\x00", b'{"mqkey": "\xff"}', b'{"mqkey": "openapi.scheduler.sendSync.1"} trailing'])
    def test_is_a_dead_letter(self, peer, body):
        peer.publish(body, routing_key="thing.scheduler")
        dead = peer.dead_letter()
        assert code_of(dead.headers["x-elves-error"]) == "400.1"
        assert dead.headers["x-elves-error"].startswith("[400.1]Message Malformed")
        assert dead.headers["x-elves-routing-key"] == "thing.scheduler"
        assert dead.headers["x-elves-time"]
        assert dead.body == body

    def test_the_time_of_a_dead_letter_is_now(self, peer):
        peer.publish(b"not json", routing_key="a.scheduler")
        time = peer.dead_letter().headers["x-elves-time"]
        assert isinstance(time, (str, int, datetime.datetime)), type(time)

    def test_ten_mebibytes(self, peer):
        peer.publish(json.dumps(send_sync(param="x" * (10 << 20))).encode(), routing_key="openapi.scheduler")
        assert code_of(peer.dead_letter().headers["x-elves-error"]) == "400.1"

    @pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
    def test_depth_ten_thousand(self, peer, opening, closing):
        text = json.dumps(send_sync(param="HERE")).replace('"HERE"', opening * 10_000 + "1" + closing * 10_000)
        assert code_of(error_of(outcome(peer, text.encode(), routing_key="openapi.scheduler"))) == "400.1"

    def test_depth_ten_thousand_in_a_body_that_is_text(self, peer):
        request = {**sync_job(), "mqbody": '{"ip":' + "[" * 10_000 + "]" * 10_000 + "}"}
        assert code_of(error_of(outcome(peer, request))) == "400.1"

    @pytest.mark.parametrize("mqkey", [..., None, 5, [], {}, "", "x", "openapi.scheduler", "..", "a.b"])
    def test_no_usable_mqkey(self, peer, mqkey):
        request = {**send_sync(), "mqkey": mqkey}
        if mqkey is ...:
            del request["mqkey"]
        assert code_of(error_of(outcome(peer, request, routing_key="openapi.scheduler"))) == "400.1"

    @pytest.mark.parametrize("make", [send_sync, sync_job])
    @pytest.mark.parametrize("mqtype", [..., None, 5, [], {}, "", "bogus"])
    def test_no_usable_mqtype(self, peer, make, mqtype):
        request = {**make(), "mqtype": mqtype}
        if mqtype is ...:
            del request["mqtype"]
        assert code_of(error_of(outcome(peer, request))) == "400.1"

    @pytest.mark.parametrize("mqbody", [..., None, 5, [], "", "text", "[]", "5", "{"])
    def test_no_usable_mqbody(self, peer, mqbody):
        request = {**sync_job(), "mqbody": mqbody}
        if mqbody is ...:
            del request["mqbody"]
        assert code_of(error_of(outcome(peer, request))) == "400.1"

    @pytest.mark.parametrize("action", ["nope", "sendsync", "SYNCJOB", "sendSyncX"])
    def test_unknown_action(self, peer, action):
        for request in ({**send_sync(), "mqkey": f"openapi.scheduler.{action}.1"},
                        {**sync_job(), "mqkey": f"openapi.scheduler.{action}"}):
            error = error_of(outcome(peer, request))
            assert error.startswith("[400.2]Unknown Action"), error


class TestSendSync:
    @pytest.mark.parametrize(("field", "value", "code"), cases(FLAT_FIELDS))
    def test_wrong_field(self, peer, field, value, code):
        request = send_sync(**{field: value})
        reply = peer.call(request).json
        assert reply["mqkey"] == f"scheduler.openapi.sendSync.{request['mqkey'].split('.')[-1]}"
        assert reply["mqflag"] == "0" and code_of(reply["mqerror"]) == code

    def test_without_reply_to_the_component_is_told(self, peer):
        peer.publish(send_sync(app=""))
        answer = peer.wait_message("openapi")
        assert answer.json["mqerror"].startswith("[403.3]Request Params (app) Illegal")

    @pytest.mark.parametrize("value", [5, True, [], {}])
    def test_wrong_proxy(self, peer, value):
        assert peer.call(send_sync(proxy=value)).json["mqflag"] == "0"


class TestSyncJob:
    @pytest.mark.parametrize(("field", "value", "code"), cases(BODY_FIELDS))
    def test_wrong_field(self, peer, field, value, code):
        reply = peer.call(sync_job(**{field: value})).json
        assert reply["mqkey"] == "scheduler.openapi"
        assert reply["mqbody"]["flag"] == "false" and code_of(reply["mqbody"]["error"]) == code


class TestSendAsync:
    @pytest.mark.parametrize(("field", "value", "code"), cases({**FLAT_FIELDS, **ASYNC_FIELDS}))
    def test_wrong_field(self, peer, field, value, code):
        reply = peer.call(send_async(**{field: value})).json
        assert reply["mqflag"] == "0" and code_of(reply["mqerror"]) == code

    @pytest.mark.parametrize("kind", KINDS)
    def test_wrong_job_type(self, peer, kind):
        assert code_of(peer.call(send_async(job_type=kind)).json["mqerror"]) == "403.11"

    @pytest.mark.parametrize("value", [[], {}, True])
    def test_wrong_rand_id(self, peer, value):
        assert code_of(peer.call(send_async(rand_id=value)).json["mqerror"]) == "403.10"


class TestAsyncJob:
    @pytest.mark.parametrize(("field", "value", "code"), cases(BODY_FIELDS))
    def test_wrong_field(self, peer, field, value, code):
        job = async_job(**{field: value})
        peer.publish(job)
        body = peer.wait_message("queue").json["mqbody"]
        assert body["flag"] == "false" and code_of(body["error"]) == code
        assert body["result"]["id"] == job["mqbody"]["id"]

    @pytest.mark.parametrize(("field", "value", "code"), cases(ASYNC_FIELDS))
    def test_wrong_id(self, peer, field, value, code):
        peer.consume(DEAD)
        peer.publish(async_job(**{field: value}))
        peer.pump(lambda: peer.inbox["queue"] or peer.inbox[DEAD], 15, "an answer")
        assert code_of(error_of((peer.inbox["queue"] or peer.inbox[DEAD]).pop())) == code

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_wrong_type_from_a_component_without_results_is_a_dead_letter(self, peer, kind):
        job = async_job(sender="openapi", type=kind)
        peer.publish(job)
        dead = peer.dead_letter()
        assert code_of(dead.headers["x-elves-error"]) == "403.11" and dead.json == job


def test_dead_letters_are_bounded(make_site, broker):
    small = make_site(broker=broker, settings={"mq.dead.maxLength": 5}).start()
    peer = small.peer()
    for number in range(20):
        peer.publish(b"bad %d" % number, routing_key="x.scheduler")
    peer.call(send_sync())
    peer.pump(lambda: peer.queue_state(DEAD)[0] == 5, 15, "five dead letters")
    assert [peer.dead_letter().body for _ in range(5)] == [b"bad %d" % number for number in range(15, 20)]
    small.scheduler.stop()
