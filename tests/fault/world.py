"""The parts of a fault run: a broker, two schedulers (or as many as wanted), ten elves-agents, and relays between them."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading

from harness.rabbit import RabbitMq
from harness.scheduler import BINARIES, Scheduler, broker_settings, environment
from harness.util import accepts, end_process, free_port, wait_for
from relays import Relays

AGENTS = 10
JOURNAL_SIZE = "192m"
HEARTBEAT = 3  # seconds
SCHEDULER_SETTINGS = {"mq.heartbeat": HEARTBEAT, "drain.timeout": 5, "journal.keep": 600, "journal.keepJobs": 20000,
                      "thrift.trustForwarders": "127.0.0.0/8"}  # the relays


class Agent:
    """An elves-agent in a folder of its own, which it finds again after its end. It is called through a relay."""

    def __init__(self, number, folder, port, scheduler_port, app):
        self.ip, self._port, self._process = f"127.0.1.{number}", port, None
        self._folder = folder / f"agent{number}"
        self._app = self._folder / "apps/fault"
        self.log_file = folder / f"agent{number}.log"
        shutil.copytree(app, self._app)
        (self._folder / "conf").mkdir()
        (self._folder / "conf/cfg.json").write_text(json.dumps({
            "ip": self.ip, "port": port, "apps": {"fault": "1"}, "log": {"level": "debug"},
            "scheduler": {"addr": "127.0.0.1", "port": scheduler_port}}))

    def start(self):
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(
                [str(BINARIES / "elves-agent"), "--config", str(self._folder / "conf/cfg.json")],
                env=environment(TZ="UTC"), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for(lambda: accepts(self.ip, self._port), 20, f"elves-agent on {self.ip}")

    def kill(self):
        self._process.kill()
        self._process.wait()

    def signal(self, number):
        self._process.send_signal(number)

    def stop(self):
        if self._process is not None:
            end_process(self._process, 40)

    def alive(self):
        return self._process is not None and self._process.poll() is None

    def executions(self):
        """Lines "token pid seconds", one per execution."""
        file = self._app / "executions.txt"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


class JournalDisk:
    """The file system of one scheduler's journal: a small one that can be filled, where mounting is permitted."""

    def __init__(self, folder):
        self.folder, self.mounted = folder, False
        folder.mkdir()

    def mount(self):
        self.mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={JOURNAL_SIZE}", "none", str(self.folder)],
                                      stderr=subprocess.DEVNULL, check=False).returncode == 0

    def fill(self):
        with open(self.folder / "ballast", "wb", buffering=0) as file:
            for block in (bytes(1 << 20), bytes(1 << 12)):
                try:
                    while True:
                        file.write(block)
                except OSError:
                    continue

    def free(self):
        (self.folder / "ballast").unlink()

    def close(self, keep_as=None):
        if not self.mounted:
            return
        if keep_as is not None:
            shutil.copytree(self.folder, keep_as, dirs_exist_ok=True)
        subprocess.run(["umount", str(self.folder)], check=True)


class World:
    """All parts; `parts` by name, and a lock for each name that a fault may be done to."""

    def __init__(self, folder, grace, schedulers=2):
        self.folder = pathlib.Path(folder)
        (self.folder / "rabbit").mkdir(parents=True)
        self.broker = RabbitMq(self.folder / "rabbit")
        self.vhost = self.broker.new_vhost()
        self.disks = {f"scheduler{n}": JournalDisk(self.folder / f"journal{n}") for n in range(1, 1 + schedulers)}
        agent_port, real_port, broker_ports = free_port(), free_port(), [free_port() for _ in range(schedulers)]
        self.schedulers = {
            name: Scheduler(self.folder, {
                **broker_settings(self.broker, self.vhost, port), **SCHEDULER_SETTINGS, "job.grace": grace, "job.grace.sync": grace,
                "thrift.agent.port": agent_port, "journal.path": self.disks[name].folder / "journal.db"},
                variables={"TZ": "UTC"})
            for name, port in zip(self.disks, broker_ports)}
        for name, scheduler in self.schedulers.items():
            scheduler.log_file = self.folder / f"{name}.log"
        app = self._build_app()
        self.agents, routes = {}, {}
        for name, port in zip(self.schedulers, broker_ports):
            routes[f"{name}>broker"] = (("127.0.0.1", port), ("127.0.0.1", self.broker.port))
        for number in range(1, AGENTS + 1):
            name, ip = f"agent{number}", f"127.0.1.{number}"
            callback, scheduler = free_port(), self.schedulers[f"scheduler{1 + number % schedulers}"]
            self.agents[name] = Agent(number, self.folder, real_port, callback, app)
            routes[f"schedulers>{name}"] = ((ip, agent_port), (ip, real_port))
            routes[f"{name}>scheduler"] = (("127.0.0.1", callback), ("127.0.0.1", scheduler.port))
        self._routes, self._relays, self._relay_lock = routes, None, threading.Lock()
        self.links = list(routes)
        self.locks = {name: threading.Lock() for name in ("broker", *self.schedulers, *self.agents, *self.links)}

    def start(self):
        self._relays = Relays(self._routes)
        for disk in self.disks.values():
            disk.mount()
        self.broker.start()
        for part in (*self.agents.values(), *self.schedulers.values()):
            part.start()

    def part(self, name):
        return self.broker if name == "broker" else self.schedulers.get(name) or self.agents[name]

    def take_down(self, name, kill):
        """Ends a part as kill -9 does, or in order."""
        part = self.part(name)
        part.kill() if kill else part.stop()
        if name in self.agents:
            self.set_link(f"schedulers>{name}", "refuse")  # as the kernel does when nobody listens

    def bring_up(self, name):
        if name in self.schedulers:
            return self.part(name).start("alive")
        self.part(name).start()
        if name in self.agents:
            self.set_link(f"schedulers>{name}", "open")

    def set_link(self, name, state):
        with self._relay_lock:
            self._relays.set(name, state)

    def pause(self, name):
        self.part(name).signal(signal.SIGSTOP)

    def resume(self, name):
        self.part(name).signal(signal.SIGCONT)

    def open_jobs(self):
        """Whether a scheduler still has a job that has not ended, or does not say."""
        try:
            answers = [scheduler.http("GET", "/api/v1/jobs", query={"state": "open", "limit": 1})
                       for scheduler in self.schedulers.values()]
        except (OSError, http.client.HTTPException):
            return True
        return any(answer.status != 200 or answer.json["jobs"] for answer in answers)

    def logs(self):
        return {name: part.log_file for name, part in {**self.schedulers, **self.agents}.items()}

    def executions(self):
        """{agent: lines}"""
        return {name: agent.executions() for name, agent in self.agents.items()}

    def close(self, keep):
        """Ends all parts. The files stay if `keep`."""
        for part in (*self.schedulers.values(), *self.agents.values()):
            if part.alive():
                part.signal(signal.SIGCONT)
                part.kill()
        self.broker.close()
        if self._relays is not None:
            self._relays.close()
        for name, disk in self.disks.items():
            disk.close(self.folder / f"{name}.journal" if keep else None)
        if not keep:
            shutil.rmtree(self.folder)

    def _build_app(self):
        app = self.folder / "app"
        app.mkdir()
        source = pathlib.Path(__file__).with_name("worker.c")
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-static", "-o", app / "work", source], check=True)
        return app
