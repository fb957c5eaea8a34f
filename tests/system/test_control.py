"""./control start, stop and status: what is a running scheduler, and what is not."""
import ctypes
import os
import pathlib
import shutil
import signal
import stat
import subprocess

import pytest
from harness.scheduler import BINARIES, REPOSITORY, environment, properties
from harness.util import free_port, wait_for

PR_SET_CHILD_SUBREAPER = 36
NOT_RUNNING = 3


@pytest.fixture
def folder(tmp_path, program):
    """An unpacked release with the programs under test."""
    shutil.copy(REPOSITORY / "control", tmp_path)
    shutil.copytree(REPOSITORY / "scripts", tmp_path / "scripts")
    (tmp_path / "bin").symlink_to(BINARIES)
    (tmp_path / "runtime-packages").touch()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/conf.properties").write_text(properties({
        "mq.port": free_port(), "thrift.scheduler.host": "127.0.0.1", "thrift.scheduler.port": free_port(),
        "admin.listen": f"127.0.0.1:{free_port()}", "drain.timeout": 1}))
    return tmp_path


@pytest.fixture
def reaps_nothing():
    """Makes this process the parent of what `control` leaves: it looks after nobody until the test is over."""
    prctl = ctypes.CDLL(None).prctl
    assert prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    pids = []
    yield pids
    assert prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) == 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass


def control(folder, *words):
    return subprocess.run([folder / "control", *words], env=environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def pid_of(folder):
    return int((folder / "var/elves-scheduler.pid").read_text().split()[0])


def state_of(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_a_zombie_is_not_running(folder, reaps_nothing):
    assert control(folder, "start").returncode == 0
    killed = pid_of(folder)
    reaps_nothing.append(killed)
    assert control(folder, "status").returncode == 0
    assert stat.S_IMODE((folder / "var/elves-scheduler.log").stat().st_mode) == 0o640
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: state_of(killed) == "Z", 10, "a zombie")
    assert control(folder, "status").returncode == NOT_RUNNING
    again = control(folder, "start")
    assert again.returncode == 0 and "already" not in again.stdout, again
    reaps_nothing.append(pid_of(folder))
    assert pid_of(folder) != killed
    stopped = control(folder, "stop")
    assert stopped.returncode == 0 and "Stopped." in stopped.stdout, stopped
    assert state_of(reaps_nothing[-1]) == "Z"
    assert control(folder, "stop").stdout == "elves-scheduler is not running.\n"


def test_a_pid_that_has_gone_to_another_process_is_not_running(folder, reaps_nothing):
    """Even to another elves-scheduler: the start time is another one."""
    assert control(folder, "start").returncode == 0
    reaps_nothing.append(pid_of(folder))
    file = folder / "var/elves-scheduler.pid"
    pid, started = file.read_text().split()
    file.write_text(f"{pid} {int(started) - 1}\n")
    assert control(folder, "status").returncode == NOT_RUNNING
    file.write_text(f"{os.getpid()} {started}\n")
    assert control(folder, "status").returncode == NOT_RUNNING
    file.write_text(f"{pid} {started}\n")
    assert control(folder, "stop").returncode == 0


def test_one_that_is_started_again_replaces_itself(folder, reaps_nothing):
    assert control(folder, "start").returncode == 0
    reaps_nothing.append(pid_of(folder))
    again = control(folder, "restart")
    reaps_nothing.append(pid_of(folder))
    assert again.returncode == 0 and reaps_nothing[0] != reaps_nothing[1], again
    assert control(folder, "stop").returncode == 0
