"""Where and with what it was measured."""
import datetime
import os
import pathlib
import platform
import re
import subprocess

from rig import BINARIES, REPOSITORY

PACKAGES = ("rabbitmq-server", "erlang-base", "g++", "librabbitmq4", "libthrift-0.17.0", "libboost1.81-dev",
            "libsqlite3-0", "valgrind")


def _output(*command):
    try:
        return subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=False).stdout.strip()
    except OSError:
        return ""


def _first(pattern, file):
    found = re.search(pattern, pathlib.Path(file).read_text(), re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def _commit():
    commit = _output("git", "rev-parse", "--short=12", "HEAD") or "unknown"
    return commit + (", with changes" if _output("git", "status", "--porcelain", "--untracked-files=no") else "")


def facts():
    """Name -> text. The load is that before anything of the suite runs."""
    versions = dict(line.split("\t") for line in _output(
        "dpkg-query", "-W", "-f", "${Package}\t${Version}\n", *PACKAGES).splitlines())
    memory = int(_first(r"^MemTotal:\s*(\d+)", "/proc/meminfo")) // 1024
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "program": _output(str(BINARIES / "elves-scheduler"), "--version"),
        "processor": _first(r"^model name\s*: (.*)$", "/proc/cpuinfo"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{memory} MB",
        "kernel": platform.release(),
        "load average at the start": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        **versions,
    }
