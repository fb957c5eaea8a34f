"""elves-scheduler as a program: arguments, exit codes, signals, log, secrets."""
import json
import re
import signal
import socket

import pytest
from harness.answers import error_of
from harness.jobs import new_id, send_sync, sync_job
from harness.rabbit import PASSWORD
from harness.scheduler import Scheduler, broker_settings, properties, run_program
from harness.util import free_port, wait_for

USAGE, CANNOT_BIND, CONFIGURATION = 64, 69, 78


@pytest.fixture(scope="module")
def site(make_site, broker):
    return make_site(broker=broker, settings={"log.level": "info"}).start()


def config_file(folder, **settings):
    path = folder / "conf.properties"
    path.write_text(properties({key.replace("_", "."): value for key, value in settings.items()}))
    return path


@pytest.mark.usefixtures("program")
class TestArguments:
    def test_version(self):
        ended = run_program("--version")
        assert ended.returncode == 0 and re.search(r"\b\d+\.\d+\.\d+\b", ended.stdout), ended

    def test_help(self):
        ended = run_program("--help")
        assert ended.returncode == 0
        for word in ("--config", "--standalone", "--check-config", "--version"):
            assert word in ended.stdout

    @pytest.mark.parametrize("arguments", [["--nonsense"], ["--config"], ["surplus"], []])
    def test_wrong_usage(self, arguments):
        ended = run_program(*arguments)
        assert ended.returncode == USAGE and ended.stdout, ended

    def test_check_config_of_a_good_file(self, tmp_path):
        ended = run_program("--check-config", "--config", config_file(tmp_path, mq_ip="127.0.0.1"))
        assert ended.returncode == 0, ended

    def test_check_config_of_the_references_file(self, tmp_path):
        path = tmp_path / "conf.properties"
        path.write_text("#zookeeper config\nzookeeper.host=192.168.6.117\nzookeeper.outTime=10000\n"
                        "zookeeper.root = /elves\n\n#mq config\nmq.ip=192.168.6.117\nmq.port=5672\nmq.user=root\n"
                        "mq.password=root\n")
        ended = run_program("--check-config", "--config", path)
        assert ended.returncode == 0, ended

    @pytest.mark.parametrize("start", [True, False])
    def test_all_faults_are_told_at_once(self, tmp_path, start):
        path = config_file(tmp_path, mq_port="abc", thrift_agent_port=70000, job_grace="-1", log_level="loud")
        ended = run_program(*([] if start else ["--check-config"]), "--config", path)
        assert ended.returncode == CONFIGURATION, ended
        for number, key in enumerate(("mq.port", "thrift.agent.port", "job.grace", "log.level"), 1):
            assert re.search(rf"conf\.properties:{number}: {key}", ended.stdout), (key, ended.stdout)

    def test_an_unknown_key_is_a_warning_that_names_the_nearest(self, tmp_path):
        ended = run_program("--check-config", "--config", config_file(tmp_path, mq_pasword="sesame-open"))
        assert ended.returncode == 0 and "mq.pasword" in ended.stdout and "mq.password" in ended.stdout, ended
        assert "sesame-open" not in ended.stdout

    def test_a_file_that_is_not_there(self, tmp_path):
        ended = run_program("--config", tmp_path / "none.properties")
        assert ended.returncode == CONFIGURATION and "none.properties" in ended.stdout, ended

    @pytest.mark.parametrize("key", ["thrift.scheduler.port", "admin.listen"])
    def test_a_port_that_is_taken(self, tmp_path, key):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            settings = {"thrift.scheduler.host": "127.0.0.1", "thrift.scheduler.port": free_port(),
                        "admin.listen": f"127.0.0.1:{free_port()}",
                        key: f"127.0.0.1:{port}" if key == "admin.listen" else port}
            path = tmp_path / "conf.properties"
            path.write_text(properties(settings))
            ended = run_program("--standalone", "--config", path)
        assert ended.returncode == CANNOT_BIND and str(port) in ended.stdout, ended


