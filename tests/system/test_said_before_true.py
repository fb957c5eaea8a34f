"""What the HTTP API confirms is durable by then: no kill -9, no full disk takes it back."""
import http.client
import json

import pytest
from harness.answers import LOG_ID, code_of
from harness.bad_disk import Preload
from harness.jobs import new_id
from harness.scheduler import elvesctl
from harness.util import wait_for

AGENT = "127.0.0.2"
ROUNDS = 100


def job(**fields):
    return {"ip": AGENT, "app": "apptest", "func": "hold", "param": "", "timeout": 60, **fields}


def post_and_kill(scheduler, bodies):
    """Sends all at once, each on a connection of its own; kills the scheduler with the first answer in hand and
    answers with the log ids of every 202 that left it."""
    waiting = []
    for body in bodies:
        connection = http.client.HTTPConnection("127.0.0.1", scheduler.admin_port, timeout=20)
        connection.request("POST", "/api/v1/jobs", json.dumps(body), {"Content-Type": "application/json"})
        waiting.append(connection)
    ids = []
    for number, connection in enumerate(waiting):
        try:
            answer = connection.getresponse()
            if number == 0:
                scheduler.kill()
            text = answer.read()
            assert answer.status == 202, text
            ids.append(json.loads(text)["log_id"])
        except (OSError, http.client.HTTPException):
            assert number > 0, "the first was to be answered"
        finally:
            connection.close()
    return ids


def test_no_kill_after_a_202_loses_the_job(make_site):
    site = make_site().start()
    lost = []
    for number in range(ROUNDS):
        kinds = [{}, {"type": "queue"}, {"type": "cron"}]
        ids = post_and_kill(site.scheduler, [job(**kinds[(number + place) % 3]) for place in range(3)])
        site.scheduler.start()
        lost += [one for one in ids if site.scheduler.http("GET", f"/api/v1/jobs/{one}").status != 200]
    assert not lost, f"{len(lost)} of the ids that were given out are unknown: {lost[:5]}"


@pytest.fixture
def disk(tmp_path):
    return Preload(tmp_path)


@pytest.fixture
def site(make_site, disk):
    return make_site(settings={"journal.path": disk.folder / "journal.db"}, variables=disk.variables).start()


@pytest.mark.parametrize("failure", ["write", "sync"])
def test_while_the_journal_cannot_be_written_no_job_is_taken(site, disk, failure):
    disk.fail(operation=failure)
    for query in ("", "?wait=true"):
        app = "app" + new_id()
        answer = site.scheduler.http("POST", "/api/v1/jobs" + query, job(app=app, type="queue"))
        assert answer.status == 503 and answer.json["code"] == "410.5", answer.text
        assert code_of(answer.json["error"]) == "410.5" and "journal" in answer.json["error"]
        assert not site.farm.calls(app=app)
    told = elvesctl(site.scheduler, "submit", AGENT, "apptest", "hold")
    assert told.returncode == 2 and not told.stdout and "410.5" in told.stderr, told
    disk.heal()
    wait_for(lambda: site.scheduler.health() == 200, 20, "the journal to be written again")
    told = elvesctl(site.scheduler, "submit", AGENT, "apptest", "hold")
    assert told.returncode == 0 and LOG_ID.match(told.stdout.strip()), told
    site.scheduler.kill()
    site.scheduler.start()
    assert site.scheduler.http("GET", f"/api/v1/jobs/{told.stdout.strip()}").status == 200


def test_a_job_that_nobody_waits_for_is_asynchronous(site):
    app = "app" + new_id()
    answer = site.scheduler.http("POST", "/api/v1/jobs", job(app=app))
    assert answer.status == 202
    assert site.farm.wait_call(app=app)[0]["call"] == "async"
    assert site.scheduler.http("GET", f"/api/v1/jobs/{answer.json['log_id']}").json["type"] == "queue"
    refused = site.scheduler.http("POST", "/api/v1/jobs", job(type="rt"))
    assert refused.status == 400 and refused.json["code"] == "403.11" and "wait=true" in refused.json["error"]
