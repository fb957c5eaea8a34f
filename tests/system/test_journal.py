"""The journal's file under a running scheduler, and at its start: disks that fail, files taken away or damaged."""
import errno
import os
import pathlib
import resource
import sqlite3

import pytest
from harness.answers import code_of, ended, fence, held
from harness.bad_disk import Preload, full_disk
from harness.jobs import async_job, new_id
from harness.thrift_peers import result_of, send_result
from harness.util import wait_for
from thrift.transport import TTransport


@pytest.fixture
def site_on(make_site, broker, tmp_path):
    """Starts an installation whose journal is on this disk."""
    sites, disks = [], []

    def start(disk):
        disks.append(disk)
        sites.append(make_site(broker=broker, settings={"journal.path": disk.folder / "journal.db"},
                               variables=disk.variables))
        return sites[-1].start()

    yield start
    for site in sites:
        site.close()
    for disk in disks:
        disk.close()


@pytest.fixture
def site(site_on, tmp_path):
    return site_on(Preload(tmp_path))


def journal(site):
    return pathlib.Path(site.scheduler.settings["journal.path"])


def trouble(site):
    return site.scheduler.http("GET", "/healthz").json.get("trouble", "")


def refused(site, peer):
    """A job that is refused and not run."""
    job = async_job(func="hold", param=new_id())
    peer.publish(job)
    assert code_of(ended(peer, job)["error"]) == "410.5"
    assert not site.farm.calls(param=job["mqbody"]["param"])


def end_all(site, peer, jobs):
    """Their results come, and each ends in one message."""
    for job, instruction in jobs:
        assert send_result(site.scheduler.port, result_of(instruction, result=job["mqbody"]["param"])) == "success"
        assert ended(peer, job)["result"]["worker_message"] == job["mqbody"]["param"]
    fence(peer)


def restart_cut_off(site):
    site.scheduler.kill()
    site.scheduler.start()


def fails_and_comes_back(site, disk, why, **failure):
    peer = site.peer()
    jobs = held(site, peer, 5)
    disk.fail(**failure)
    refused(site, peer)
    assert site.scheduler.health() == 503
    assert trouble(site).startswith("the journal cannot be written: ") and why in trouble(site)
    refused(site, peer)
    disk.heal()
    wait_for(lambda: site.scheduler.health() == 200, 20, "the journal to be written again")
    jobs += held(site, peer, 3)
    restart_cut_off(site)
    end_all(site, peer, jobs)


def test_a_full_disk(site_on, tmp_path):
    disk = full_disk(tmp_path)
    fails_and_comes_back(site_on(disk), disk, "full")


@pytest.mark.parametrize("operation, number, why", [
    ("write", errno.ENOSPC, "full"),
    ("write", errno.EROFS, "disk I/O error"),
    ("write", errno.EIO, "disk I/O error"),
    ("sync", errno.EIO, "disk I/O error"),
], ids=["full", "read-only", "write", "sync"])
def test_a_disk_that_fails(site_on, tmp_path, operation, number, why):
    disk = Preload(tmp_path)
    fails_and_comes_back(site_on(disk), disk, why, operation=operation, number=number)


