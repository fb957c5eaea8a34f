"""A TCP relay in front of a server that can stop relaying without closing: a network that went away."""
import selectors
import socket
import threading

from .util import free_port


class Proxy:
    """Relays 127.0.0.1:`port` to 127.0.0.1:`target`, on a thread of its own."""

    def __init__(self, target):
        self.port = free_port()
        self._target = target
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._refusing = False
        self._deaf = False
        self._clients = set()
        self.said = {}     # client's socket -> all that it has sent
        self._pairs = {}   # socket -> where its bytes go
        self._frozen = []  # kept open: closing them would tell the peers
        self._orders, self._wake = socket.socketpair()
        self._selector.register(self._orders, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def freeze(self):
        """Present connections carry nothing any more and stay open; new ones work."""
        self._wake.send(b"f")

    def refuse(self, refusing):
        """Whether new connections are closed at once."""
        self._refusing = refusing

    def deafen(self, deaf):
        """Whether what clients send is lost, while they go on hearing the server."""
        self._deaf = deaf

    def cut(self):
        """Present connections are closed; new ones work."""
        self._wake.send(b"c")

    def close(self):
        self._wake.send(b"q")
        self._thread.join()

    def _run(self):
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._listener:
                    self._connect()
                elif key.fileobj is not self._orders:
                    self._relay(key.fileobj)
                elif not self._obey(self._orders.recv(1)):
                    return

    def _connect(self):
        client, _ = self._listener.accept()
        if self._refusing:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        self._clients.add(client)
        for one, other in ((client, server), (server, client)):
            self._pairs[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _relay(self, source):
        if source not in self._pairs:
            return
        try:
            data = source.recv(1 << 16)
            if data and self._deaf and source in self._clients:
                return
            if data:
                if source in self._clients:
                    self.said.setdefault(source, bytearray()).extend(data)
                self._pairs[source].sendall(data)
                return
        except OSError:
            pass
        self._drop(source)

    def _drop(self, end):
        for one in (end, self._pairs.get(end)):
            if self._pairs.pop(one, None) is not None:
                self._selector.unregister(one)
                self._clients.discard(one)
                one.close()

    def _obey(self, order):
        if order == b"f":
            for end in self._pairs:
                self._selector.unregister(end)
            self._frozen.extend(self._pairs)
            self._pairs.clear()
        else:
            for end in list(self._pairs):
                self._drop(end)
        if order == b"q":
            self._listener.close()
        return order != b"q"
