"""The network between the parts: TCP relays in a process of their own, each of which can be cut and healed.

A relay is `open`, refuses (its connections are reset, new ones are refused) or holds (nothing passes, nothing is closed: what
was on its way arrives when it opens again, as after a network that was away for a moment).
"""
import json
import selectors
import socket
import struct
import subprocess
import sys

MOST_BUFFERED = 1 << 20
RESET = struct.pack("ii", 1, 0)


class Relays:
    """The parts' side. `routes`: {name: ((host, port), (target host, target port))}."""

    def __init__(self, routes):
        self._process = subprocess.Popen([sys.executable, __file__, json.dumps(routes)], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self._process.stdout.readline() == "ready\n"

    def set(self, name, state):
        """`state`: open, refuse or hold. Returns when it is so. One thread at a time."""
        self._process.stdin.write(f"{name} {state}\n")
        assert self._process.stdout.readline() == "done\n"

    def close(self):
        self._process.stdin.close()
        self._process.wait()


class End:
    """One socket of a pair. What is to be sent through it waits in `waiting`."""

    def __init__(self, relay, sock, connecting=False):
        sock.setblocking(False)
        self.relay, self.socket, self.connecting = relay, sock, connecting
        self.other, self.waiting, self.ended, self.closed = None, bytearray(), False, False

    def watch(self):
        """Tells the selector what this end is to be woken for."""
        if self.closed:
            return
        reads = not self.ended and not self.other.closed and len(self.other.waiting) < MOST_BUFFERED
        events = (selectors.EVENT_READ if reads else 0) | (
            selectors.EVENT_WRITE if self.waiting or self.connecting else 0)
        self.relay.watch(self, events if self.relay.state == "open" else 0)

    def ready(self, events):
        try:
            if events & selectors.EVENT_WRITE:
                self._write()
            if events & selectors.EVENT_READ and not self.closed:
                self._read()
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            self.other.close()
        self.watch()
        self.other.watch()

    def _read(self):
        data = self.socket.recv(1 << 16)
        if data:
            self.other.waiting += data
            self.other._write()
        else:
            self.ended = True
            if not self.other.waiting:
                self.other.close()
            self.close()

    def _write(self):
        if self.connecting:
            fault = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if fault:
                raise OSError(fault, "connect")
            self.connecting = False
        if self.waiting:
            sent = self.socket.send(self.waiting)
            del self.waiting[:sent]
        if not self.waiting and self.other.ended:
            self.close()

    def close(self, reset=False):
        if self.closed:
            return
        self.closed = True
        self.relay.watch(self, 0)
        self.relay.ends.discard(self)
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()


class Relay:
    """A listener and its pairs."""

    def __init__(self, selector, address, target):
        self._selector, self._address, self._target = selector, tuple(address), tuple(target)
        self.ends, self.state = set(), "open"
        self._listen()

    def set(self, state):
        if self.state == "refuse":
            self._listen()
        self.state = state
        if state == "refuse":
            self.watch(self, 0)
            self.socket.close()
            for end in list(self.ends):
                end.close(reset=True)
        else:
            self.watch(self, selectors.EVENT_READ if state == "open" else 0)
        for end in list(self.ends):
            end.watch()

    def watch(self, who, events):
        known = who.socket in self._selector.get_map() if who.socket.fileno() >= 0 else False
        if known and not events:
            self._selector.unregister(who.socket)
        elif known:
            self._selector.modify(who.socket, events, who)
        elif events:
            self._selector.register(who.socket, events, who)

    def ready(self, _):
        try:
            client, _ = self.socket.accept()
        except OSError:
            return
        server = socket.socket()
        server.setblocking(False)
        server.connect_ex(self._target)
        one, two = End(self, client), End(self, server, connecting=True)
        one.other, two.other = two, one
        for end in (one, two):
            end.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.ends.add(end)
            end.watch()

    def _listen(self):
        self.socket = socket.create_server(self._address, backlog=512)
        self.socket.setblocking(False)
        self._selector.register(self.socket, selectors.EVENT_READ, self)


def main():
    selector = selectors.DefaultSelector()
    relays = {name: Relay(selector, *route) for name, route in json.loads(sys.argv[1]).items()}
    selector.register(sys.stdin, selectors.EVENT_READ, None)
    print("ready", flush=True)
    while True:
        for key, events in selector.select():
            if key.data is None:
                order = sys.stdin.readline().split()
                if not order:
                    return
                relays[order[0]].set(order[1])
                print("done", flush=True)
            elif key.fileobj.fileno() >= 0:
                key.data.ready(events)


if __name__ == "__main__":
    main()
