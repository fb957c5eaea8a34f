"""Bare connections, as of peers that are up to no good."""
import contextlib
import socket
import threading

BIND_ADDRESS_NO_PORT = 24  # of <linux/in.h>: ports are shared by connections that go to different places


def connect(port, source="127.0.0.1"):
    """A connection to 127.0.0.1 from `source`."""
    connection = socket.socket()
    connection.settimeout(20)
    connection.setsockopt(socket.IPPROTO_IP, BIND_ADDRESS_NO_PORT, 1)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", port))
    return connection


def hung_up(connection):
    """Waits until the peer has closed; answers with what it said before."""
    said = b""
    with contextlib.suppress(ConnectionError), connection:
        while more := connection.recv(4096):
            said += more
    return said


class SilentAgent:
    """Takes connections at `address` and never says a word, until close(); then nobody listens there any more."""

    def __init__(self, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._connections = []
        self._socket = socket.create_server((address, port), family=family, backlog=4096)
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self._connections.append(self._socket.accept()[0])

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for one in (self._socket, *self._connections):
            one.close()


class DeadMachines:
    """Nothing at these addresses answers who connects to `port`: their backlogs are full, until close()."""

    def __init__(self, addresses, port):
        self._sockets = []
        for address in addresses:
            full = socket.socket()
            full.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            full.bind((address, port))
            full.listen(0)
            self._sockets.append(full)
            for _ in range(3):
                client = socket.socket()
                client.setblocking(False)
                client.connect_ex((address, port))
                self._sockets.append(client)

    def close(self):
        for one in self._sockets:
            one.close()
