"""The HTTP job API, without a broker."""
import datetime
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.answers import FIELDS, LOG_ID, code_of
from harness.jobs import new_id
from harness.scheduler import Scheduler, elvesctl, properties, run_program
from harness.thrift_peers import instruct, result_of, send_result
from harness.util import wait_for

DOWN = "127.0.0.200"


@pytest.fixture(scope="module")
def site(make_site):
    return make_site().start()


@pytest.fixture
def api(site):
    return site.scheduler.http


def job(**fields):
    request = {"ip": "127.0.0.2", "app": "apptest", "func": "echo", "param": "", "timeout": 10, "mode": "sanp",
               "proxy": "", **fields}
    return {key: value for key, value in request.items() if value is not ...}


def run(api, **fields):
    answer = api("POST", "/api/v1/jobs?wait=true", job(**fields))
    assert answer.status == 200, answer.text
    return answer.json


class TestSubmit:
    def test_wait_answers_with_the_result(self, api):
        result = run(api, param="a b", timeout=7)
        assert {key: type(result[key]) for key in FIELDS} == FIELDS
        assert (result["flag"], result["error"], result["worker_message"], result["timeout"]) == (1, "", "a b", 7)
        assert result["agent_ip"] == "127.0.0.2" and LOG_ID.match(result["log_id"])

    def test_without_wait_the_log_id_comes_at_once(self, api):
        answer = api("POST", "/api/v1/jobs", job(func="sleep", param="0.5"))
        assert answer.status == 202 and LOG_ID.match(answer.json["log_id"])
        path = "/api/v1/jobs/" + answer.json["log_id"]
        running = api("GET", path)
        assert running.status == 200 and running.json["worker_message"] == ""
        wait_for(lambda: api("GET", path).json["worker_message"] == "slept", 10, "the result")

    @pytest.mark.parametrize(("field", "meant"), [("parm", "param"), ("timeOut", "timeout"), ("agent_ip", "ip")])
    def test_a_field_that_is_unknown(self, api, field, meant):
        answer = api("POST", "/api/v1/jobs", job(**{field: "x"}))
        assert answer.status == 400 and answer.json["code"] == "400.1"
        assert field in answer.json["error"] and answer.json["error"].endswith(f"the nearest known one is {meant}")

    def test_the_smallest_request(self, api, site):
        app = "app" + new_id()
        answer = api("POST", "/api/v1/jobs?wait=true", {"ip": "127.0.0.3", "app": app, "func": "echo"})
        assert answer.status == 200 and answer.json["timeout"] == 90
        assert site.farm.calls(app=app)[0]["type"] == "rt"

    @pytest.mark.parametrize(("func", "flag"), [("fail", 0), ("cannot", -1)])
    def test_a_worker_that_fails(self, api, func, flag):
        assert run(api, func=func)["flag"] == flag

    def test_an_agent_that_is_down(self, api):
        result = run(api, ip=DOWN)
        assert code_of(result["error"]) == "410.0" and result["result_flag"] == 0

    @pytest.mark.parametrize(("field", "value", "code"), [
        ("ip", ..., "403.1"), ("ip", "nonsense", "403.1"), ("ip", 5, "403.1"), ("app", "", "403.3"),
        ("app", ..., "403.3"), ("func", " ", "403.7"), ("func", [], "403.7"), ("mode", "bogus", "403.4"),
        ("timeout", -1, "403.8"), ("timeout", "soon", "403.8"), ("param", 5, "403.2"), ("type", "bogus", "403.11")])
    @pytest.mark.parametrize("query", ["", "?wait=true"])
    def test_a_wrong_field(self, api, field, value, code, query):
        answer = api("POST", "/api/v1/jobs" + query, job(**{field: value}))
        assert answer.status == 400 and answer.json["code"] == code
        assert code_of(answer.json["error"]) == code

    @pytest.mark.parametrize("body", ["", "not json", "[]", "5", "{", "\xff"])
    def test_what_is_no_job(self, api, body):
        answer = api("POST", "/api/v1/jobs", body.encode("latin-1"))
        assert answer.status == 400 and answer.json["code"] == "400.1"

    @pytest.mark.parametrize("kind", ["cron", "queue"])
    def test_an_asynchronous_job(self, api, site, kind):
        param = new_id()
        answer = api("POST", "/api/v1/jobs", job(type=kind, func="hold", param=param))
        assert answer.status == 202
        path = "/api/v1/jobs/" + answer.json["log_id"]
        call = site.farm.wait_call(param=param)[0]
        assert (call["call"], call["type"]) == ("async", kind)
        wait_for(lambda: api("GET", path).json["result_flag"] == 2, 10, "the acceptance to show")
        ins = instruct(**{key: call[key] for key in ("id", "ip", "type", "mode", "app", "func", "param")})
        assert send_result(site.scheduler.port, result_of(ins, result="async result")) == "success"
        result = wait_for(lambda: (api("GET", path).json if api("GET", path).json["result_flag"] == 1 else None), 10,
                          "the result to show")
        assert result["worker_message"] == "async result" and result["type"] == kind

    def test_waiting_for_an_asynchronous_job(self, api):
        assert run(api, type="queue", func="echo", param="later")["worker_message"] == "later"


