"""A process that has loaded a secret keeps its memory to itself."""
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

import pytest
from harness.scheduler import PROGRAM, environment, properties
from harness.util import core_limit, free_port, wait_for

SECRET = "sesame-open"


@pytest.fixture
def unprivileged(program):  # noqa: ARG001, it must be built
    """Starts a standalone scheduler as a user other than root, for whom /proc tells what others may see."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        copy = folder / PROGRAM.name
        shutil.copy(PROGRAM, copy)
        config, ready = folder / "conf.properties", folder / "run" / "ready"
        ready.parent.mkdir()
        os.chown(ready.parent, user.pw_uid, user.pw_gid)
        processes = []

        def start(variables=None, **settings):
            config.write_text(properties({
                "thrift.scheduler.host": "127.0.0.1", "thrift.scheduler.port": free_port(),
                "admin.listen": f"127.0.0.1:{free_port()}", "journal.path": "", **settings}))
            config.chmod(0o644)
            become = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
            process = subprocess.Popen(
                [str(copy), "--standalone", "--config", str(config), "--ready-file", str(ready)], cwd=ready.parent,
                env=environment(**(variables or {})), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, **become)
            processes.append(process)
            wait_for(ready.exists, 20, "the ready file")
            assert int(ready.read_text()) == process.pid
            return process, user.pw_uid, ready

        def hand_over(file):
            given = shutil.copy(file, folder)
            os.chown(given, user.pw_uid, user.pw_gid)
            return given

        start.hand_over = hand_over
        yield start
        for process in processes:
            process.kill()
            process.wait()


def owner(process, file):
    return os.stat(f"/proc/{process.pid}/{file}").st_uid


@pytest.mark.parametrize("where", ["file", "environment", "key"])
def test_no_core_dump_and_no_look_at_its_memory_with_a_secret(unprivileged, certificates, where):
    given = {"admin.token": SECRET} if where == "file" else {}
    if where == "key":
        given = {"admin.tls.cert": unprivileged.hand_over(certificates.local.cert),
                 "admin.tls.key": unprivileged.hand_over(certificates.local.key)}
    variables = {"ELVES_ADMIN_TOKEN": SECRET} if where == "environment" else {}
    process, _, _ = unprivileged(variables, **given)
    assert owner(process, "environ") == 0 and owner(process, "mem") == 0
    assert core_limit(process) == ["0", "0"]
    assert SECRET not in pathlib.Path(f"/proc/{process.pid}/cmdline").read_text()


def test_without_a_secret_it_can_be_debugged(unprivileged):
    process, user, _ = unprivileged()
    assert owner(process, "environ") == user


def test_the_ready_file_goes_when_it_ends(unprivileged):
    process, _, ready = unprivileged()
    process.terminate()
    assert process.wait(20) == 0
    assert not ready.exists()
