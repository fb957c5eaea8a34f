"""The parts of a measurement as processes: agents, a responder, load, on a private broker."""
import contextlib
import json
import pathlib
import resource
import subprocess
import sys
import time

import pika

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/system"))

from harness.jobs import sync_job  # noqa: E402
from harness.rabbit import PASSWORD, USER  # noqa: E402
from harness.scheduler import BINARIES, Scheduler, broker_settings  # noqa: E402
from harness.sockets import SilentAgent  # noqa: E402
from harness.util import end_process, free_port, wait_for  # noqa: E402

LONGEST = 900  # seconds for one run of the load generator
DEFAULTS = {"log.level": "warn", "drain.timeout": 60,
            "thrift.trustForwarders": "127.0.0.0/8"}  # all of its agents report from one address


def most_files():
    """Raises the limit of open files as far as this user may, and says how far that is."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Rig:
    """`folder` is private; `broker` runs and is nobody else's meanwhile."""

    def __init__(self, folder, broker):
        self.folder = pathlib.Path(folder)
        self.broker = broker
        self.vhost = broker.new_vhost()
        self.agent_port = free_port()
        self.scheduler_port = free_port()
        self._journals = 0

    def broker_pid(self):
        return int((self.broker.folder / "rabbit.pid").read_text())

    def new_journal(self):
        self._journals += 1
        return self.folder / f"journal-{self._journals}.db"

    def filled_journal(self, accepted):
        """One with so many jobs whose results are still to come within ten minutes."""
        path = self.new_journal()
        if accepted:
            subprocess.run([BINARIES / "journal_maker", "fill", path, str(accepted), "0", "0", "0"], check=True,
                           stdout=subprocess.DEVNULL)
        return path

    def _access(self):
        return ["--port", str(self.broker.port), "--user", USER, "--password", PASSWORD, "--vhost", self.vhost]

    @contextlib.contextmanager
    def program(self, name, *arguments):
        """One of ours in the background, that says "ready"."""
        command = [str(BINARIES / name), *map(str, arguments)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{name} ended with {process.wait()}")
            yield process
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode} while it was needed")
        finally:
            end_process(process)
            process.stdout.close()

    def agents(self, **options):
        arguments = ["--port", self.agent_port, "--scheduler", self.scheduler_port]
        for name, value in options.items():
            arguments += [f"--{name}", value]
        return self.program("bench-agents", *arguments)

    def echo(self, reply_bytes):
        return self.program("bench-echo", *self._access(), "--reply", reply_bytes)

    def prepare_scheduler(self, settings=None, launcher=(), variables=None):
        """A scheduler with its own empty journal, not started yet."""
        return Scheduler(self.folder, {
            **broker_settings(self.broker, self.vhost), **DEFAULTS, "thrift.agent.port": self.agent_port,
            "thrift.scheduler.port": self.scheduler_port, "thrift.outTime": 3000, "job.grace": 5, "job.grace.sync": 5,
            "journal.path": self.new_journal(), **(settings or {})}, launcher=launcher, variables=variables)

    @contextlib.contextmanager
    def scheduler(self, **options):
        prepared = self.prepare_scheduler(**options)
        prepared.start()
        try:
            yield prepared
        finally:
            self._stop(prepared)

    def _stop(self, scheduler):
        """Ends it in order; its journal has served."""
        if not scheduler.alive():
            raise RuntimeError(f"the scheduler ended while it was needed:\n{scheduler.tail()}")
        scheduler.stop(timeout=120)
        for file in self.folder.glob("journal-*"):
            file.unlink()

    @contextlib.contextmanager
    def long_jobs(self, scheduler, count):
        """So many synchronous jobs are open at an agent that does not answer. At the end they fail."""
        request = json.dumps(sync_job(ip="::1", timeout=3600))
        with contextlib.closing(self.broker.connect(self.vhost)) as connection:
            with contextlib.closing(SilentAgent("::1", self.agent_port)):
                channel = connection.channel()
                replies = channel.queue_declare("", exclusive=True).method.queue
                for _ in range(count):
                    channel.basic_publish("elves", "openapi.scheduler", request, pika.BasicProperties(reply_to=replies))
                wait_for(lambda: scheduler.metric("elves_jobs_received_total") >= count, 60, "the long jobs")
                yield
            wait_for(lambda: scheduler.metric("elves_jobs_failed_total") >= count, 60, "the end of the long jobs")

    def start_load(self, phases, watch=None, **options):
        """The load generator under way; finish() has its report. Phases and options: bench-load --help."""
        arguments = [*self._access()]
        for name, pid in {**(watch or {}), "broker": self.broker_pid()}.items():
            arguments += ["--watch", f"{name}={pid}"]
        for phase in phases:
            arguments += ["--phase", ",".join(f"{key}={value}" for key, value in phase.items())]
        for name, value in options.items():
            arguments += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
        process = subprocess.Popen([str(BINARIES / "bench-load"), *arguments], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, text=True)
        return RunningLoad(process)

    def load(self, phases, **options):
        return self.start_load(phases, **options).finish()


class RunningLoad:
    """Begins sending before the constructor returns."""

    def __init__(self, process):
        self._process = process
        self.begun = time.monotonic_ns()
        if process.stdout.readline() != "sent\n":
            raise RuntimeError(f"bench-load ended with {process.wait()}")

    def running(self):
        return self._process.poll() is None

    def finish(self):
        """The report. It is wrong, not slow, if an answer is missing or too many: that ends the suite."""
        try:
            output, _ = self._process.communicate(timeout=LONGEST)
        finally:
            end_process(self._process)
        if self._process.returncode != 0:
            raise RuntimeError(f"bench-load ended with {self._process.returncode}")
        report = json.loads(output)
        if report["lost"] or report["repeated"] or report["unknown"]:
            raise RuntimeError(f"answers do not add up: {report}")
        return report
