"""A RabbitMQ cluster on loopback: nodes with folders of their own behind one epmd, each ended by process id."""
import pathlib
import subprocess

from .rabbit import RabbitMq
from .util import wait_for


class Cluster:
    """Stands in for a RabbitMq wherever the tests want a broker: a node of it that runs answers.

    `settings`: lines of each node's rabbitmq.conf.
    """

    def __init__(self, folder, size=3, settings=""):
        folder = pathlib.Path(folder)
        self.nodes = []
        for number in range(size):
            place = folder / f"node-{number}"
            place.mkdir()
            self.nodes.append(RabbitMq(place, seed=self.nodes[0] if self.nodes else None, settings=settings))

    @property
    def hosts(self):
        """For mq.hosts."""
        return ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    @property
    def port(self):
        return self.any_node().port

    def any_node(self):
        return next(node for node in self.nodes if node.running())

    def node_at(self, port):
        return next(node for node in self.nodes if node.port == port)

    def start(self):
        """Returns when all nodes answer and know of each other."""
        self.nodes[0].start()
        for node in self.nodes[1:]:
            node.start()
        wait_for(self._joined, 60, "all nodes to know of each other")

    def close(self):
        """Ends all of it, in whatever state it is."""
        for node in self.nodes:
            if node.running():
                node.kill()
        self.nodes[0].close()

    def kill(self, *nodes):
        """Ends these nodes as a power cut would."""
        for node in nodes:
            node.kill()

    def revive(self, *nodes):
        """Starts them again, all at once, and returns when each answers."""
        for node in nodes:
            node.launch()
        for node in nodes:
            node.wait_ready()

    def leader(self, vhost, queue):
        """The node that leads a quorum queue."""
        listed = self.rabbitmqctl("list_queues", "-p", vhost, "name", "leader", "--no-table-headers")
        name = next(line.split()[1] for line in listed.splitlines() if line.split()[:1] == [queue])
        return next(node for node in self.nodes if node.name == name)

    def rabbitmqctl(self, *arguments):
        return self.any_node().rabbitmqctl(*arguments)

    def connect(self, vhost):
        return self.any_node().connect(vhost)

    def close_all_connections(self, vhost):
        self.rabbitmqctl("close_all_connections", "--vhost", vhost, "closed by a test")

    def new_vhost(self):
        return self.nodes[0].new_vhost()

    def _joined(self):
        try:
            status = self.nodes[0].rabbitmqctl("cluster_status")
        except subprocess.CalledProcessError:
            return False
        running = status.split("Running Nodes")[1].split("Versions")[0]
        return all(node.name in running for node in self.nodes)
