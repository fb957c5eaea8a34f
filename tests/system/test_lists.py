"""Work as large as the data does not happen on the thread that serves jobs."""
import pathlib
from concurrent.futures import ThreadPoolExecutor

import pytest

COUNT = 100
TEXT = '"\x01\\' * 100_000  # 300 kB, of which most is sent escaped


@pytest.fixture(scope="module", params=["on disk", "in memory"])
def site(make_site, request):
    made = make_site(settings={} if request.param == "on disk" else {"journal.path": ""}).start()
    job = {"ip": "127.0.0.2", "app": "apptest", "func": "echo", "param": TEXT, "timeout": 60}
    with ThreadPoolExecutor(4) as pool:
        statuses = pool.map(lambda _: made.scheduler.http("POST", "/api/v1/jobs?wait=true", job, timeout=60).status,
                            range(COUNT))
        assert set(statuses) == {200}
    return made


def cpu(scheduler):
    """Nanoseconds on the loop's thread, which is the first one, and on the others."""
    spent = {}
    for task in pathlib.Path(f"/proc/{scheduler.pid}/task").iterdir():
        spent[int(task.name)] = int((task / "schedstat").read_text().split()[0])
    loop = spent.pop(scheduler.pid)
    return loop, sum(spent.values())


@pytest.mark.parametrize("query", [{"fields": "full"}, {"limit": COUNT}, {"fields": "full", "state": "done", "limit": 60}])
def test_a_list_of_large_jobs_costs_the_loop_nothing(site, query):
    site.scheduler.http("GET", "/api/v1/jobs", query={"limit": 1})  # what is new is written down now
    loop, others = cpu(site.scheduler)
    for _ in range(5):
        answer = site.scheduler.http("GET", "/api/v1/jobs", query=query, timeout=60)
        assert answer.status == 200 and answer.json["jobs"]
    loop, others = (after - before for after, before in zip(cpu(site.scheduler), (loop, others)))
    assert others > 5 * loop, f"{loop / 1e6:.1f} ms on the loop, {others / 1e6:.1f} ms elsewhere"


def test_a_look_at_a_large_job_costs_the_loop_nothing(site):
    log_id = site.scheduler.http("GET", "/api/v1/jobs", query={"limit": 1}).json["jobs"][0]["log_id"]
    loop, others = cpu(site.scheduler)
    for _ in range(20):
        assert site.scheduler.http("GET", f"/api/v1/jobs/{log_id}").json["worker_message"] == TEXT
    loop, others = (after - before for after, before in zip(cpu(site.scheduler), (loop, others)))
    assert others > 5 * loop, f"{loop / 1e6:.1f} ms on the loop, {others / 1e6:.1f} ms elsewhere"
