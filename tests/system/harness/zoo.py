"""A private ZooKeeper: one server or an ensemble, own files, loopback only; ended by process id."""
import contextlib
import logging
import pathlib
import signal
import socket
import subprocess

from kazoo.client import KazooClient

from .util import accepts, end_process, free_port, wait_for

CLASSES = "/etc/zookeeper/conf_example:/usr/share/java/zookeeper.jar"
TICK = 200  # ms; a session lasts 2 to 20 of them
logging.getLogger("kazoo").setLevel(logging.CRITICAL)  # the tests take servers away under it on purpose


class Server:
    """One process. `peers`: the numbers and ports of an ensemble, [] = it is alone."""

    def __init__(self, folder, number=1, port=None, peers=()):
        self.folder = pathlib.Path(folder) / f"zookeeper-{number}"
        self.folder.mkdir()
        self.port = port or free_port()
        self._process = None
        (self.folder / "myid").write_text(f"{number}\n")
        lines = [f"tickTime={TICK}", f"dataDir={self.folder}", "clientPortAddress=127.0.0.1",
                 f"clientPort={self.port}", "admin.enableServer=false", "4lw.commands.whitelist=srvr,cons",
                 "initLimit=50", "syncLimit=25", "maxClientCnxns=0", "forceSync=no"]
        lines += [f"server.{peer}=127.0.0.1:{follow}:{elect}" for peer, follow, elect in peers]
        (self.folder / "zoo.cfg").write_text("\n".join(lines) + "\n")

    @property
    def hosts(self):
        return f"127.0.0.1:{self.port}"

    def start(self, wait=True):
        with open(self.folder / "server.out", "ab") as output:
            self._process = subprocess.Popen(
                ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", CLASSES,
                 "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(self.folder / "zoo.cfg")],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.folder)
        if wait:
            self.wait_serving()
        return self

    def wait_serving(self):
        wait_for(self.serves, 60, f"ZooKeeper (see {self.folder})")

    def serves(self):
        assert self._process.poll() is None, (self.folder / "server.out").read_text(errors="replace")[-2000:]
        return accepts("127.0.0.1", self.port) and self.mode() != ""

    def mode(self):
        """ "standalone", "leader", "follower"; "" while it does not serve."""
        text = self.command("srvr")
        return text.split("Mode: ")[1].split()[0] if "Mode: " in text else ""

    def command(self, word):
        """What it answers to a four letter word."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                connection.sendall(word.encode())
                parts = []
                while part := connection.recv(65536):
                    parts.append(part)
                return b"".join(parts).decode(errors="replace")
        except OSError:
            return ""

    def stop(self):
        if self._process is not None:
            end_process(self._process)
            self._process = None

    def kill(self):
        self._process.kill()
        self._process.wait()
        self._process = None

    def pause(self):
        """It keeps its connections and answers nothing, until resume()."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self):
        self._process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def client(self, **options):
        """A kazoo client."""
        with client_of(self.hosts, **options) as made:
            yield made


class Ensemble:
    """Three servers that elect a leader."""

    def __init__(self, folder):
        peers = [(number, free_port(), free_port()) for number in (1, 2, 3)]
        self.servers = [Server(folder, number, None, peers) for number in (1, 2, 3)]

    @property
    def hosts(self):
        return ",".join(server.hosts for server in self.servers)

    def start(self):
        for server in self.servers:
            server.start(wait=False)
        for server in self.servers:
            server.wait_serving()
        return self

    def leader(self):
        return next(server for server in self.servers if server.mode() == "leader")

    def stop(self):
        for server in self.servers:
            server.stop()


@contextlib.contextmanager
def client_of(hosts, **options):
    client = KazooClient(hosts, timeout=10, **options)
    client.start(timeout=30)
    try:
        yield client
    finally:
        client.stop()
        client.close()