class TestSignals:
    def test_sigterm_finishes_what_was_taken_and_takes_no_more(self, make_site, broker):
        site = make_site(broker=broker).start()
        peer = site.peer()
        app = "app" + new_id()
        for number, make in enumerate((send_sync, sync_job) * 5):
            peer.publish(make(app=app, func="sleep", param="1.5"), reply_to=peer.reply_queue,
                         correlation_id=str(number))
        site.farm.wait_call(10, app=app)
        site.scheduler.signal(signal.SIGTERM)
        wait_for(lambda: peer.queue_state("scheduler")[1] == 0, 10, "consuming to stop")
        peer.publish(send_sync(app=app, param="too late"))
        for reply in peer.collect(peer.reply_queue, 10):
            assert "slept" in reply.body.decode() and error_of(reply) == ""
        site.scheduler.wait_end(15)
        assert peer.queue_state("scheduler")[0] == 1
        assert len(site.farm.calls(app=app)) == 10

    def test_what_outlasts_the_drain_is_told(self, make_site, broker):
        site = make_site(broker=broker, settings={"drain.timeout": 1}).start()
        peer = site.peer()
        app = "app" + new_id()
        peer.publish(send_sync(app=app, func="sleep", param="60", timeout=90), reply_to=peer.reply_queue,
                     correlation_id="long")
        site.farm.wait_call(1, app=app)
        site.scheduler.signal(signal.SIGTERM)
        assert error_of(peer.wait_reply("long")).startswith("[410.3]Job Outcome Unknown")
        site.scheduler.wait_end(15)
        assert peer.queue_state("scheduler") == (0, 0)

    def test_sigint_ends_it_as_well(self, tmp_path, program):
        scheduler = Scheduler(tmp_path, arguments=["--standalone"]).start()
        scheduler.signal(signal.SIGINT)
        scheduler.wait_end(15)

    def test_sigterm_without_a_broker(self, tmp_path, program, broker):
        nobody = free_port()
        scheduler = Scheduler(tmp_path, broker_settings(broker, "none", nobody)).start(until="alive")
        scheduler.stop(15)

    def test_sighup_reads_the_log_level_again(self, site):
        peer = site.peer()

        def log_id_of_a_job():
            return peer.call(send_sync(param="a-param-that-is-not-to-be-logged")).json["data"]["log_id"]
        silent = log_id_of_a_job()
        site.scheduler.write_config(log_level="debug")
        site.scheduler.signal(signal.SIGHUP)
        ids = []

        def logged():
            ids.append(log_id_of_a_job())
            return any(one in site.scheduler.log() for one in ids)
        wait_for(logged, 10, "a job's id in the log")
        assert silent not in site.scheduler.log()
        site.scheduler.write_config(log_level="info")
        site.scheduler.signal(signal.SIGHUP)

    def test_sighup_with_a_broken_file_changes_nothing(self, site):
        peer = site.peer()
        site.scheduler.write_config(log_level="loud")
        site.scheduler.signal(signal.SIGHUP)
        wait_for(lambda: "log.level" in site.scheduler.log(), 10, "the fault to be told")
        assert peer.call(send_sync(param="fine")).json["data"]["worker_message"] == "fine"
        site.scheduler.write_config(log_level="info")

    def test_another_port_in_the_file_is_no_reason_to_stop(self, site):
        peer = site.peer()
        port = site.scheduler.settings["thrift.scheduler.port"]
        site.scheduler.write_config(thrift_scheduler_port=free_port())
        site.scheduler.signal(signal.SIGHUP)
        for _ in range(20):
            assert peer.call(send_sync(param="fine")).json["data"]["worker_message"] == "fine"
        site.scheduler.write_config(thrift_scheduler_port=port)


class TestSecrets:
    def test_the_password_is_never_in_the_log(self, make_site, broker):
        site = make_site(broker=broker, settings={"log.level": "trace"}).start()
        peer = site.peer()
        peer.call(send_sync())
        peer.publish(b"bad", routing_key="a.scheduler")
        peer.dead_letter()
        broker.close_all_connections(site.vhost)
        wait_for(lambda: site.scheduler.metric("elves_broker_losses_total") >= 2, 10, "the loss to be noticed")
        wait_for(lambda: site.scheduler.health() == 200, 40, "the broker to be back")
        site.scheduler.signal(signal.SIGHUP)
        assert PASSWORD not in site.scheduler.http("GET", "/metrics").text
        site.scheduler.stop()
        assert PASSWORD not in site.scheduler.log()

    def test_a_wrong_password_is_no_secret_less(self, tmp_path, broker, program):
        settings = {**broker_settings(broker, "test-0"), "mq.password": "wr0ng-pa55word", "log.level": "trace"}
        scheduler = Scheduler(tmp_path, settings).start(until="alive")
        wait_for(lambda: re.search("refused|ACCESS_REFUSED|denied|login", scheduler.log(), re.IGNORECASE), 10,
                 "the refusal to be told")
        assert scheduler.health() == 503
        scheduler.stop()
        assert "wr0ng-pa55word" not in scheduler.log()

    def test_the_password_may_come_from_a_file_or_the_environment(self, tmp_path, broker, program):
        secret = tmp_path / "secret"
        secret.write_text(PASSWORD + "\n")
        secret.chmod(0o600)
        vhost = broker.new_vhost()
        base = {**broker_settings(broker, vhost), "mq.password": None}
        Scheduler(tmp_path, {**base, "mq.password.file": secret}).start().stop()
        Scheduler(tmp_path, base, variables={"ELVES_MQ_PASSWORD": PASSWORD}).start().stop()


class TestLog:
    def test_json_lines_in_a_file(self, tmp_path, make_site, broker):
        path = tmp_path / "elves.log"
        site = make_site(broker=broker, settings={"log.format": "json", "log.file": path, "log.level": "debug"}).start()
        text = "a-param-with \"quotes\"\nand a line end"
        log_id = site.peer().call(send_sync(param=text)).json["data"]["log_id"]
        site.scheduler.stop()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert len(lines) > 2 and all(isinstance(line, dict) for line in lines)
        assert any(log_id in json.dumps(line) for line in lines)

    def test_at_info_jobs_are_silent_and_params_never_told(self, make_site, broker):
        site = make_site(broker=broker, settings={"log.level": "info"}).start()
        peer = site.peer()
        param = "secret of the job " + new_id()
        lines = len(site.scheduler.log().splitlines())
        for _ in range(50):
            peer.call(send_sync(param=param))
        peer.call(send_sync(ip="127.0.0.200", param=param))
        assert len(site.scheduler.log().splitlines()) <= lines + 5
        site.scheduler.stop()
        assert param not in site.scheduler.log()

    def test_a_broker_that_is_away_is_told_once(self, tmp_path, program, broker):
        scheduler = Scheduler(tmp_path, {**broker_settings(broker, "none", free_port()), "log.level": "info"})
        scheduler.start(until="alive")
        wait_for(lambda: scheduler.health() == 503, 10, "the loss")
        attempts = []
        wait_for(lambda: attempts.append(scheduler.health()) or len(attempts) > 150, 10, "some time to pass")
        scheduler.stop()
        told = [line for line in scheduler.log().splitlines() if re.match(r"\d{4}-.* (warn|error)", line)]
        assert len(told) <= 2, told
