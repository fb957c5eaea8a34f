"""elves-scheduler as a process: configuration, start, readiness, end, log."""
import http.client
import itertools
import json
import mmap
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import urllib.parse

from .certificates import client_context
from .rabbit import PASSWORD, USER
from .util import free_port, wait_for

REPOSITORY = pathlib.Path(__file__).resolve().parents[3]
BINARIES = (REPOSITORY / os.environ.get("ELVES_BIN", "build/release/bin")).resolve()
PROGRAM = BINARIES / "elves-scheduler"
REPORTS = re.compile(r"ERROR: AddressSanitizer|ERROR: LeakSanitizer|WARNING: ThreadSanitizer|runtime error:")
_numbers = itertools.count()
running = []  # every scheduler a test has not ended yet: their logs are shown when a test fails


def sanitized():
    """Whether the program was built with a sanitizer: then its memory and speed say nothing."""
    with open(PROGRAM, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(name) >= 0 for name in (b"__asan_init", b"__tsan_init"))


def environment(**extra):
    """No variable of the person who runs the tests reaches the program."""
    kept = {name: os.environ[name] for name in os.environ if name.endswith("SAN_OPTIONS")}
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "Asia/Shanghai", **kept, **extra}


def run_program(*arguments, timeout=30, **extra):
    """Runs elves-scheduler to its end: for arguments with which it is to leave at once."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([str(PROGRAM), *map(str, arguments)], env=environment(**extra), cwd=folder,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=timeout, check=False)


def elvesctl(scheduler, *words):
    """Runs elvesctl on a running scheduler."""
    return subprocess.run([str(BINARIES / "elvesctl"), *words],
                          env=environment(ELVES_URL=f"http://127.0.0.1:{scheduler.admin_port}"),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)


def properties(values):
    """The text of a properties file; a value None leaves its key out."""
    return "".join(f"{key} = {value}\n" for key, value in values.items() if value is not None)


def broker_settings(broker, vhost, port=None):
    return {"mq.ip": "127.0.0.1", "mq.port": port or broker.port, "mq.user": USER, "mq.password": PASSWORD,
            "mq.vhost": vhost}


class Scheduler:
    """One process. `settings` go over the defaults of the tests: free loopback ports, short waits. `launcher`: a
    command that becomes the program, such as valgrind."""

    def __init__(self, folder, settings=None, arguments=(), variables=None, launcher=()):
        name = f"scheduler-{next(_numbers)}"
        self.log_file = pathlib.Path(folder) / f"{name}.log"
        self.config_file = pathlib.Path(folder) / f"{name}.properties"
        self.port = free_port()
        self.admin_port = free_port()
        self.settings = {
            "thrift.scheduler.host": "127.0.0.1", "thrift.scheduler.port": self.port,
            "thrift.agent.port": free_port(), "thrift.outTime": 1000, "job.grace": 1, "job.grace.sync": 1,
            "admin.listen": f"127.0.0.1:{self.admin_port}", "journal.path": self.log_file.with_suffix(".db"),
            "log.level": "debug", **(settings or {})}
        self.agent_port = self.settings["thrift.agent.port"]
        self.https = client_context()  # whom requests over HTTPS believe, and what they show
        self._arguments = [*launcher, str(PROGRAM), "--config", str(self.config_file), *arguments]
        self._environment = environment(**(variables or {}))
        self._process = None

    @property
    def pid(self):
        return self._process.pid

    def write_config(self, **changes):
        """Writes the file; a key's dots are written as underscores in `changes`."""
        self.settings.update({key.replace("_", "."): value for key, value in changes.items()})
        self.config_file.write_text(properties(self.settings))

    def start(self, until="ready"):
        """Returns when /healthz says 200 ("ready") or answers at all ("alive")."""
        self.write_config()
        with open(self.log_file, "ab") as log:
            self._process = subprocess.Popen(self._arguments, env=self._environment, stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log)
        running.append(self)
        wait_for(lambda: self.health() in ((200,) if until == "ready" else (200, 503)), 30, "elves-scheduler " + until)
        return self

    def stop(self, timeout=40):
        """SIGTERM; the process must leave with code 0 and without a sanitizer's report."""
        self._process.send_signal(signal.SIGTERM)
        self.wait_end(timeout)

    def wait_end(self, timeout=40, code=0):
        try:
            ended = self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running {timeout} s after it was told to end:\n{self.tail()}") from None
        if self in running:
            running.remove(self)
        assert ended == code, f"exit code {ended}:\n{self.tail()}"
        assert not REPORTS.search(self.log()), self.tail(20000)

    def kill(self):
        self._process.kill()
        self._process.wait()
        if self in running:
            running.remove(self)

    def signal(self, number):
        self._process.send_signal(number)

    def alive(self):
        return self._process is not None and self._process.poll() is None

    def health(self):
        """The status of GET /healthz, 0 while nobody answers."""
        assert self.alive(), f"ended with {self._process.returncode}:\n{self.tail()}"
        try:
            return self.http("GET", "/healthz", timeout=2).status
        except (OSError, http.client.HTTPException):
            return 0

    def http(self, method, path, body=None, headers=None, timeout=20, query=None):
        """One request to the HTTP API; the answer has .status, .text and .json."""
        connection = self._connection(timeout)
        if query:
            path += "?" + urllib.parse.urlencode(query)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json", **(headers or {})})
            response = connection.getresponse()
            response.text = response.read().decode()
            is_json = (response.getheader("Content-Type") or "").startswith("application/json")
            response.json = json.loads(response.text) if is_json else None
            return response
        finally:
            connection.close()

    def _connection(self, timeout):
        if "admin.tls.cert" not in self.settings:
            return http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=timeout)
        return http.client.HTTPSConnection("127.0.0.1", self.admin_port, timeout=timeout, context=self.https)

    def metric(self, name):
        """A value of /metrics, by its name with labels if it has any; 0 for one that is not there."""
        values = [line.rsplit(" ", 1) for line in self.http("GET", "/metrics").text.splitlines()]
        return next((float(value) for key, value in values if key == name), 0)

    def status(self, name):
        """A number from /proc/PID/status: "Threads", or "VmRSS" and "VmHWM" in kB."""
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{name}:\s*(\d+)", text, re.MULTILINE).group(1))

    def log(self):
        return self.log_file.read_text(errors="replace")

    def tail(self, size=4000):
        return self.log()[-size:]
