"""Twenty thousand jobs at the agents at once."""
import threading

from figure import Row, at_most
from sample import Sample

JOBS = 20000
AGENTS = 1000
DELAY = 10  # seconds
SPARE_FILES = 400  # what a process needs besides one connection for each job
PROBE = 0.1


def in_flight(rig, plan, figure):
    jobs = min(JOBS, plan.files - SPARE_FILES)
    if jobs < JOBS:
        figure.notes.append(f"{jobs:,} jobs instead of {JOBS:,}: a process may open {plan.files:,} files here")
    runs = []
    for number in range(1 if plan.quick else 3):
        plan.say(f"{jobs:,} jobs to agents that take {DELAY} s, run {number + 1}")
        runs.append(one_run(rig, jobs))
    what = f"{jobs:,} in flight"
    figure.rows += [
        Row(f"{what}: memory beyond idle", "KB/job", Sample.of(run["bytes"] / 1000 for run in runs), target=at_most(6)),
        Row(f"{what}: scheduler idle", "MB", Sample.of(run["idle"] for run in runs)),
        Row(f"{what}: threads", "", Sample.of(run["threads"] for run in runs), target=at_most(8)),
        Row(f"{what}: first request to last reply", "s", Sample.of(run["seconds"] for run in runs)),
        Row(f"{what}: scheduler's CPU", "µs/job", Sample.of(run["cpu"] for run in runs)),
    ]


def one_run(rig, jobs):
    with rig.agents(delay=round(DELAY * 1000)), rig.scheduler() as scheduler:
        idle = scheduler.status("VmRSS")
        with Most(lambda: scheduler.status("Threads")) as threads:
            phase = rig.load([{"window": jobs, "jobs": jobs}], watch={"scheduler": scheduler.pid}, agents=AGENTS,
                             timeout=60, patience=60)["phases"][0]
        if phase["failed"]:
            raise RuntimeError(f"jobs failed where none may: {phase['failed']}")
        return {"bytes": (scheduler.status("VmHWM") - idle) * 1024 / jobs, "idle": idle / 1024, "threads": threads.most,
                "seconds": phase["seconds"], "cpu": phase["cpu_us"]["scheduler"] / jobs}


class Most:
    """The most that `measure()` says during a with statement, looking ten times a second."""

    def __init__(self, measure):
        self._measure = measure
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.most = measure()

    def _watch(self):
        while not self._over.wait(PROBE):
            self.most = max(self.most, self._measure())

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
