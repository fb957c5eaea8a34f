"""A private RabbitMQ: own node, own epmd, own files, loopback only, no plugins; ended by process id."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pika

from .util import accepts, end_process, free_port, wait_for

PROGRAMS = "/usr/lib/rabbitmq/bin"
USER = "elves-test"
PASSWORD = "pa55-never-to-be-logged"
COOKIE = ".erlang.cookie"  # what the nodes of a cluster have in common
BATCH = 40  # virtual hosts made at a time: every start of the broker opens all that there are


class RabbitMq:
    """The broker of one test session. A fresh virtual host stands in for a fresh broker: see new_vhost()."""

    def __init__(self, folder, certificates=None, seed=None, settings=""):
        """`seed`: a node that runs before this one starts, whose cluster it joins. `settings`: lines of rabbitmq.conf."""
        self.folder = pathlib.Path(folder)
        self.certificates = certificates
        self.port = free_port()
        self.tls_port = free_port()
        self.name = f"elves-{os.getpid()}-{self.port}@localhost"
        self._seed = seed
        self._settings = settings
        self._epmd_port = seed._epmd_port if seed else free_port()
        self._vhosts = seed._vhosts if seed else []
        self._unused = []
        self._server = None
        self._epmd = None
        self._environment = self._write_files()

    def start(self):
        """Returns once the broker speaks AMQP and the virtual hosts are there."""
        if self._seed is not None:
            shutil.copy(self._seed.folder / COOKIE, self.folder / COOKIE)
        elif self._epmd is None:
            self._start_epmd()
        self.launch()
        self.wait_ready()

    def launch(self):
        """Starts the process, and waits for nothing."""
        with open(self.folder / "server.out", "ab") as output:
            self._server = subprocess.Popen([f"{PROGRAMS}/rabbitmq-server"], env=self._environment,
                                            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            start_new_session=True)

    def wait_ready(self):
        wait_for(self._answers, 120, f"RabbitMQ to answer (see {self.folder})")

    def stop(self):
        """Shuts the broker down in order."""
        if self._server is not None:
            end_process(self._server, 30)

    def running(self):
        return self._server is not None and self._server.poll() is None

    def kill(self):
        """Ends the broker as a power cut would: its start script and its Erlang machine, one process group."""
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()

    def restart(self):
        self.kill()
        self.start()

    def close(self):
        """Ends everything this object has started."""
        self.stop()
        if self._epmd is not None:
            end_process(self._epmd)

    def flush(self):
        """What was declared until now is on disk and survives kill(): the broker writes it some time later by itself."""
        assert self.rabbitmqctl("eval", "mnesia:dump_log().").strip() == "dumped"

    def rabbitmqctl(self, *arguments):
        """Runs rabbitmqctl against this node (a second or two) and answers with its output."""
        return subprocess.run([f"{PROGRAMS}/rabbitmqctl", "--node", self.name, "--quiet", *arguments], check=True,
                              env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=180).stdout

    def close_all_connections(self, vhost):
        self.rabbitmqctl("close_all_connections", "--vhost", vhost, "closed by a test")

    def new_vhost(self):
        """The name of a virtual host nobody has used yet; the broker must run."""
        if not self._unused:
            self._define_vhosts()
            self.rabbitmqctl("import_definitions", self._definitions)
        return self._unused.pop(0)

    def connect(self, vhost):
        """A pika connection."""
        return pika.BlockingConnection(pika.ConnectionParameters(
            "127.0.0.1", self.port, vhost, pika.PlainCredentials(USER, PASSWORD), heartbeat=60,
            socket_timeout=10, blocked_connection_timeout=60))

    def _start_epmd(self):
        self._epmd = subprocess.Popen(
            ["epmd", "-address", "127.0.0.1", "-port", str(self._epmd_port)], env=self._environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: accepts("127.0.0.1", self._epmd_port), 10, "epmd")

    def _answers(self):
        if self._server.poll() is not None:
            output = (self.folder / "server.out").read_text(errors="replace")
            raise AssertionError(f"rabbitmq-server ended with {self._server.returncode}:\n{output}")
        if not accepts("127.0.0.1", self.port):
            return False
        try:
            self.connect(self._vhosts[-1]).close()
            return True
        except pika.exceptions.AMQPError:
            return False

    def _tls_listener(self):
        """Lines of rabbitmq.conf: one more port, when there are certificates for it."""
        if self.certificates is None:
            return ""
        return (f"listeners.ssl.default = 127.0.0.1:{self.tls_port}\n"
                f"ssl_options.cacertfile = {self.certificates.ca}\n"
                f"ssl_options.certfile = {self.certificates.local.cert}\n"
                f"ssl_options.keyfile = {self.certificates.local.key}\n"
                "ssl_options.verify = verify_peer\n"
                "ssl_options.fail_if_no_peer_cert = false\n")

    def _define_vhosts(self):
        """One more batch, which the broker's next start knows too."""
        self._unused = [f"test-{len(self._vhosts) + number}" for number in range(BATCH)]
        self._vhosts += self._unused
        self._definitions.write_text(json.dumps({
            "users": [{"name": USER, "password": PASSWORD, "tags": "administrator"}],
            "vhosts": [{"name": name} for name in self._vhosts],
            "permissions": [{"user": USER, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"}
                            for name in self._vhosts],
        }))

    @property
    def _definitions(self):
        return (self._seed or self).folder / "definitions.json"

    def _membership(self):
        """Lines of rabbitmq.conf: the cluster it belongs to, if any."""
        if self._seed is None:
            return ""
        return ("cluster_formation.peer_discovery_backend = classic_config\n"
                f"cluster_formation.classic_config.nodes.1 = {self._seed.name}\n")

    def _write_files(self):
        if self._seed is None:
            self._define_vhosts()
        files = {name: self.folder / name for name in ("rabbitmq.conf", "env.conf", "plugins")}
        files["env.conf"].write_text("")
        files["plugins"].write_text("[].\n")
        files["rabbitmq.conf"].write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            f"{self._tls_listener()}"
            f"load_definitions = {self._definitions}\n"
            "log.file.level = warning\n"
            "disk_free_limit.absolute = 1MB\n"
            "vm_memory_high_watermark.relative = 0.8\n"
            f"{self._membership()}"
            f"{self._settings}")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "LANG": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_CONF_ENV_FILE": str(files["env.conf"]),
            "RABBITMQ_CONFIG_FILE": str(files["rabbitmq.conf"]),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(files["plugins"]),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.folder / "generated"),
            "RABBITMQ_PID_FILE": str(self.folder / "rabbit.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1} +S 2:2",
        }
