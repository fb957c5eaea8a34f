"""A fault run from begin to end. As a program: soak.py MINUTES [--seed N] ...; `./control test --soak` is that."""
import argparse
import dataclasses
import logging
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import report  # noqa: E402
import traces  # noqa: E402
from accounting import Accountant  # noqa: E402
from faults import Faults, make_plan  # noqa: E402
from load import Load  # noqa: E402
from world import World  # noqa: E402

SETTLING = 40    # seconds beyond every deadline after which what is still open is lost
QUIET = 3        # seconds without a message that make an end

logging.getLogger("pika").setLevel(logging.CRITICAL)  # its broker goes away on purpose


@dataclasses.dataclass(frozen=True)
class Settings:
    seed: int
    seconds: float
    rate: float = 200.0
    timeouts: tuple = (10, 20)
    grace: int = 2
    short: bool = False
    schedulers: int = 2

    @property
    def replay(self):
        if self.short:
            return f"./control test --fault  (seed {self.seed})"
        if (self.rate, self.schedulers) == (200, 2):
            return f"./control test --soak {self.seconds / 60:g} --seed {self.seed}"
        return (f"tests/fault/soak.py {self.seconds / 60:g} --seed {self.seed} --rate {self.rate:g} "
                f"--schedulers {self.schedulers}")


class Run:
    """`passed` and `text` tell how it went. The files of the parts stay when it failed."""

    def __init__(self, settings, say=print, folder=None):
        self._settings, self._say = settings, say
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="elves-fault-"))
        self.passed, self.text = False, ""

    def run(self):
        settings = self._settings
        self._say(f"seed {settings.seed}; again: {settings.replay}; files: {self.folder}")
        world = World(self.folder / "world", settings.grace, settings.schedulers)
        try:
            self._run(world)
        finally:
            world.close(keep=not self.passed)
            if self.passed:
                self.folder.rmdir()
        return self

    def _run(self, world):
        settings = self._settings
        world.start()
        load = Load(world.broker.port, world.vhost, settings.seed, settings.rate,
                    [agent.ip for agent in world.agents.values()], settings.timeouts)
        plan = make_plan(settings.seed, settings.seconds, list(world.schedulers), list(world.agents), settings.short)
        faults = Faults(world, plan, self._say)
        load.start()
        faults.start()
        try:
            self._watch(load, faults, settings.seconds)
        finally:
            faults.halt()
            faults.join()
        load.stop_sending()
        self._settle(world, load, faults)
        load.stop()
        self._account(world, load, faults)

    def _watch(self, load, faults, seconds):
        begin = time.monotonic()
        tick, told = threading.Event(), 0
        while time.monotonic() < begin + seconds:
            tick.wait(1)
            faults.find_dead()
            minute = int((time.monotonic() - begin) / 60)
            if minute > told:
                told = minute
                self._progress(load, faults, f"{minute} min")

    def _progress(self, load, faults, when):
        self._say(f"{when}: {len(load.jobs)} jobs sent, {load.settled} settled, {load.outstanding} outstanding, "
                  f"{len(faults.done)} faults so far")

    # Until no scheduler has an open job and nothing comes any more, or every deadline is long over.
    def _settle(self, world, load, faults):
        settings = self._settings
        begin = time.monotonic()
        end = begin + settings.timeouts[1] + settings.grace + SETTLING
        tick, seen, quiet_since = threading.Event(), -1, begin
        self._progress(load, faults, "faults are over, all is healed")
        while time.monotonic() < end:
            faults.find_dead()
            count = len(load.messages) + len(load.dead)
            if count != seen or world.open_jobs():
                seen, quiet_since = count, time.monotonic()
            if time.monotonic() - quiet_since > QUIET:
                break
            tick.wait(0.2)
        self._progress(load, faults, f"settled after {time.monotonic() - begin:.0f} s")

    def _account(self, world, load, faults):
        logs = world.logs()
        log_tokens, settled = traces.read_log_tokens(logs)
        executions = traces.read_executions(world.executions())
        account = Accountant(load.jobs, load.messages, executions, load.dead, log_tokens, faults.outages,
                             settled).account()
        problems = faults.problems + load.faults
        wanted = report.offenders(account)
        stories = traces.trace(set(wanted), load, executions, logs, log_tokens) if wanted else {}
        self.passed = not account.violations and not problems and len(load.jobs) > 0
        self.text = "\n\n".join((
            report.table_text(account), report.faults_text(faults),
            report.violations_text(account, problems, {token: stories.get(token, []) for token in wanted}),
            f"{'passed' if self.passed else f'FAILED; files: {self.folder}'}; again: {self._settings.replay}"))
        if not self.passed:
            (self.folder / "report.txt").write_text(self.text)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("minutes", type=float)
    arguments.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments.add_argument("--rate", type=float, default=200.0, help="jobs a second")
    arguments.add_argument("--schedulers", type=int, default=2)
    given = arguments.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to end, it still ends what it has started
    begin = time.monotonic()
    run = Run(Settings(given.seed, given.minutes * 60, given.rate, schedulers=given.schedulers),
              lambda text: print(f"[{time.monotonic() - begin:7.1f}] {text}", flush=True)).run()
    print("\n" + run.text)
    return 0 if run.passed else 1


if __name__ == "__main__":
    sys.exit(main())
