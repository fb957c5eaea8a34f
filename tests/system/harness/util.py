"""Small things every part of the harness needs: waiting, free ports, ending processes."""
import itertools
import os
import pathlib
import random
import socket
import subprocess
import sys
import threading
import time

_pause = threading.Event()  # never set: its wait() is the pause between two looks
_ports = itertools.cycle(random.Random(os.getpid()).sample(range(20000, 30000), 10000))


def wait_for(condition, timeout=10.0, what="condition"):
    """Looks until `condition()` is true and answers with its value; fails after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain for: {what}")
        _pause.wait(0.02)


def free_port():
    """A TCP port free on every local address, outside the range the kernel hands out to clients."""
    for port in itertools.islice(_ports, 10000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port between 20000 and 30000")


def accepts(host, port):
    """Whether somebody listens there."""
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False


def connections_to(host, port):
    """How many connections to there stand, from both ends' view: the peer has not closed them."""
    remote = "%08X:%04X" % (int.from_bytes(socket.inet_aton(host), sys.byteorder), port)
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table][1:]
    return sum(row[2] == remote and row[3] == "01" for row in rows)


def end_process(process, timeout=10.0):
    """Asks our own child to leave, makes it leave if it does not, and answers with its exit code."""
    if process.poll() is None:
        process.terminate()
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def core_limit(process):
    """The soft and the hard limit on core dumps of a process, or of "self"."""
    limits = pathlib.Path(f"/proc/{getattr(process, 'pid', process)}/limits").read_text()
    return next(line for line in limits.splitlines() if line.startswith("Max core file size")).split()[4:6]
