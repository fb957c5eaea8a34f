"""Configuration files that are not what they should be: at the start, and at SIGHUP. Guards never fall open."""
import json
import signal

import pytest
from harness.answers import code_of, error_of
from harness.elves_agent import HOST, until
from harness.jobs import send_sync
from harness.scheduler import Scheduler, run_program
from harness.util import wait_for
from thrift.transport import TTransport

CONFIGURATION = 78


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("content, word", [
    ("mq.ip=10.9.9.9\r\n".encode("utf-16"), "UTF-16"),
    ("agent.allow=10.0.0.0/8\n".encode("utf-16-le"), "UTF-16"),
    (b"", "no setting of elves-scheduler"),
    (b"[Service]\nExecStart=/bin/true\n", "no setting of elves-scheduler"),
    (b"mq.ip=a,b\n", "one host name or one IP address"),
    (b"mq.ip=broker:5672\n", "mq.port"),
    (b"zookeeper.host=nohost:abc\n", "ports from 1 to 65535"),
    (b"agent.alow=10.0.0.0/8\n", "agent.allow"),
])
def test_what_is_not_understood_is_no_default(tmp_path, content, word):
    path = tmp_path / "conf.properties"
    path.write_bytes(content)
    ended = run_program("--check-config", "--config", path)
    assert ended.returncode == CONFIGURATION and word in ended.stdout, ended


class TestSchedulerReload:
    @pytest.fixture(scope="class")
    def site(self, make_site, broker):
        return make_site(broker=broker, settings={"agent.allow": "10.0.0.0/8"}).start()

    @pytest.fixture
    def reload(self, site):
        """Puts `text` in place of the file, sends SIGHUP and waits for `word` in what is logged for it."""
        def act(text, word):
            before = len(site.scheduler.log())
            site.scheduler.config_file.write_bytes(text if isinstance(text, bytes) else text.encode())
            site.scheduler.signal(signal.SIGHUP)
            wait_for(lambda: word in site.scheduler.log()[before:], 10, word)
            return site.scheduler.log()[before:]

        yield act
        site.scheduler.write_config()
        act(site.scheduler.config_file.read_text(), "read again")

    @pytest.mark.parametrize("cut, word", [
        (lambda text: "", "no setting of elves-scheduler"),
        (lambda text: text[:text.index("agent.allow")], "agent.allow is no longer in the file"),
        (lambda text: text[:text.index("10.0.0.0/8")], "was it cut short"),
        (lambda text: text.replace("agent.allow", "agent.allows"), "agent.allow is meant"),
        (lambda text: text.encode("utf-16"), "UTF-16"),
        (lambda text: text + "agent.allow = 0.0.0.0/0\n", "given before"),
    ], ids=["emptied", "without the line", "cut in it", "misspelt", "UTF-16", "twice"])
    def test_a_guard_stays(self, site, peer, reload, cut, word):
        whole = site.scheduler.config_file.read_text()
        told = reload(cut(whole), word)
        assert " error " in next(line for line in told.splitlines() if word in line)
        assert code_of(error_of(peer.call(send_sync()))) == "403.1"

    def test_a_value_lifts_it(self, site, peer, reload):
        whole = site.scheduler.config_file.read_text()
        reload(whole.replace("10.0.0.0/8", ""), "read again")
        assert peer.call(send_sync(param="in")).json["data"]["worker_message"] == "in"

    def test_warnings_of_the_file_and_what_needs_a_restart_are_told(self, site, reload):
        whole = site.scheduler.config_file.read_text()
        told = reload(whole + "job.gracee = 3\nmq.prefetch = 7\n", "read again")
        assert "the nearest known one is job.grace" in told
        assert "mq.prefetch is '7' in the file: it stays '20000' until a restart" in told


@pytest.mark.parametrize("content", [b"", "sesame".encode("utf-16"), b"one\ntwo\n"], ids=["empty", "UTF-16", "two lines"])
def test_a_token_whose_file_is_spoilt_stays(tmp_path, program, content):
    secret = tmp_path / "token"
    secret.write_text("sesame\n")
    secret.chmod(0o600)
    scheduler = Scheduler(tmp_path, {"admin.token.file": secret, "agent.allow": "10.0.0.0/8"}, ["--standalone"]).start()
    secret.write_bytes(content)
    scheduler.write_config(agent_allow="")
    scheduler.signal(signal.SIGHUP)
    wait_for(lambda: "was not taken over" in scheduler.log(), 10, "the refusal")
    job = {"ip": "127.0.0.1", "app": "a", "func": "f", "type": "queue"}
    assert scheduler.http("POST", "/api/v1/jobs", job).status == 401
    answer = scheduler.http("POST", "/api/v1/jobs", job, {"Authorization": "Bearer sesame"})
    assert (answer.status, answer.json["code"]) == (400, "403.1")
    scheduler.stop()


class TestAgentReload:
    def reload(self, agent, config, word):
        before = len(agent.log_text())
        (agent.root / "conf/cfg.json").write_bytes(config if isinstance(config, bytes) else json.dumps(config).encode())
        agent.process.send_signal(signal.SIGHUP)
        until(lambda: word in agent.log_text()[before:], word)
        return agent.log_text()[before:]

    @staticmethod
    def is_served(agent):
        try:
            agent.run("hello", "x")
        except (TTransport.TTransportException, ConnectionError):
            return False
        return True

    def test_authips_are_taken_and_never_lost(self, start_agent):
        agent = start_agent(authips=[HOST])
        file = agent.root / "conf/cfg.json"
        config = json.loads(file.read_text())
        assert self.is_served(agent)
        self.reload(agent, {**config, "authips": ["10.0.0.0/8"]}, "read again")
        assert not self.is_served(agent)
        whole = file.read_text()
        without = {key: value for key, value in config.items() if key != "authips"}
        for text, word in ((b"", "JSON"), (whole.encode("utf-16"), "UTF-16"), (without, "authips is no longer in the file"),
                           ({**without, "authip": []}, "authips is meant")):
            self.reload(agent, text, word)
            assert not self.is_served(agent), word
        self.reload(agent, {**config, "authips": []}, "read again")
        assert self.is_served(agent)

    def test_what_needs_a_restart_is_told(self, start_agent):
        agent = start_agent()
        config = json.loads((agent.root / "conf/cfg.json").read_text())
        told = self.reload(agent, {**config, "draintimeout": 7, "prot": 1}, "read again")
        assert "draintimeout is 7 in the file: it stays not given until a restart" in told
        assert "prot: unknown key" in told
