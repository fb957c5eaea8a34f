"""--check-config of both programs: what the start would refuse, found without starting."""
import json
import os
import socket

import pytest
from harness.elves_agent import HOST, run_agent
from harness.scheduler import Scheduler, properties, run_program
from harness.util import free_port

CANNOT_BIND, CONFIGURATION = 69, 78


@pytest.fixture
def check(tmp_path, program):
    def run(**settings):
        given = {"thrift.scheduler.host": "127.0.0.1", "thrift.scheduler.port": free_port(),
                 "admin.listen": f"127.0.0.1:{free_port()}", "journal.path": tmp_path / "var/journal.db"}
        given.update({key.replace("_", "."): value for key, value in settings.items()})
        path = tmp_path / "conf.properties"
        path.write_text(properties(given))
        before = sorted(tmp_path.rglob("*"))
        ended = run_program("--check-config", "--config", path)
        assert sorted(tmp_path.rglob("*")) == before, "it makes nothing"
        return ended
    return run


def test_what_can_be_started_is_usable(check):
    ended = check()
    assert ended.returncode == 0 and ended.stdout == "the configuration is usable\n", ended


@pytest.mark.parametrize("key", ["thrift_scheduler_port", "admin_listen"])
def test_a_port_that_another_program_has(check, key):
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        ended = check(**{key: f"{HOST}:{port}" if key == "admin_listen" else port})
    assert ended.returncode == CANNOT_BIND, ended
    assert str(port) in ended.stdout and f"(pid {os.getpid()})" in ended.stdout, ended


def test_a_port_of_the_running_scheduler_is_a_warning(check, tmp_path):
    scheduler = Scheduler(tmp_path, arguments=["--standalone"]).start()
    ended = check(thrift_scheduler_port=scheduler.port)
    scheduler.stop()
    assert ended.returncode == 0 and f"elves-scheduler (pid {scheduler.pid})" in ended.stdout, ended


def test_an_address_of_another_machine(check):
    ended = check(thrift_scheduler_host="192.0.2.1")
    assert ended.returncode == CANNOT_BIND and "no interface of this machine" in ended.stdout, ended


@pytest.mark.parametrize("settings, word", [
    ({"log_file": "/no/such/folder/a.log"}, "log.file: '/no/such/folder/a.log' its folder /no/such/folder is not there"),
    ({"audit_file": "/proc"}, "audit.file: '/proc' is a folder"),
    ({"journal_path": "/dev/null/journal.db"}, "journal.path"),
    ({"zookeeper_host": "nohost:abc"}, "zookeeper.host"),
    ({"mq_tls_enabled": "true", "mq_tls_ca": "/no/such/ca"}, "/no/such/ca"),
    ({"admin_token_file": "/no/such/token"}, "/no/such/token"),
])
def test_files_that_cannot_be_used(check, settings, word):
    ended = check(**settings)
    assert ended.returncode == CONFIGURATION and word in ended.stdout, ended


def test_one_port_for_two_settings(check):
    port = free_port()
    ended = check(thrift_scheduler_port=port, admin_listen=f"{HOST}:{port}")
    assert ended.returncode == CONFIGURATION and "another setting" in ended.stdout, ended


class TestAgent:
    @pytest.fixture
    def check(self, tmp_path):
        def run(**config):
            (tmp_path / "conf").mkdir(exist_ok=True)
            (tmp_path / "apps").mkdir(exist_ok=True)
            path = tmp_path / "conf/cfg.json"
            path.write_text(json.dumps({"ip": HOST, "port": free_port(), **config}))
            return run_agent("--check-config", "--config", path)
        return run

    def test_good(self, check):
        ended = check()
        assert ended.returncode == 0 and "good" in ended.stdout, ended

    def test_a_port_that_another_program_has(self, check):
        with socket.create_server((HOST, 0)) as taken:
            ended = check(port=taken.getsockname()[1])
        assert ended.returncode == CANNOT_BIND and f"(pid {os.getpid()})" in ended.stderr, ended

    @pytest.mark.parametrize("config, word", [
        ({"statedir": "/dev/null/var"}, "statedir"),
        ({"log": {"file": "/no/such/folder/a.log"}}, "log.file"),
    ])
    def test_files_that_cannot_be_used(self, check, config, word):
        ended = check(**config)
        assert ended.returncode == CONFIGURATION and word in ended.stderr, ended
