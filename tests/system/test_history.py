"""The file of finished jobs, beside the journal: whatever happens to it, jobs go on."""
import os
import pathlib
import sqlite3

import pytest
from harness.answers import accepted, ended, fence, held
from harness.jobs import async_job, new_id
from harness.thrift_peers import result_of, send_result
from harness.util import wait_for

JOB = {"ip": "127.0.0.2", "app": "apptest", "func": "echo", "timeout": 30}


@pytest.fixture
def site(make_site, broker, tmp_path):
    return make_site(broker=broker, settings={"journal.path": tmp_path / "journal.db"}).start()


def history(site):
    return pathlib.Path(f"{site.scheduler.settings['journal.path']}.history")


def set_aside(site):
    return list(history(site).parent.glob("journal.db.history.damaged-*Z"))


def run(site, **fields):
    """The log id of a job that is over."""
    return site.scheduler.http("POST", "/api/v1/jobs?wait=true", {**JOB, **fields}).json["log_id"]


def look_up(site, log_id):
    return site.scheduler.http("GET", f"/api/v1/jobs/{log_id}").status


def in_trouble(site):
    assert site.scheduler.health() == 200
    why = site.scheduler.http("GET", "/healthz").json["history_trouble"]
    assert site.scheduler.metric("elves_history_trouble") == (1 if why else 0)
    return why


def goes_on(site, peer, jobs):
    """Jobs that were open end, and new ones run and are kept."""
    job = async_job(func="hold", param=new_id())
    peer.publish(job)
    end(site, peer, job)
    wait_for(lambda: job["mqbody"]["param"] in kept(site), 10, "the broker's word on its last message")
    for open_job, instruction in jobs:
        assert send_result(site.scheduler.port, result_of(instruction, result="late")) == "success"
        assert ended(peer, open_job)["result"]["worker_message"] == "late"
    fence(peer)


def kept(site):
    """The params of finished jobs, which tell them apart."""
    return [job["param"] for job in site.scheduler.http("GET", "/api/v1/jobs", query={"state": "done", "fields": "full"}).json["jobs"]]


def end(site, peer, job):
    instruction = accepted(site, param=job["mqbody"]["param"])
    assert send_result(site.scheduler.port, result_of(instruction, result="done")) == "success"
    assert ended(peer, job)["result"]["worker_message"] == "done"


def remove(path):
    path.unlink()


def replace(path):
    path.with_suffix(".other").write_bytes(b"no history" * 1000)
    path.with_suffix(".other").rename(path)


def cut_off(path):
    os.truncate(path, path.stat().st_size // 2)


def scribble(path):
    with open(path, "r+b") as file:
        file.write(b"\x5a" * path.stat().st_size)


@pytest.mark.parametrize("harm", [remove, replace, cut_off])
def test_a_history_that_is_lost_under_the_scheduler(site, harm):
    peer = site.peer()
    jobs = held(site, peer, 3)
    before = run(site, param="x" * 100_000)
    assert look_up(site, before) == 200
    harm(history(site))
    goes_on(site, peer, jobs)
    assert look_up(site, before) == 404
    assert len(set_aside(site)) == (0 if harm is remove else 1)
    assert in_trouble(site) == ""


@pytest.mark.parametrize("harm", [remove, replace, cut_off, scribble])
def test_a_history_that_is_lost_before_the_start(site, harm):
    peer = site.peer()
    jobs = held(site, peer, 3)
    before = run(site, param="x" * 100_000)
    site.scheduler.stop()
    harm(history(site))
    site.scheduler.start()
    goes_on(site, peer, jobs)
    assert look_up(site, before) == 404
    assert len(set_aside(site)) == (0 if harm is remove else 1)


def test_a_history_that_another_program_reads_at_the_start(site):
    peer = site.peer()
    jobs = held(site, peer, 3)
    before = run(site)
    site.scheduler.stop()
    reader = sqlite3.connect(history(site), isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM history").fetchone()
    site.scheduler.start()
    wait_for(lambda: in_trouble(site) == "database is locked", 10, "the trouble to be told")
    goes_on(site, peer, jobs)
    during = run(site)
    reader.close()
    wait_for(lambda: in_trouble(site) == "", 10, "the history to be written again")
    assert [look_up(site, log_id) for log_id in (before, during)] == [200, 200]


def test_a_folder_in_its_place(site):
    site.scheduler.stop()
    remove(history(site))
    history(site).mkdir()
    site.scheduler.start()
    goes_on(site, site.peer(), [])
    assert in_trouble(site) == "Is a directory"


def test_a_reader_is_told_that_it_is_locked(site):
    assert look_up(site, run(site)) == 200
    with sqlite3.connect(history(site)) as reader, pytest.raises(sqlite3.OperationalError, match="locked"):
        reader.execute("SELECT count(*) FROM history")


def test_kill_9_forgets_no_asynchronous_job_that_was_told(site):
    peer = site.peer()
    jobs = [async_job(func="hold", param=new_id()) for _ in range(5)]
    for job in jobs:
        peer.publish(job)
    for job in jobs:
        end(site, peer, job)
    wait_for(lambda: site.scheduler.http("GET", "/healthz").json["jobs_open"] == 0, 10, "the journal to know")
    site.scheduler.kill()
    site.scheduler.start()
    assert sorted(kept(site)) == sorted(job["mqbody"]["param"] for job in jobs)
    peer.nothing_left()
