"""Machines of their own for the tests: other files in /etc, and networks whose cables can be pulled out. They are
namespaces of this machine; who is not root becomes it inside them."""
import os
import re
import subprocess

from .util import end_process, wait_for

NAMESPACES = ["unshare"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user"]


def with_hosts(folder, text):
    """What to put before a command so that it sees another /etc/hosts."""
    (folder / "hosts").write_text(text)
    return _with_hosts_file(folder / "hosts")


def with_silent_resolver(folder):
    """The same, but looking up a name never ends: /etc/hosts is a pipe into which nobody writes."""
    os.mkfifo(folder / "hosts")
    return _with_hosts_file(folder / "hosts")


def _with_hosts_file(file):
    return [*NAMESPACES, "--mount", "sh", "-c", f'mount --bind "{file}" /etc/hosts && exec "$@"', "sh"]


class Machine:
    """A network of its own, with one cable. `beside`: a machine that it is to be joined with."""

    def __init__(self, address, beside=None):
        self.address = address
        how = beside.as_its_user("unshare") if beside else NAMESPACES
        self._holder = subprocess.Popen([*how, "--net", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"],
                                        stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout.readline() == "up\n"

    @property
    def pid(self):
        return self._holder.pid

    def inside(self, *command):
        """The command, run on that machine."""
        return self.as_its_user("nsenter", "--target", self.pid, "--net", *command)

    def as_its_user(self, *command):
        """The command, run by who may change that machine's network."""
        how = [] if os.geteuid() == 0 else ["nsenter", "--target", self.pid, "--user", "--preserve-credentials"]
        return [*map(str, how), *map(str, command)]

    def run(self, *command, check=True, **options):
        return subprocess.run(self.inside(*command), check=check, capture_output=True, text=True, timeout=60, **options)

    def plug_in(self, peer):
        """Joins the two by a cable."""
        self.run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", str(peer.pid))
        for one in (self, peer):
            one.run("ip", "address", "add", one.address + "/24", "dev", "cable")
            one.run("ip", "link", "set", "cable", "up")
        wait_for(lambda: all("state UP" in one.run("ip", "link", "show", "cable").stdout for one in (self, peer)), 20,
                 "the cable")

    def cut(self):
        """Pulls the cable out at this machine: what either side sends is gone, and nobody is told."""
        self.run("ip", "link", "set", "cable", "down")

    def connections(self):
        """Connections of this machine that go over the cable: (own port, peer's port) and the timer of each."""
        lines = self.run("ss", "-tnoH", "state", "connected", "exclude", "time-wait").stdout.splitlines()
        found = [re.search(r"%s\]?:(\d+)\s+\S+?:(\d+)\s*(.*)" % re.escape(self.address), line) for line in lines]
        return {(int(one[1]), int(one[2])): one[3] for one in found if one}

    def close(self):
        self._holder.stdout.close()
        end_process(self._holder)
