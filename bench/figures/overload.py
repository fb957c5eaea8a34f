"""Agents that can do 1,000 jobs/s are offered more, for a minute."""
from figure import Row
from sample import Sample

# One agent, so many calls at a time that take so long: what it can do is known, and the machine is not what gives way.
CALLS, MILLISECONDS = 250, 250
CAPACITY = CALLS * 1000 // MILLISECONDS
SETTINGS = {"agent.maxInFlight": CALLS, "agent.maxWaiting": 1000}
SECONDS = {True: (2, 10, 10), False: (10, 60, 20)}  # quick or not: before, during and after it
REFUSED = "410.5"


def overload(rig, plan, figure):
    before, during, after = SECONDS[plan.quick]
    for times in (2, 5):
        plan.say(f"{times} x capacity for {during} s")
        offered = times * CAPACITY
        phases = [{"rate": CAPACITY / 2, "seconds": before}, {"rate": offered, "seconds": during},
                  {"rate": CAPACITY / 2, "seconds": after}]
        with rig.agents(delay=MILLISECONDS), rig.scheduler(settings=SETTINGS) as scheduler:
            idle = scheduler.status("VmRSS")
            report = rig.load(phases, watch={"scheduler": scheduler.pid})
            most = scheduler.status("VmHWM")
        calm, loaded, recovered = report["phases"]
        others = {why: count for phase in report["phases"] for why, count in phase["failed"].items() if why != REFUSED}
        if others or calm["failed"]:
            raise RuntimeError(f"jobs failed where none may: {others} {calm['failed']}")
        what = f"{times} x {CAPACITY:,} jobs/s for {during} s"
        figure.rows += [
            _row(f"{what}: refused with {REFUSED}", "% of offered", 100 * loaded["failed"].get(REFUSED, 0) / loaded["sent"]),
            _row(f"{what}: accepted jobs' p99", "ms", loaded["latency_us"]["p99"] / 1000),
            _row(f"{what}: p99 before it", "ms", calm["latency_us"]["p99"] / 1000),
            _row(f"{what}: memory beyond idle", "MB", (most - idle) / 1024),
            _row(f"{what}: lost, answered twice", "jobs", report["lost"] + report["repeated"]),
            _row(f"{what}: until all is as before", "s", recovered["disturbed_until_s"]),
        ]


def _row(what, unit, value):
    return Row(what, unit, Sample.of([value]))