def test_a_limit_of_file_size_ends_no_process(site_on, tmp_path):
    site = site_on(Preload(tmp_path))
    peer = site.peer()
    jobs = held(site, peer, 1, proxy="x" * 300000)
    size = os.stat(f"{journal(site)}-wal").st_size
    _, hard = resource.prlimit(site.scheduler.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    refused(site, peer)
    resource.prlimit(site.scheduler.pid, resource.RLIMIT_FSIZE, (hard, hard))
    wait_for(lambda: site.scheduler.health() == 200, 20, "the journal to be written again")
    end_all(site, peer, jobs)


def test_a_result_that_cannot_be_kept_is_brought_again(site, tmp_path):
    peer = site.peer()
    [(job, instruction)] = held(site, peer, 1)
    disk = Preload(tmp_path)
    disk.fail()
    with pytest.raises(TTransport.TTransportException):
        send_result(site.scheduler.port, result_of(instruction, result="kept"))
    peer.nothing_left()
    disk.heal()
    wait_for(lambda: site.scheduler.health() == 200, 20, "the journal to be written again")
    assert send_result(site.scheduler.port, result_of(instruction, result="kept")) == "success"
    assert ended(peer, job)["result"]["worker_message"] == "kept"


def test_history_that_waits_for_the_disk_is_bounded(site, tmp_path):
    disk = Preload(tmp_path)
    disk.fail()
    request = {"ip": "127.0.0.2", "app": "apptest", "func": "echo", "param": "x" * 7_000_000, "timeout": 30}
    jobs = [site.scheduler.http("POST", "/api/v1/jobs?wait=true", request).json for _ in range(11)]
    assert all(job["worker_message"] == request["param"] for job in jobs)
    assert site.scheduler.metric("elves_journal_texts_left_out_total") >= 1  # also when a slow one begins
    assert f"job {jobs[-1]['log_id']} is there without param and result" in site.scheduler.log()
    disk.heal()
    wait_for(lambda: site.scheduler.health() == 200, 20, "the journal to be written again")
    first, last = (site.scheduler.http("GET", f"/api/v1/jobs/{jobs[at]['log_id']}").json for at in (0, -1))
    assert first["worker_message"] == request["param"] and "texts_left_out" not in first
    assert (last["texts_left_out"], last["param"], last["worker_message"], last["flag"]) == (1, "", "", 1)


def remove(path):
    path.unlink()


def replace(path):
    path.with_suffix(".other").write_bytes(b"no journal")
    path.with_suffix(".other").rename(path)


def cut_off(path):
    os.truncate(path, path.stat().st_size // 2)


def scribble(path):
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(b"\x5a" * (path.stat().st_size - 4096))


@pytest.mark.parametrize("harm", [remove, replace, cut_off])
def test_a_file_that_is_lost_under_the_scheduler_is_made_again(site, harm):
    peer = site.peer()
    jobs = held(site, peer, 5)
    restart_cut_off(site)
    site.scheduler.stop()  # all of it is in the file
    site.scheduler.start()
    harm(journal(site))
    wait_for(lambda: "a new one has the 5 open jobs" in site.scheduler.log(), 20, "the new journal")
    wait_for(lambda: site.scheduler.health() == 200, 20, "the scheduler to be well")
    assert len(list(journal(site).parent.glob("journal.db.damaged-*Z"))) == (0 if harm is remove else 1)
    jobs += held(site, peer, 2)
    restart_cut_off(site)
    end_all(site, peer, jobs)


def test_a_log_that_is_removed_under_the_scheduler_costs_nothing(site):
    peer = site.peer()
    jobs = held(site, peer, 5)
    pathlib.Path(f"{journal(site)}-wal").unlink()
    wait_for(lambda: "is written again" in site.scheduler.log(), 20, "the journal to be written again")
    restart_cut_off(site)
    end_all(site, peer, jobs)


def cannot_start(site, *words):
    with pytest.raises(AssertionError, match="ended with 78"):
        site.scheduler.start()
    told = site.scheduler.tail(1000)
    assert all(word in told for word in (f"the journal {journal(site)}: ", *words)), told


def after_a_stop(site, harm):
    site.scheduler.stop()
    harm(journal(site))


def set_version(path):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE meta SET value = '999' WHERE name = 'schema_version'")
    database.close()


@pytest.mark.parametrize("harm, words", [
    (cut_off, ["malformed", "put a copy back", "docs/operations.md"]),
    (scribble, ["malformed", "put a copy back"]),
    (lambda path: path.write_bytes(b"these are notes\n" * 1000), ["file is not a database", "put a copy back"]),
    (set_version, ["schema version is 999", "use the program that wrote it"]),
], ids=["cut off", "scribbled", "no database", "newer"])
def test_a_file_that_cannot_be_used_stops_the_start(site, harm, words):
    held(site, site.peer(), 3)
    after_a_stop(site, harm)
    before = journal(site).read_bytes()
    cannot_start(site, *words)
    assert journal(site).read_bytes() == before


def test_a_file_that_cannot_be_read_stops_the_start(site, tmp_path):
    disk = Preload(tmp_path)
    after_a_stop(site, lambda path: disk.fail("open", errno.EACCES))
    cannot_start(site, "Permission denied")
    disk.heal()
    site.scheduler.start()


@pytest.mark.parametrize("ending", ["", "-wal"])
def test_what_a_killed_scheduler_left_must_be_complete(site, ending):
    peer = site.peer()
    jobs = held(site, peer, 3)
    site.scheduler.kill()
    part = pathlib.Path(f"{journal(site)}{ending}")
    part.rename(part.with_suffix(".away"))
    cannot_start(site, f"{part} is gone", "Put the file back")
    part.with_suffix(".away").rename(part)
    site.scheduler.start()
    end_all(site, peer, jobs)
