"""The measuring instrument works: its numbers add up, and it notices answers that do not. No speed is asserted."""
import json
import subprocess
import sys
import threading
import xml.etree.ElementTree

import pytest
from harness.scheduler import BINARIES, REPOSITORY, sanitized

sys.path.insert(0, str(REPOSITORY / "bench"))

import machine  # noqa: E402
import report  # noqa: E402
from figure import Curve, Figure, Plan, Row, at_least, at_most  # noqa: E402
from figures import FIGURES, beside, cost, flight, overload, scale, start, throughput  # noqa: E402
from pairs import Shape, measure  # noqa: E402
from rig import Rig  # noqa: E402
from sample import Sample  # noqa: E402



class CountedPlan(Plan):
    """Measures over a number of jobs, not over a time in which a busy machine may do none."""

    def phases(self, **load):
        return [{**load, "jobs": 50}, {**load, "jobs": 200}]


TINY = CountedPlan(quick=True, pairs=1, warm_up=0, seconds=0, files=20000, say=lambda line: None)


@pytest.fixture
def rig(broker, tmp_path):
    return Rig(tmp_path, broker)


@pytest.mark.parametrize("action", ["syncJob", "sendSync", "asyncJob", "sendAsync"])
def test_a_pair_of_measurements(rig, action):
    pairs = measure(rig, TINY, Shape(action, 16, agents=3))
    for runs in (pairs.echo, pairs.scheduler):
        assert runs.rate().median > 0
        assert 0 < runs.latency("p50").median <= runs.latency("p99").median
        assert runs.cpu("broker").median > 0
    assert pairs.scheduler.cpu("scheduler").median > 0 and pairs.scheduler.cpu("agents").median > 0


def test_a_fixed_number_of_jobs_and_an_open_loop(rig):
    with rig.agents(), rig.scheduler():
        counted, offered = rig.load([{"window": 8, "jobs": 100}, {"rate": 200, "seconds": 0.5}])["phases"]
    assert (counted["sent"], counted["replies"], counted["succeeded"]) == (100, 100, 100)
    assert counted["most_in_flight"] == 8
    assert 95 <= offered["sent"] <= 100 and offered["succeeded"] == offered["sent"]


def test_failures_are_counted_by_their_code(rig):
    with rig.scheduler():  # no agents
        phase = rig.load([{"window": 4, "jobs": 20}])["phases"][0]
    assert (phase["succeeded"], phase["failed"]) == (0, {"410.0": 20})


def test_jobs_that_nobody_answers_are_noticed(rig):
    with pytest.raises(RuntimeError, match="'lost': 5"):
        rig.load([{"window": 5, "jobs": 5}], patience=0.5)


def test_answers_that_come_twice_are_noticed(rig, broker):
    load = rig.start_load([{"window": 1, "jobs": 2}], no_check=True)
    answering = threading.Thread(target=answer_twice, args=(broker.connect(rig.vhost),))
    answering.start()
    with pytest.raises(RuntimeError, match="'repeated': [12]"):
        load.finish()
    answering.join()


def answer_twice(connection):
    channel = connection.channel()
    for _, (method, properties, _) in zip(range(2), channel.consume("scheduler", inactivity_timeout=20)):
        assert method, "no request came"
        for _ in range(2):
            channel.basic_publish("", properties.reply_to, b"{}", properties)
    connection.close()


def test_what_is_written(tmp_path):
    figure = Figure("x", "An invention", notes=["a note"])
    ours, echo = Sample.of([50, 70, 60]), Sample.of([100, 100, 100])
    figure.rows.append(Row.ratio("rate", "jobs/s", ours, echo, at_least(0.7)))
    figure.rows.append(Row.difference("p50", "µs", ours, echo, at_most(0)))
    figure.curves.append(Curve("c", "x", "y", {"scheduler": [(0, ours), (1000, echo)]}))
    text = report.table([figure])
    assert "÷ 0.60 (0.50 to 0.70)" in text and ">= 0.7" in text and "NOT MET" in text
    assert "- -40.0 (-50.0 to -30.0)" in text and text.endswith("met")
    data, picture = report.write(tmp_path, machine.facts(), TINY, [figure])
    rows = json.loads(data.read_text())["figures"][0]["rows"]
    assert [row["verdict"] for row in rows] == ["NOT MET", "met"]
    assert rows[0]["measured"] == {"median": 60, "least": 50, "most": 70, "values": [50, 70, 60]}
    assert len(xml.etree.ElementTree.parse(picture).findall(".//{*}circle")) == 2


def test_targets_are_for_one_envelope_and_one_agent(rig, monkeypatch):
    monkeypatch.setattr(throughput, "WINDOWS", (512,))
    monkeypatch.setattr(throughput, "measure", lambda *_: measure(rig, TINY, Shape("syncJob", 2)))
    figure = Figure("sync", "")
    throughput.synchronous(rig, TINY, figure)
    assert [(row.what.split(": ")[1], row.target.text()) for row in figure.rows if row.target] == [
        ("rate", ">= 0.6"), ("scheduler's CPU", "<= 25")]


SMALL = {
    "async": [(throughput, "measure", lambda rig, *_: measure(rig, TINY, Shape("asyncJob", 2)))],
    "flight": [(flight, "JOBS", 50), (flight, "AGENTS", 7), (flight, "DELAY", 0.2)],
    "beside": [(beside, "LONG", (0, 0, 50)), (beside, "WINDOW", 2)],
    "agents": [(scale, "ALL_AGENTS", (1, 20))],
    "size": [(scale, "SIZES", (10, 0, 0, 100_000))],
    "journal": [(scale, "OPEN_JOBS", (0, 0, 50))],
    "overload": [(overload, "SECONDS", {True: (0.5, 1, 1)})],
    "start": [(start, "OPEN", 50), (start, "LARGE_RESULT", 100_000)],
}


@pytest.mark.parametrize("name", SMALL)
def test_figures_in_small(rig, monkeypatch, name):
    for module, constant, value in SMALL[name]:
        monkeypatch.setattr(module, constant, value)
    title, run = FIGURES[name]
    figure = Figure(name, title)
    run(rig, TINY, figure)
    assert figure.rows and name in report.table([figure])
    assert any(row.target for row in figure.rows) == (name in ("async", "flight", "agents", "start"))


def test_allocations_are_those_of_one_job(rig, monkeypatch):
    if sanitized():
        with pytest.raises(RuntimeError, match="measure a release build"):
            cost.count_allocations(rig, "syncJob")
        return
    monkeypatch.setattr(cost, "FEW", 100)
    monkeypatch.setattr(cost, "MANY", 200)
    calls, size = cost.count_allocations(rig, "syncJob")
    assert 1 < calls < 10_000 and size > calls


def test_every_micro_benchmark_runs():
    output = subprocess.run([BINARIES / "bench-micro", "--benchmark_min_time=0.001"], check=True, timeout=120,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    assert "ERROR" not in output and all(name in output for name in ("decode/", "encode/", "scan/", "job_table/", "timer/"))
