"""The faults of a run: a plan that follows from the seed alone, and carrying it out."""
import collections
import dataclasses
import random
import threading
import time

BAG = {  # how many of each kind come before any comes again
    "kill scheduler": 3, "end scheduler": 1, "pause scheduler": 1, "kill agent": 3, "pause agent": 1, "kill broker": 1,
    "stop broker": 1, "close connections": 1, "cut scheduler>broker": 1, "cut schedulers>agent": 2,
    "cut agent>scheduler": 2, "fill journal disk": 1}
MOST_CRASHES = 3  # of one part
SHORT_BAG = dict.fromkeys(BAG, 1)


@dataclasses.dataclass(frozen=True)
class Fault:
    """`at`: seconds after the begin. `targets`: what it is done to, and what else must not be touched meanwhile."""
    at: float
    kind: str
    targets: tuple
    seconds: float
    state: str = ""  # of a cut link

    def __str__(self):
        return f"+{self.at:7.1f} s  {self.kind:22} {self.targets[0]:22} {self.seconds:4.1f} s  {self.state}"


def make_plan(seed, seconds, schedulers, agents, short=False):
    """Faults for so long; at least one of each kind. `short`: one bag, nothing takes longer than it must."""
    chance = random.Random(seed)
    bag = SHORT_BAG if short else BAG
    count = sum(bag.values())
    pause = seconds / count if short else 8.0
    plan, at = [], 0.0
    while not plan or (at < seconds and not short):
        kinds = [kind for kind, times in bag.items() for _ in range(times)]
        chance.shuffle(kinds)
        for kind in kinds:
            at += chance.uniform(0.4, 1.6) * pause
            if at < seconds or len(plan) < count:
                plan.append(_make_fault(chance, at, kind, schedulers, agents, short))
    return plan


def _make_fault(chance, at, kind, schedulers, agents, short):
    scheduler, agent = chance.choice(schedulers), chance.choice(agents)
    seconds = chance.uniform(0, 5)
    if kind.startswith("pause"):
        seconds = chance.uniform(8, 9 if short else 15)
    elif kind.endswith("broker") and not kind.startswith("cut"):
        seconds = chance.uniform(1, 2 if short else 15)
    elif kind.startswith("cut"):
        seconds = chance.uniform(1, 4 if short else 12)
    elif kind == "fill journal disk":
        seconds = chance.uniform(2, 4)
    state = chance.choice(("refuse", "hold")) if kind.startswith("cut") else ""
    targets = {
        "cut scheduler>broker": (f"{scheduler}>broker",), "cut schedulers>agent": (f"schedulers>{agent}", agent),
        "cut agent>scheduler": (f"{agent}>scheduler",), "close connections": ("broker",)}.get(kind)
    if targets is None:
        targets = ("broker",) if kind.endswith("broker") else (agent if kind.endswith("agent") else scheduler,)
    return Fault(round(at, 1), kind, targets, round(seconds, 1), state)


class Faults:
    """Carries a plan out, each fault on a thread of its own; one waits while its target is still under another."""

    def __init__(self, world, plan, say):
        self._world, self._plan, self._say = world, plan, say
        self._halt, self._threads = threading.Event(), []
        self._begin, self.crashes = 0.0, collections.Counter()
        self.done, self.unavailable, self.problems, self.outages = [], [], [], []
        self._driver = threading.Thread(target=self._drive, daemon=True)

    def start(self):
        self._begin = time.monotonic()
        self._driver.start()

    def join(self):
        """Returns when every fault has been done and healed."""
        self._driver.join()
        for thread in self._threads:
            thread.join()

    def halt(self):
        """No further fault begins."""
        self._halt.set()

    def find_dead(self):
        """A part that ended by itself is a problem; it is started again, unless it keeps doing so."""
        for name, part in {**self._world.schedulers, **self._world.agents}.items():
            if self.crashes[name] < MOST_CRASHES and self._world.locks[name].acquire(blocking=False):
                try:
                    if not part.alive():
                        self._revive(name, part)
                finally:
                    self._world.locks[name].release()

    def _revive(self, name, part):
        self.crashes[name] += 1
        end = part.log_file.read_text(errors="replace")[-600:]
        self._say(f"{name} ENDED BY ITSELF")
        self.problems.append(f"{name} ended by itself: {part.log_file}:\n{end}")
        try:
            self._world.bring_up(name)
        except AssertionError as problem:
            self.problems.append(f"{name} cannot be started again: {problem}"[:600])

    def _drive(self):
        for fault in self._plan:
            if self._halt.wait(max(0.0, self._begin + fault.at - time.monotonic())):
                return
            self._threads.append(threading.Thread(target=self._do, args=(fault,), daemon=True))
            self._threads[-1].start()

    def _do(self, fault):
        locks = [self._world.locks[name] for name in sorted(fault.targets)]
        for lock in locks:
            lock.acquire()
        try:
            self._say(f"{fault}  (at +{time.monotonic() - self._begin:.1f} s)")
            getattr(self, "_" + fault.kind.split()[0])(fault)
            self.done.append(fault)
        except Exception as problem:  # noqa: BLE001, told in the report
            self.problems.append(f"{fault}: {problem}"[:3000])
        finally:
            for lock in locks:
                lock.release()

    def _rest(self, fault):
        threading.Event().wait(fault.seconds)

    def _kill(self, fault, kill=True):
        name, begin = fault.targets[0], time.time()
        try:
            self._world.take_down(name, kill)
            self._rest(fault)
        finally:
            self._world.bring_up(name)
        if name == "broker":
            self.outages.append((begin, time.time()))

    def _end(self, fault):
        self._kill(fault, kill=False)

    def _stop(self, fault):
        self._kill(fault, kill=False)

    def _pause(self, fault):
        self._world.pause(fault.targets[0])
        try:
            self._rest(fault)
        finally:
            self._world.resume(fault.targets[0])

    def _close(self, _fault):
        self._world.broker.close_all_connections(self._world.vhost)

    def _cut(self, fault):
        self._world.set_link(fault.targets[0], fault.state)
        try:
            self._rest(fault)
        finally:
            self._world.set_link(fault.targets[0], "open")

    def _fill(self, fault):
        disk = self._world.disks[fault.targets[0]]
        if not disk.mounted:
            self.unavailable.append(fault)
            return
        disk.fill()
        try:
            self._rest(fault)
        finally:
            disk.free()
