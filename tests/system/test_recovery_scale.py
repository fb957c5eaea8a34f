"""A start with very many open jobs: all go on, in order. What it took is printed; no test depends on it."""
import sqlite3
import subprocess
import time

from harness.amqp import Peer
from harness.scheduler import BINARIES
from harness.util import wait_for

ACCEPTED, OVERDUE, SETTLED = 50000, 25000, 25000


def states(path):
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return dict(database.execute("SELECT state, count(*) FROM job GROUP BY state"))
    finally:
        database.close()


def test_a_start_with_100000_open_jobs(make_site, broker, tmp_path, capsys):
    path = tmp_path / "journal.db"
    subprocess.run([BINARIES / "journal_maker", "fill", path, str(ACCEPTED), str(OVERDUE), str(SETTLED), "0"],
                   check=True, stdout=subprocess.DEVNULL)
    site = make_site(broker=broker, settings={"journal.path": path, "log.level": "info"}, agents=[])
    peer = Peer(broker, site.vhost)
    begun = time.monotonic()
    site.start()
    ready = time.monotonic() - begun
    messages = peer.collect("queue", OVERDUE + SETTLED, timeout=120)
    with capsys.disabled():
        print(f"\n{ACCEPTED + OVERDUE + SETTLED} open jobs: ready after {ready:.2f} s, "
              f"the last of {len(messages)} messages after {time.monotonic() - begun:.2f} s")
    bodies = [message.json["mqbody"] for message in messages]
    results = [body["result"]["worker_message"] for body in bodies if body["flag"] == "true"]
    assert results == [f"task-{number:09}" for number in range(ACCEPTED + OVERDUE, ACCEPTED + OVERDUE + SETTLED)]
    late = {body["result"]["id"] for body in bodies if body["error"].startswith("[410.2]")}
    assert late == {f"task-{number:09}" for number in range(ACCEPTED, ACCEPTED + OVERDUE)}
    assert site.scheduler.http("GET", "/healthz").json["jobs_open"] == ACCEPTED
    peer.nothing_left()
    wait_for(lambda: states(path) == {1: ACCEPTED}, 20, "the others to be in the history")
    site.scheduler.stop()
