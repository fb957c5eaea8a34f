"""From nothing to the first job; a start with a past; one very large result."""
import time

from figure import Row, at_most
from pairs import Shape, measure
from sample import Sample

OPEN = 100_000
LARGE_RESULT = 10_000_000
LARGE = {"mq.maxMessage": 64_000_000, "thrift.maxMessage": 128_000_000}


def start(rig, plan, figure):
    with rig.agents():
        first = [until_first_job(rig, plan, None)[1] for _ in range(plan.pairs)]
        path = rig.filled_journal(OPEN)
        ready, after = until_first_job(rig, plan, path)
    figure.rows += [
        Row("start to the first job's answer", "ms", Sample.of(first), target=at_most(200)),
        Row(f"{OPEN:,} open jobs: start to /healthz 200", "ms", Sample.of([ready])),
        Row(f"{OPEN:,} open jobs: start to the first job's answer", "ms", Sample.of([after])),
    ]
    pairs = measure(rig, plan, Shape("syncJob", 1, result=LARGE_RESULT), LARGE)
    figure.rows.append(Row.ratio(f"a result of {LARGE_RESULT:,} bytes: p50", "µs", pairs.scheduler.latency("p50"),
                                 pairs.echo.latency("p50")))
    figure.rows.append(Row(f"results of {LARGE_RESULT:,} bytes: most memory", "MB", pairs.scheduler.memory()))


def until_first_job(rig, plan, journal):
    """Milliseconds until /healthz says 200 (looked at every 20 ms), and until a job that was there has its answer."""
    plan.say("start" + (" with open jobs" if journal else ""))
    load = rig.start_load([{"window": 1, "jobs": 1}])
    settings = {"journal.path": journal} if journal else {}
    begun = time.monotonic_ns()
    with rig.scheduler(settings=settings):
        ready = time.monotonic_ns()
        answered = load.finish()["first_answer_ns"]
    return (ready - begun) / 1e6, (answered - begun) / 1e6
