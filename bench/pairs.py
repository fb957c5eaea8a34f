"""The scheduler and the bare echo in turn, under the same load, on the same broker and queue."""
import dataclasses

from sample import Sample

MICROSECONDS = ("p50", "p99", "p99.9")


@dataclasses.dataclass(frozen=True)
class Shape:
    """One kind of load: bench-load's options."""
    action: str
    window: int
    agents: int = 1
    param: int = 100
    result: int = 16  # bytes that an agent answers

    def text(self):
        size = "" if self.param == 100 else f", {self.param:,} bytes"
        return f"{self.action}{size}, {self.window:,} in flight, {self.agents:,} agent{'s' if self.agents > 1 else ''}"


class Runs:
    """Measurements of one responder."""

    def __init__(self):
        self._phases = []
        self._memory = []

    def add(self, report, memory=0):
        """`memory`: the most that the responder had resident, kB."""
        self._memory.append(memory)
        failed = {why: count for phase in report["phases"] for why, count in phase["failed"].items()}
        if failed:
            raise RuntimeError(f"jobs failed where none may: {failed}")
        self._phases.append(report["phases"][-1])

    def rate(self):
        return Sample.of(phase["replies"] / phase["seconds"] for phase in self._phases)

    def latency(self, which):
        """Microseconds."""
        return Sample.of(phase["latency_us"][which] for phase in self._phases)

    def cpu(self, process):
        """Microseconds for each job."""
        return Sample.of(phase["cpu_us"][process] / phase["replies"] for phase in self._phases)

    def memory(self):
        """MB."""
        return Sample.of(kilobytes / 1024 for kilobytes in self._memory)


@dataclasses.dataclass(frozen=True)
class Pairs:
    scheduler: Runs
    echo: Runs


def load_options(shape):
    return {"action": shape.action, "agents": shape.agents, "param": shape.param}


def answer_bytes(rig, shape, settings=None):
    """How large the scheduler's answer to such a request is."""
    with rig.scheduler(settings=settings):
        return rig.load([{"window": 1, "jobs": 1}], **load_options(shape))["answer_bytes"]


def measure(rig, plan, shape, settings=None):
    """plan.pairs times: bare echo, scheduler. Each time both are started anew; the agents stay."""
    pairs = Pairs(Runs(), Runs())
    phases = plan.phases(window=shape.window)
    with rig.agents(result=shape.result) as agents:
        size = answer_bytes(rig, shape, settings)
        for number in range(plan.pairs):
            plan.say(f"{shape.text()}: pair {number + 1} of {plan.pairs}")
            with rig.echo(size) as echo:
                pairs.echo.add(rig.load(phases, watch={"echo": echo.pid}, no_check=True, **load_options(shape)))
            with rig.scheduler(settings=settings) as scheduler:
                watch = {"scheduler": scheduler.pid, "agents": agents.pid}
                report = rig.load(phases, watch=watch, **load_options(shape))
                pairs.scheduler.add(report, scheduler.status("VmHWM"))
    return pairs
