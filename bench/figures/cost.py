"""Instructions and allocations of a job, and parts of the scheduler by themselves."""
import json
import re
import struct
import subprocess

from figure import Row
from harness.scheduler import sanitized
from rig import BINARIES
from sample import Sample

WINDOW = 64
FEW, MANY = 1000, 5000  # jobs; what the start costs is in both and so in neither
SLOW = {"mq.heartbeat": 120, "thrift.outTime": 60000}  # for a scheduler under valgrind
REPETITIONS = 5


def per_job(rig, plan, figure):
    for action in ("syncJob", "asyncJob"):
        plan.say(f"{action}: instructions")
        instructions = [(count_instructions(rig, action, MANY) - count_instructions(rig, action, FEW)) / (MANY - FEW)
                        for _ in range(1 if plan.quick else 3)]
        plan.say(f"{action}: allocations")
        calls, size = zip(*(count_allocations(rig, action) for _ in range(1 if plan.quick else 3)))
        what = f"{action}, {WINDOW} in flight"
        figure.rows += [
            Row(f"{what}: instructions (callgrind, user mode)", "/job", Sample.of(instructions)),
            Row(f"{what}: allocations", "/job", Sample.of(calls)),
            Row(f"{what}: allocated", "bytes/job", Sample.of(size)),
        ]
    figure.notes.append("CPU time per job stands with the figure sync")


def count_instructions(rig, action, jobs):
    out = rig.folder / "callgrind.out"
    launcher = ["/usr/bin/valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}"]
    with rig.agents(), rig.scheduler(launcher=launcher, settings=SLOW):
        rig.load([{"window": WINDOW, "jobs": jobs}], action=action, patience=120)
    return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(), re.MULTILINE).group(1))


def count_allocations(rig, action):
    """Calls and bytes."""
    if sanitized():
        raise RuntimeError("the allocations of a program with a sanitizer are not its own: measure a release build")
    counters = rig.folder / "allocations"
    variables = {"LD_PRELOAD": str(BINARIES / "libbench_allocations.so"), "ELVES_BENCH_ALLOCATIONS": str(counters)}
    with rig.agents(), rig.scheduler(variables=variables):
        rig.load([{"window": WINDOW, "jobs": FEW}], action=action)
        before = struct.unpack("QQ", counters.read_bytes())
        rig.load([{"window": WINDOW, "jobs": MANY}], action=action)
        after = struct.unpack("QQ", counters.read_bytes())
    return [(then - now) / MANY for now, then in zip(before, after)]


def micro(_rig, plan, figure):
    plan.say("Google Benchmark")
    output = subprocess.run(
        [BINARIES / "bench-micro", "--benchmark_format=json", f"--benchmark_repetitions={REPETITIONS}",
         f"--benchmark_min_time={0.05 if plan.quick else 0.3}"],
        check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    times = {}
    for run in json.loads(output)["benchmarks"]:
        if run["run_type"] == "iteration":
            times.setdefault(run["run_name"], []).append(run["cpu_time"])
    figure.rows += [Row(name, "ns", Sample.of(values)) for name, values in times.items()]
