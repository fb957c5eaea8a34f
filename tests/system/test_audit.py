"""The audit log: who asked what of which machine, when, and how it ended."""
import datetime
import hashlib
import json
import pathlib

import pytest
from harness.jobs import async_job, new_id, send_sync
from harness.scheduler import run_program
from harness.util import wait_for

SECRET = "password=hunter2"


@pytest.fixture
def audited(make_site, broker, tmp_path):
    def start(**settings):
        path = tmp_path / "audit.log"
        site = make_site(broker=broker, settings={"audit.file": path, **settings}).start()
        site.audit = path
        return site
    return start


def lines(path, **wanted):
    every = [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]
    return [line for line in every if all(line.get(key) == value for key, value in wanted.items())]


def wait_lines(path, count, **wanted):
    wait_for(lambda: path.exists() and len(lines(path, **wanted)) >= count, 15, f"{count} lines with {wanted}")
    found = lines(path, **wanted)
    assert len(found) == count, found
    return found


def test_a_synchronous_job_is_asked_and_ends(audited):
    site = audited()
    request = send_sync(param=SECRET, app="audited")
    reply = site.peer().call(request).json["data"]
    asked, ended = wait_lines(site.audit, 2, log_id=reply["log_id"])
    assert (asked["event"], ended["event"]) == ("asked", "ended")
    for line in (asked, ended):
        datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
        assert (line["from"], line["type"], line["ip"], line["app"]) == ("openapi", "rt", "127.0.0.2", "audited")
        assert "caller" not in line and line["reply_to"]
    assert asked["param_sha256"] == hashlib.sha256(SECRET.encode()).hexdigest()
    assert (ended["outcome"], ended["error"], ended["worker_flag"]) == ("succeeded", "", 1)
    assert "hunter2" not in site.audit.read_text()


def test_an_asynchronous_job_and_its_failure(audited):
    site = audited()
    request = async_job(func="fail")
    peer = site.peer()
    peer.publish(request)
    peer.wait_message("queue")
    asked, ended = wait_lines(site.audit, 2, id=request["mqbody"]["id"])
    assert (asked["type"], ended["outcome"], ended["worker_flag"]) == ("queue", "failed", 0)


def test_what_was_refused_and_why(audited):
    site = audited()
    site.peer().call(send_sync(ip="no.such.address"))
    (line,) = wait_lines(site.audit, 1, event="refused")
    assert line["ip"] == "no.such.address" and line["error"].startswith("[403.1]") and line["outcome"] == "refused"


def test_the_whole_param_only_when_asked_for(audited):
    site = audited(**{"audit.param": "full"})
    site.peer().call(send_sync(param=SECRET))
    (asked,) = wait_lines(site.audit, 1, event="asked")
    assert asked["param"] == SECRET and "param_sha256" not in asked


def test_the_job_api_is_a_way_in_too(audited):
    site = audited()
    answer = site.scheduler.http("POST", "/api/v1/jobs?wait=true",
                                 {"ip": "127.0.0.2", "app": "apptest", "func": "echo", "param": new_id()})
    asked, ended = wait_lines(site.audit, 2, log_id=answer.json["log_id"])
    assert (asked["from"], asked["caller"], ended["outcome"]) == ("http", "127.0.0.1", "succeeded")


def test_the_job_apis_caller_is_told_by_its_token(audited):
    site = audited(**{"admin.token": SECRET})
    answer = site.scheduler.http("POST", "/api/v1/jobs?wait=true", {"ip": "127.0.0.2", "app": "apptest", "func": "echo"},
                                 {"Authorization": f"Bearer {SECRET}"})
    asked, ended = wait_lines(site.audit, 2, log_id=answer.json["log_id"])
    assert asked["caller"] == ended["caller"] == "admin.token@127.0.0.1"


def test_a_job_that_outlives_its_scheduler_ends_in_the_log_of_the_next(audited):
    site = audited()
    request = async_job(func="sleep", param="1")
    peer = site.peer()
    peer.publish(request)
    identifier = request["mqbody"]["id"]
    wait_lines(site.audit, 1, id=identifier)
    wait_for(lambda: site.farm.calls(id=identifier), 10, "the call")
    site.scheduler.kill()
    site.scheduler.start()
    peer.wait_message("queue", timeout=30)
    ends = wait_lines(site.audit, 1, id=identifier, event="ended")
    assert len(lines(site.audit, id=identifier, event="asked")) >= 1 and ends[0]["from"] == "queue"


def test_rotation_by_renaming_loses_nothing(audited):
    site = audited()
    peer = site.peer()
    peer.call(send_sync())
    wait_lines(site.audit, 1, event="ended")
    old = site.audit.with_suffix(".1")
    site.audit.rename(old)
    peer.call(send_sync())
    wait_lines(site.audit, 1, event="ended")
    assert len(lines(old) + lines(site.audit)) == 4


def test_jobs_go_on_when_it_cannot_be_written(audited, tmp_path):
    folder = tmp_path / "audit"
    folder.mkdir()
    site = audited(**{"audit.file": folder / "audit.log", "audit.maxWaiting": 4})
    peer = site.peer()
    folder.joinpath("audit.log").unlink()
    folder.rmdir()
    for _ in range(10):
        peer.call(send_sync())
    lost = [line for line in site.scheduler.http("GET", "/metrics").text.splitlines()
            if line.startswith("elves_audit_lines_lost_total ")]
    assert float(lost[0].split()[1]) == 16
    assert "cannot be written" in site.scheduler.log()
    folder.mkdir()
    (line,) = wait_lines(folder / "audit.log", 1, event="lost")
    assert line["lines"] == 16 and len(lines(folder / "audit.log")) == 5


@pytest.mark.usefixtures("program")
def test_a_file_that_cannot_be_opened_stops_the_start(tmp_path):
    config = tmp_path / "conf.properties"
    config.write_text(f"audit.file = {tmp_path}/no/such/audit.log\n")
    ended = run_program("--standalone", "--config", config)
    assert ended.returncode == 78 and "audit.file" in ended.stdout and "No such file" in ended.stdout, ended
