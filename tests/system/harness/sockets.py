"""Bare connections, as of peers that are up to no good."""
import contextlib
import socket

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
