"""Curves: what happens to rate and memory as one thing grows. None may bend."""
from figure import Curve, Row, at_least
from pairs import Runs, Shape, measure
from sample import Sample

WINDOW = 512
ALL_AGENTS = (1, 10, 100, 1000, 10000)
SIZES = (10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000)
BYTES_IN_FLIGHT = 40_000_000
LARGE = {"mq.maxMessage": 64_000_000, "thrift.maxMessage": 128_000_000}
OPEN_JOBS = (0, 10_000, 100_000, 1_000_000)
MANY_OPEN = {"job.maxOpen": 3_000_000}
SPARE_FILES = 400


def agents(rig, plan, figure):
    counts = [count for count in ALL_AGENTS if count + SPARE_FILES <= plan.files]
    if counts != list(ALL_AGENTS):
        figure.notes.append(f"at most {counts[-1]:,} agents: a process may open {plan.files:,} files here")
    runs = {count: Runs() for count in counts}
    with rig.agents() as stub:
        for number in range(plan.pairs):
            for count in counts:
                plan.say(f"agents, {count:,}: round {number + 1} of {plan.pairs}")
                with rig.scheduler() as scheduler:
                    phases = [{"window": WINDOW, "jobs": max(2 * count, WINDOW)}, *plan.phases(window=WINDOW)]
                    report = rig.load(phases, watch={"scheduler": scheduler.pid, "agents": stub.pid}, agents=count)
                    runs[count].add(report, scheduler.status("VmHWM"))
    one, most = runs[counts[0]], counts[-1]
    for count in counts:
        figure.rows.append(Row(f"agents, {count:,}: rate", "jobs/s", runs[count].rate()))
        figure.rows.append(Row(f"agents, {count:,}: most memory", "MB", runs[count].memory()))
    # The yardstick here is the same round's rate with one agent.
    figure.rows.append(Row(f"agents, {most:,} ÷ 1: rate", "", runs[most].rate().divided_by(one.rate()),
                           target=at_least(0.85) if most == ALL_AGENTS[-1] else None))
    figure.curves += [Curve("agents: rate", "agents", "jobs/s", {"scheduler": [(n, runs[n].rate()) for n in counts]}),
                      Curve("agents: memory", "agents", "MB", {"scheduler": [(n, runs[n].memory()) for n in counts]})]


def sizes(rig, plan, figure):
    found = {}
    for size in SIZES[::3] if plan.quick else SIZES:
        window = max(4, min(64, BYTES_IN_FLIGHT // size))
        shape = Shape("syncJob", window, param=size, result=size)
        pairs = found[size] = measure(rig, plan, shape, LARGE)
        what = f"{size:,} bytes, {window} in flight"
        figure.rows.append(Row.ratio(f"{what}: rate", "jobs/s", pairs.scheduler.rate(), pairs.echo.rate()))
        figure.rows.append(Row(f"{what}: most memory", "MB", pairs.scheduler.memory()))
    figure.curves += [
        Curve("size: rate", "bytes of param and of result", "jobs/s", {
            "scheduler": [(size, pairs.scheduler.rate()) for size, pairs in found.items()],
            "bare echo": [(size, pairs.echo.rate()) for size, pairs in found.items()]}),
        Curve("size: memory", "bytes of param and of result", "MB", {
            "scheduler": [(size, pairs.scheduler.memory()) for size, pairs in found.items()]})]


def open_jobs(rig, plan, figure):
    rates, memory = [], []
    for count in OPEN_JOBS[::2] if plan.quick else OPEN_JOBS:
        plan.say(f"{count:,} open jobs")
        path = rig.filled_journal(count)
        with rig.agents(), rig.scheduler(settings={**MANY_OPEN, "journal.path": path}) as scheduler:
            resident = scheduler.status("VmRSS") / 1024
            warm_up, measured = plan.phases(window=WINDOW)
            phases = [warm_up, *[measured] * plan.pairs]
            runs = Runs()
            for phase in rig.load(phases, action="asyncJob")["phases"][1:]:
                runs.add({"phases": [phase]})
        rates.append((count, runs.rate()))
        memory.append((count, Sample.of([resident])))
        figure.rows.append(Row(f"{count:,} open: asyncJob, {WINDOW} in flight", "terminal messages/s", runs.rate()))
        figure.rows.append(Row(f"{count:,} open: memory after the start", "MB", memory[-1][1]))
    figure.curves += [Curve("journal: rate", "open jobs", "terminal messages/s", {"scheduler": rates}),
                      Curve("journal: memory", "open jobs", "MB", {"scheduler": memory})]
