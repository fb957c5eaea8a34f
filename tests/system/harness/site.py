"""One installation: a virtual host of the broker, a scheduler, a farm of fake agents."""
import pathlib

from .agents import AgentFarm, addresses
from .amqp import COMPONENTS, DEAD, Peer
from .scheduler import Scheduler, broker_settings


class Site:
    """`broker` None = standalone. `agents` as AgentFarm takes them; nothing runs before start()."""

    def __init__(self, folder, generated, broker=None, agents=None, settings=None, vhost=None, broker_port=None,
                 variables=None):
        self._folder = pathlib.Path(folder)
        self._generated = generated
        self._agents = addresses(4) if agents is None else agents
        self._peers = []
        self.broker = broker
        self.farm = None
        self.vhost = vhost or (broker.new_vhost() if broker else None)
        where = broker_settings(broker, self.vhost, broker_port) if broker else {}
        self.scheduler = Scheduler(self._folder, {**where, **(settings or {})}, () if broker else ("--standalone",),
                                   variables)

    def start(self, until="ready"):
        self.farm = AgentFarm(self._folder, self._generated, self.scheduler.agent_port, self._agents,
                              self.scheduler.port)
        self.scheduler.start(until)
        return self

    def peer(self, **options):
        """A new client. It alone owns the components' queues: an earlier one is closed, unless it takes nothing."""
        if options.get("components") != ():
            for earlier in self._peers:
                earlier.close()
        peer = Peer(self.broker, self.vhost, **options)
        self._peers.append(peer)
        return peer

    def purge(self):
        """Empties the queues a test may have left something in."""
        connection = self.broker.connect(self.vhost)
        for queue in (*COMPONENTS, DEAD):
            channel = connection.channel()
            try:
                channel.queue_purge(queue)
            except Exception as error:  # noqa: BLE001, no such queue yet
                assert "NOT_FOUND" in str(error), error
        connection.close()

    def close(self):
        """Ends what runs; the scheduler must leave in order."""
        for peer in self._peers:
            peer.close()
        try:
            if self.scheduler.alive():
                self.scheduler.stop()
        finally:
            if self.farm is not None:
                self.farm.close()
