"""Short jobs beside many that take long: nobody should feel what others wait for."""
from figure import Curve, Row
from pairs import Runs

WINDOW = 64
LONG = (0, 1000, 5000, 15000)


def long_jobs(rig, plan, figure):
    counts = LONG[::2] if plan.quick else LONG
    runs = {count: Runs() for count in counts}
    with rig.agents() as stub:
        for number in range(plan.pairs):
            for count in counts:
                plan.say(f"{count:,} long jobs: round {number + 1} of {plan.pairs}")
                with rig.scheduler() as scheduler, rig.long_jobs(scheduler, count):
                    watch = {"scheduler": scheduler.pid, "agents": stub.pid}
                    runs[count].add(rig.load(plan.phases(window=WINDOW), watch=watch), scheduler.status("VmHWM"))
    for count in counts:
        what = f"{count:,} long jobs open"
        # The yardstick here is the same round's rate with none.
        figure.rows.append(Row.ratio(f"{what}: rate of short ones", "jobs/s", runs[count].rate(), runs[0].rate()))
        figure.rows.append(Row(f"{what}: p99 of short ones", "µs", runs[count].latency("p99")))
        figure.rows.append(Row(f"{what}: broker's CPU", "µs/job", runs[count].cpu("broker")))
    figure.curves.append(Curve("long jobs: rate of short ones", "long jobs open", "jobs/s", {
        "scheduler": [(count, runs[count].rate()) for count in counts]}))