class TestLook:
    @pytest.mark.parametrize("log_id", ["0123456789ABCDEF", "nonsense", "0" * 40])
    def test_an_unknown_job(self, api, log_id):
        answer = api("GET", "/api/v1/jobs/" + log_id)
        assert answer.status == 404 and answer.json["error"]

    def test_the_list_is_newest_first(self, api):
        ids = [run(api, ip="127.0.0.4")["log_id"] for _ in range(5)]
        listed = [one["log_id"] for one in api("GET", "/api/v1/jobs", query={"limit": 5}).json["jobs"]]
        assert listed == ids[::-1]

    def test_filters(self, api):
        ended = run(api, ip="127.0.0.3")["log_id"]
        running = api("POST", "/api/v1/jobs", job(ip="127.0.0.3", type="queue", func="hold")).json["log_id"]

        def ids(**query):
            answer = api("GET", "/api/v1/jobs", query=query)
            assert answer.status == 200, answer.text
            assert all(one["agent_ip"] == query.get("ip", one["agent_ip"]) for one in answer.json["jobs"])
            return [one["log_id"] for one in answer.json["jobs"]]
        assert running in ids(state="open") and running not in ids(state="done")
        assert ended in ids(state="done") and ended not in ids(state="open")
        assert {running, ended} <= set(ids(ip="127.0.0.3"))
        assert running not in ids(ip="127.0.0.2")
        assert ids(ip="127.0.0.3", state="open") == [running]
        assert len(ids(limit=2)) == 2

    def test_a_list_has_texts_only_when_asked_and_is_cut_at_what_is_sent(self, api, site):
        large = '"' * 3_500_000  # with the result 7 MB, sent as 14 MB
        ids = [run(api, ip="127.0.0.4", app="large", param=large)["log_id"] for _ in range(4)]

        def listed(**query):
            answer = api("GET", "/api/v1/jobs", query={"ip": "127.0.0.4", **query}, timeout=60)
            assert len(answer.text) < (32 << 20) + 14_010_000
            return [one["log_id"] for one in answer.json["jobs"]], answer.json["cut"]
        assert listed(fields="full") == (ids[:0:-1], True)
        assert listed(fields="full", limit=1) == (ids[:2:-1], True)
        brief = api("GET", "/api/v1/jobs", query={"ip": "127.0.0.4", "limit": 4})
        assert [one["log_id"] for one in brief.json["jobs"]] == ids[::-1] and len(brief.text) < 10_000
        assert not any({"param", "worker_message"} & set(one) for one in brief.json["jobs"])
        told = elvesctl(site.scheduler, "jobs", "--ip", "127.0.0.4", "--limit", "3")
        assert told.returncode == 0 and "there are more" in told.stderr and ids[3] in told.stdout

    def test_cut_says_whether_there_are_more(self, api):
        for _ in range(3):
            run(api, ip="127.0.0.5")
        count = len(api("GET", "/api/v1/jobs", query={"ip": "127.0.0.5"}).json["jobs"])

        def cut(**query):
            return api("GET", "/api/v1/jobs", query={"ip": "127.0.0.5", **query}).json["cut"]
        assert not cut() and not cut(limit=count) and cut(limit=count - 1) and cut(limit=1)
        assert cut(limit=1, state="done") and not cut(limit=1, state="open")

    def test_the_newest_comes_first_whatever_its_type(self, api):
        with ThreadPoolExecutor(1) as pool:
            slow = pool.submit(run, api, ip="127.0.0.2", app="order", func="sleep", param="1")
            wait_for(lambda: [one for one in api("GET", "/api/v1/jobs", query={"state": "open"}).json["jobs"]
                              if one["app"] == "order"], 10, "the slow one to have begun")
            ids = []
            for kind in ("queue", "", "cron", "", "queue"):
                ids.append(run(api, ip="127.0.0.2", app="order", **({"type": kind} if kind else {}))["log_id"])
            ids.insert(0, slow.result()["log_id"])
        listed = [one for one in api("GET", "/api/v1/jobs", query={"limit": 50}).json["jobs"] if one["app"] == "order"]
        assert [one["log_id"] for one in listed] == ids[::-1]
        begun = [datetime.datetime.fromisoformat(one["starttime"]) for one in listed]
        assert begun == sorted(begun, reverse=True) and all(one.utcoffset() is not None for one in begun)

    def test_what_became_of_a_job_in_a_word(self, api):
        def word(**fields):
            result = run(api, **fields)
            assert result["outcome"] == api("GET", "/api/v1/jobs/" + result["log_id"]).json["outcome"]
            return result["outcome"]
        assert word() == "succeeded" and word(func="fail") == "failed"
        assert word(func="cannot") == "not_run" and word(ip=DOWN) == "not_run"
        assert word(func="sleep", param="5", timeout=1) == "unknown"
        held = api("POST", "/api/v1/jobs", job(func="hold")).json["log_id"]
        assert api("GET", "/api/v1/jobs/" + held).json["outcome"] == "running"

    @pytest.mark.parametrize(("path", "says"), [
        ("/api/v1/jobs?lmit=3", "limit"), ("/api/v1/jobs?Fields=full", "fields"), ("/api/v1/agents?stat=online", "state"),
        ("/api/v1/jobs/0123456789ABCDEF?wait=true", "takes none"), ("/api/v1/nodes?limit=1", "takes none"),
        ("/api/v1/jobs?wait=true", "nearest known one"), ("/api/v1/jobs?fields=all", "neither brief nor full")])
    def test_a_parameter_that_is_unknown(self, api, path, says):
        answer = api("GET", path)
        assert answer.status == 400 and says in answer.json["error"]

    @pytest.mark.parametrize("query", [{"limit": "many"}, {"limit": "-1"}])
    def test_a_filter_that_makes_no_sense(self, api, query):
        answer = api("GET", "/api/v1/jobs", query=query)
        assert answer.status == 400 and answer.json["error"]


