"""elves-agent over TLS: its second port, results to a scheduler over TLS, and a real scheduler at the other end."""
import json
import signal
import socket
import ssl

import pytest
from harness import elves_agent
from harness.certificates import client_context, outdated
from harness.elves_agent import HOST, until
from harness.scheduler import Scheduler
from harness.util import core_limit, free_port
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport import TSSLSocket, TTransport


def tls(certificates, **more):
    return {"port": free_port(), "ca": str(certificates.ca), "cert": str(certificates.local.cert),
            "key": str(certificates.local.key), **more}


def port_of(agent):
    return json.loads((agent.root / "conf/cfg.json").read_text())["tls"]["port"]


def hello(agent, certificates, client=None):
    """Calls over TLS with Thrift's own socket."""
    shown = {"certfile": str(client.cert), "keyfile": str(client.key)} if client else {}
    transport = TTransport.TBufferedTransport(TSSLSocket.TSSLSocket(
        HOST, port_of(agent), cert_reqs=ssl.CERT_REQUIRED, ca_certs=str(certificates.ca), **shown))
    transport.open()
    try:
        client = agent.idl["AgentService"].Client(TBinaryProtocol(transport))
        return client.instructionInvokeSync(agent.instruct("hello", "tls")).result
    finally:
        transport.close()


def test_both_ports_are_served_side_by_side(start_agent, certificates):
    agent = start_agent(tls=tls(certificates))
    assert f"listens on {HOST}:{agent.port} and {HOST}:{port_of(agent)} (TLS)" in agent.log_text()
    assert hello(agent, certificates) == "hello tls"
    assert agent.run("hello", "plain").result == "hello plain"


def test_what_is_not_good_tls_is_refused(start_agent, certificates):
    agent = start_agent(tls=tls(certificates, clientcert="required"))
    with pytest.raises((TTransport.TTransportException, OSError)):
        hello(agent, certificates, certificates.foreign)
    until(lambda: f"{HOST}: no TLS connection: its certificate is refused" in agent.log_text(), "the refusal")
    with socket.create_connection((HOST, port_of(agent)), timeout=10) as plain:
        plain.sendall(b"\x80\x01\x00\x01" + bytes(100))
        while plain.recv(100):
            pass
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with socket.create_connection((HOST, port_of(agent)), timeout=10) as old:
            outdated(client_context()).wrap_socket(old)
    assert hello(agent, certificates, certificates.client) == "hello tls"


def test_the_key_does_not_get_into_a_core_dump(start_agent, certificates):
    without = start_agent()
    agent = start_agent(tls=tls(certificates))
    assert core_limit(agent.process) == ["0", "0"]
    assert core_limit(without.process) == core_limit("self")
    assert agent.run("hello", "plain").result == "hello plain"


@pytest.mark.parametrize(("section", "why"), [
    ({"key": "/nonexistent.key"}, "tls: /nonexistent.key cannot be read: No such file or directory"),
    ({"key": "encrypted"}, "is encrypted: only a key without pass phrase can be used"),
    ({"cert": "", "key": ""}, "tls.port: needs tls.cert and tls.key"),
    ({"clientcert": "maybe"}, "tls.clientcert: 'maybe' is none of none, optional, required"),
    ({"port": 0, "plain": False}, "tls.plain: false needs tls.port"),
])
def test_mistakes_are_named_at_the_start(tmp_path, certificates, section, why):
    section = {key: str(certificates.encrypted_key) if value == "encrypted" else value
               for key, value in section.items()}
    config = elves_agent.install(tmp_path, tls=tls(certificates, **section))
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/cfg.json").write_text(json.dumps(config))
    for arguments in (("--check-config",), ()):
        ended = elves_agent.run_agent("--config", tmp_path / "conf/cfg.json", *arguments)
        assert ended.returncode == 78 and why in ended.stderr, ended


def test_sighup_renews_and_ends_nothing(start_agent, certificates, tmp_path):
    cert = tmp_path / "own.pem"
    cert.write_bytes(certificates.expired.cert.read_bytes() + certificates.expired.key.read_bytes())
    agent = start_agent(tls=tls(certificates, cert=str(cert), key=None))
    assert "the certificate has expired" in agent.log_text()
    with pytest.raises((TTransport.TTransportException, OSError)):
        hello(agent, certificates)
    cert.write_bytes(certificates.local.cert.read_bytes() + certificates.local.key.read_bytes())
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: "read again; in force are" in agent.log_text(), "the certificate to be renewed")
    assert hello(agent, certificates) == "hello tls"


@pytest.mark.parametrize("client_cert", ["none", "required"])
def test_a_scheduler_and_an_agent_without_any_plain_port(start_agent, certificates, tmp_path, client_cert):
    results, calls = free_port(), free_port()
    scheduler = Scheduler(tmp_path, {
        "thrift.plain": "false", "thrift.tls.port": results, "thrift.tls.ca": certificates.ca,
        "thrift.tls.cert": certificates.local.cert, "thrift.tls.key": certificates.local.key,
        "thrift.tls.clientCert": client_cert, "thrift.tls.agents": "require", "thrift.tls.agentPort": calls},
        ("--standalone",)).start()
    agent = start_agent(port=calls, scheduler={"addr": "localhost", "port": results},
                        tls=tls(certificates, port=calls, plain=False, scheduler=True, clientcert=client_cert))
    assert f"results go to the scheduler localhost:{results} over TLS" in agent.log_text()
    job = {"ip": HOST, "app": "apptest", "func": "hello", "param": "all TLS"}
    assert scheduler.http("POST", "/api/v1/jobs?wait=true", job).json["worker_message"] == "hello all TLS"
    ended = scheduler.http("POST", "/api/v1/jobs?wait=true", {**job, "type": "queue"}, timeout=30).json
    assert (ended["worker_message"], ended["result_flag"]) == ("hello all TLS", 1)
    scheduler.stop()


@pytest.mark.parametrize(("shown", "why"), [
    ("foreign", "its certificate is refused: it is of an unknown authority"),
    ("expired", "its certificate is refused: certificate has expired"),
    ("elsewhere", "it is made for another name or address"),
])
def test_results_are_not_given_to_just_anybody(start_agent, certificates, tmp_path, shown, why):
    own = getattr(certificates, shown)
    results = free_port()
    scheduler = Scheduler(tmp_path, {"thrift.tls.port": results, "thrift.tls.cert": own.cert,
                                     "thrift.tls.key": own.key}, ("--standalone",)).start()
    agent = start_agent(scheduler={"addr": HOST, "port": results}, tls=tls(certificates, scheduler=True))
    agent.submit(agent.instruct("hello", id="1:1", type="queue"))
    until(lambda: f"cannot report to the scheduler {HOST}:{results}: no TLS connection: " in agent.log_text(),
          "the refusal")
    assert why in agent.log_text()
    until(lambda: f"{HOST}: no TLS connection: it refuses this side" in scheduler.log(), "the scheduler to say so too")
    scheduler.stop()