class TestHttp:
    @pytest.mark.parametrize(("method", "path"), [
        ("DELETE", "/api/v1/jobs"), ("PUT", "/api/v1/jobs"), ("POST", "/api/v1/jobs/0123456789ABCDEF"),
        ("POST", "/healthz")])
    def test_a_wrong_method(self, api, method, path):
        answer = api(method, path)
        assert answer.status == 405 and answer.json["error"] and answer.getheader("Allow")

    @pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v2/jobs", "/api/v1/jobs/a/b", "/../etc/passwd"])
    def test_an_unknown_path(self, api, path):
        answer = api("GET", path)
        assert answer.status == 404 and answer.json["error"]

    def test_a_body_that_is_too_large(self, site):
        with socket.create_connection(("127.0.0.1", site.scheduler.admin_port), timeout=10) as connection:
            connection.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000000\r\n\r\n{")
            assert connection.recv(100).split()[1] == b"413"

    def test_no_http_at_all(self, api, site):
        with socket.create_connection(("127.0.0.1", site.scheduler.admin_port), timeout=10) as connection:
            connection.sendall(b"\x00\x01\x02\r\n\r\n\r\n")
            answer = connection.recv(100)
            assert not answer or answer.split()[1] == b"400"
        assert api("GET", "/healthz").status == 200

    def test_health_and_metrics(self, api):
        assert api("GET", "/healthz").json["status"] == "ok"
        metrics = api("GET", "/metrics")
        assert metrics.status == 200 and "# TYPE elves_" in metrics.text

    def test_a_hundred_waiting_clients_delay_nobody(self, api):
        with ThreadPoolExecutor(100) as pool:
            waiting = [pool.submit(run, api, func="sleep", param="2", ip="127.0.0.4", app=f"w{number}")
                       for number in range(100)]
            wait_for(lambda: len(api("GET", "/api/v1/jobs", query={"state": "open", "ip": "127.0.0.4"}).json["jobs"])
                     == 100, 10, "a hundred open jobs")
            for _ in range(20):
                assert api("GET", "/healthz", timeout=1).status == 200
            assert not any(one.done() for one in waiting)
            assert [one.result()["app"] for one in waiting] == [f"w{number}" for number in range(100)]


class TestToken:
    def test_off_loopback_a_token_is_needed(self, tmp_path, site):
        config = tmp_path / "open.properties"
        for listen in ("0.0.0.0:10180", "[::]:10180"):
            config.write_text(properties({"admin.listen": listen}))
            ended = run_program("--standalone", "--config", config)
            assert ended.returncode == 78 and "admin.token" in ended.stdout, ended

    def test_with_a_token_only_its_bearer_is_served(self, tmp_path, site):
        token = "a-t0ken-never-to-be-logged"
        scheduler = Scheduler(tmp_path, {"admin.token": token, "log.level": "trace"}, ["--standalone"])
        scheduler.settings["admin.listen"] = f"0.0.0.0:{scheduler.admin_port}"
        scheduler.start()
        try:
            for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": token},
                            {"Authorization": f"Bearer {token}x"}, {"Authorization": f"Bearer {token[:-1]}"}):
                answer = scheduler.http("GET", "/api/v1/jobs", headers=headers)
                assert answer.status == 401 and answer.json["error"], headers
                assert scheduler.http("POST", "/api/v1/jobs", job(), headers).status == 401
            assert scheduler.http("GET", "/api/v1/jobs", headers={"Authorization": f"Bearer {token}"}).status == 200
            assert scheduler.http("GET", "/healthz").status == 200
        finally:
            scheduler.stop()
        assert token not in scheduler.log()


def test_the_api_is_there_in_broker_mode_too(make_site, broker):
    both = make_site(broker=broker).start()
    assert run(both.scheduler.http, param="by http")["worker_message"] == "by http"
    peer = both.peer()
    request = {"mqkey": "openapi.scheduler.sendSync.1", "mqtype": "cast", "agent_ip": "127.0.0.2", "app": "a",
               "func": "echo", "param": "by amqp"}
    log_id = peer.call(request).json["data"]["log_id"]
    def shown():
        return both.scheduler.http("GET", "/api/v1/jobs/" + log_id).json

    wait_for(lambda: shown()["state"] == "published", 10, "the job's end, which comes after its reply")
    assert shown()["worker_message"] == "by amqp"
    both.scheduler.stop()
