"""Agents over TLS: the scheduler's port for results, and its calls. The peers are Python's ssl and Thrift."""
import signal
import socket
import ssl

import pytest
from harness.certificates import Certificate, client_context, outdated
from harness.jobs import new_id, send_async, send_sync
from harness.thrift_peers import ForeignAgent, SchedulerClient, instruct, result_of, send_result
from harness.util import free_port, wait_for

TLS_AGENT, PLAIN_AGENT, IMPOSTOR = "127.0.0.1", "127.0.0.2", "127.0.0.31"


def settings(certificates, **more):
    keys = {key.replace("_", "."): value for key, value in more.items()}
    return {"thrift.tls.port": free_port(), "thrift.tls.ca": certificates.ca,
            "thrift.tls.cert": certificates.local.cert, "thrift.tls.key": certificates.local.key,
            "thrift.tls.handshakeTime": 500, **keys}


@pytest.fixture(scope="module")
def site(make_site, broker, certificates):
    return make_site(broker=broker, agents=[PLAIN_AGENT], settings=settings(
        certificates, thrift_tls_agents="prefer", thrift_tls_agentPort=free_port())).start()


@pytest.fixture
def start(make_site, certificates):
    """Starts a standalone scheduler without agents."""
    def start_one(**more):
        return make_site(agents=[], settings=settings(certificates, **more)).start().scheduler
    return start_one


@pytest.fixture
def listen():
    """Starts a foreign agent that ends with the test."""
    agents = []

    def listen_at(address, port, tls=None):
        agents.append(ForeignAgent(address, port, tls))
        return agents[-1]

    yield listen_at
    for agent in agents:
        agent.close()


def tls_port(scheduler):
    return scheduler.settings["thrift.tls.port"]


def thrift_tls(certificates, client=None):
    shown = {"certfile": str(client.cert), "keyfile": str(client.key)} if client else {}
    return {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": str(certificates.ca), **shown}


def greet(port, context):
    """A handshake, and a look whether the server lets it be."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        with context.wrap_socket(connection, server_hostname="127.0.0.1") as secured:
            secured.settimeout(0.5)
            try:
                assert secured.recv(1) != b"", "closed"
            except TimeoutError:
                return secured.version()


def refused(scheduler, text):
    wait_for(lambda: text in scheduler.log(), 10, f"'{text}' in the log")


def test_results_come_over_both_ports(site, peer, certificates):
    for tls in (None, thrift_tls(certificates)):
        job = send_async(func="hold", ip=PLAIN_AGENT, param=new_id(), timeout=20)
        peer.call(job)
        site.farm.wait_call(param=job["param"])
        ins = instruct(id=f"{job['id']}:{job['rand_id']}", param="x" * 300_000)
        port = tls_port(site.scheduler) if tls else site.scheduler.port
        assert send_result(port, result_of(ins, result="y" * 300_000), framed=bool(tls), tls=tls) == "success"
        assert peer.wait_message("cron").json["data"]["worker_message"] == "y" * 300_000


def test_tls_1_2_and_1_3_are_spoken(site):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client_context()
        context.minimum_version = context.maximum_version = version
        assert greet(tls_port(site.scheduler), context) == version.name.replace("_", ".")


@pytest.mark.parametrize("sent", [b"\x80\x01\x00\x01" + b"x" * 100, b"\x00\x00\x00\x10" + b"x" * 100,
                                  b"GET / HTTP/1.1\r\n\r\n", bytes(200)])
def test_what_is_not_tls_is_refused_on_the_tls_port(start, certificates, sent):
    scheduler = start()
    with socket.create_connection(("127.0.0.1", tls_port(scheduler)), timeout=10) as connection:
        connection.sendall(sent)
        try:
            while connection.recv(100):
                pass
        except ConnectionError:
            pass
    refused(scheduler, "127.0.0.1: no TLS connection: what it sends is not TLS")
    assert scheduler.metric("elves_tls_refused_total") == 1
    with SchedulerClient(tls_port(scheduler), tls=thrift_tls(certificates)) as client:
        assert client.data_transport(result_of(instruct(id=new_id()))) == "success"


def test_old_tls_is_refused(start):
    scheduler = start()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        greet(tls_port(scheduler), outdated(client_context()))
    refused(scheduler, "127.0.0.1: no TLS connection: it speaks no TLS version from 1.2 on")


def test_tls_on_the_plain_port_is_named(site):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        greet(site.scheduler.port, client_context())
    refused(site.scheduler, "closed, not a Thrift call: a TLS handshake; this port speaks plain Thrift")


def test_a_silent_peer_is_closed_and_told_of_once_a_minute(start):
    scheduler = start()
    peers = [socket.create_connection(("127.0.0.1", tls_port(scheduler)), timeout=10) for _ in range(3)]
    assert [peer.recv(1) for peer in peers] == [b""] * 3
    for peer in peers:
        peer.close()
    wait_for(lambda: scheduler.metric("elves_tls_refused_total") == 3, 10, "all to be counted")
    assert scheduler.log().count("127.0.0.1: no TLS connection: no handshake within 500 ms") == 1


def test_clients_without_a_good_certificate_are_refused(start, certificates):
    good = certificates.client
    for client, why in ((None, "it shows no certificate"),
                        (certificates.foreign, "its certificate is refused: it is of an unknown authority"),
                        (certificates.expired, "its certificate is refused: certificate has expired")):
        scheduler = start(thrift_tls_clientCert="required")
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            greet(tls_port(scheduler), client_context(certificates.ca, client))
        refused(scheduler, "127.0.0.1: no TLS connection: " + why)
        assert send_result(tls_port(scheduler), result_of(instruct(id=new_id())),
                           tls=thrift_tls(certificates, good)) == "success"


def test_without_a_plain_port_results_come_over_tls_only(start, certificates):
    scheduler = start(thrift_plain="false")
    assert socket.socket().connect_ex(("127.0.0.1", scheduler.port)) != 0
    assert send_result(tls_port(scheduler), result_of(instruct(id=new_id())),
                       tls=thrift_tls(certificates)) == "success"


def test_certificates_are_renewed_by_sighup(start, certificates, tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def install(certificate):
        cert.write_bytes(certificate.cert.read_bytes())
        key.write_bytes(certificate.key.read_bytes())

    install(certificates.expired)
    scheduler = start(thrift_tls_cert=cert, thrift_tls_key=key)
    assert f"{cert}: the certificate has expired" in scheduler.log()
    with pytest.raises(ssl.SSLCertVerificationError):
        greet(tls_port(scheduler), client_context(certificates.ca))
    install(Certificate(certificates.local.cert, certificates.client.key, None))
    scheduler.signal(signal.SIGHUP)
    refused(scheduler, f"{key} is the key of another certificate; the certificate before is still used")
    install(certificates.local)
    scheduler.signal(signal.SIGHUP)

    def renewed():
        try:
            return greet(tls_port(scheduler), client_context(certificates.ca))
        except ssl.SSLCertVerificationError:
            return None

    wait_for(renewed, 10, "the new certificate")


def test_a_fleet_half_tls_half_plain(site, peer, certificates, listen):
    secured = listen(TLS_AGENT, site.scheduler.settings["thrift.tls.agentPort"], certificates.local.server())
    for _ in range(3):
        for ip in (TLS_AGENT, PLAIN_AGENT):
            assert peer.call(send_sync(ip, param=f"to {ip}")).json["data"]["worker_message"] == f"to {ip}"
    assert [ins.param for ins in secured.handler.instructions] == [f"to {TLS_AGENT}"] * 3
    assert site.scheduler.log().count(f"agent {PLAIN_AGENT}: nobody listens on its TLS port") == 1
    assert site.scheduler.metric("elves_agent_plain_connections_total") >= 1


@pytest.mark.parametrize(("kind", "why"), [
    ("foreign", "its certificate is refused: it is of an unknown authority"),
    ("expired", "its certificate is refused: certificate has expired"),
    ("elsewhere", "its certificate is refused: it is made for another name or address"),
    ("old", "it speaks no TLS version from 1.2 on"),
    ("plain", "what it sends is not TLS"),
])
def test_an_agent_that_is_not_who_it_should_be_gets_no_job(site, peer, certificates, listen, kind, why):
    port, agent = site.scheduler.settings["thrift.tls.agentPort"], None
    if kind == "plain":
        agent = socket.create_server((IMPOSTOR, port))
        agent.listen()
    else:
        context = getattr(certificates, "local" if kind == "old" else kind).server()
        listen(IMPOSTOR, port, outdated(context) if kind == "old" else context)
    job = send_sync(IMPOSTOR)
    peer.publish(job, reply_to=peer.reply_queue, correlation_id=job["id"])
    if agent:
        connection, _ = agent.accept()
        connection.sendall(b"\x80\x01\x00\x02" + bytes(60))
    data = peer.wait_reply(job["id"]).json["data"]
    if agent:
        connection.close()
        agent.close()
    assert data["error"].startswith("[410.0]Send Job To Agent Fail"), data
    assert "no TLS connection: " + why in data["error"]
    assert f"{IMPOSTOR}: no TLS connection: " in site.scheduler.log()


def test_an_agent_that_wants_a_certificate(start, certificates, listen):
    port = free_port()
    for shown, flag in ((certificates.local, 1), (None, 0)):
        own = {} if shown else {"thrift_tls_cert": None, "thrift_tls_key": None, "thrift_tls_port": 0}
        scheduler = start(thrift_tls_agents="require", thrift_tls_agentPort=port, **own)
        agent = listen(TLS_AGENT, port, certificates.local.server(ssl.CERT_REQUIRED)) if shown else agent
        answer = scheduler.http("POST", "/api/v1/jobs?wait=true", {
            "ip": TLS_AGENT, "app": "apptest", "func": "echo", "param": "x"}).json
        assert answer["result_flag"] == flag, answer
        if not flag:
            # Nothing was run, and that is known unless the agent's reset overtakes what it says.
            assert answer["error"].startswith("[410.0]") or "reset" in answer["error"], answer
    assert len(agent.handler.instructions) == 1


def test_require_never_falls_back(start):
    scheduler = start(thrift_tls_agents="require", thrift_tls_agentPort=free_port())
    agent = ForeignAgent(PLAIN_AGENT, scheduler.agent_port)
    answer = scheduler.http("POST", "/api/v1/jobs?wait=true",
                            {"ip": PLAIN_AGENT, "app": "apptest", "func": "echo"}).json
    agent.close()
    assert answer["error"].startswith("[410.0]Send Job To Agent Fail"), answer
    assert not agent.handler.instructions


@pytest.mark.parametrize(("change", "why"), [
    ({"thrift_tls_key": "/nonexistent.key"}, "/nonexistent.key cannot be read: No such file or directory"),
    ({"thrift_tls_key": "encrypted"}, "is encrypted: only a key without pass phrase can be used"),
    ({"thrift_tls_key": "client"}, "is the key of another certificate"),
    ({"thrift_tls_cert": "key"}, "holds no certificate in PEM form"),
    ({"thrift_tls_ca": "key"}, "holds no certificate of an authority in PEM form"),
])
def test_files_that_cannot_be_used_are_named_at_the_start(make_site, certificates, change, why):
    files = {"encrypted": certificates.encrypted_key, "client": certificates.client.key, "key": certificates.local.key}
    change = {key: files.get(value, value) for key, value in change.items()}
    scheduler = make_site(agents=[], settings=settings(certificates, **change)).scheduler
    with pytest.raises(AssertionError, match="ended with 78"):
        scheduler.start()
    assert "thrift.tls.*: " in scheduler.log() and why in scheduler.log(), scheduler.log()
    assert str(next(iter(change.values()))) in scheduler.log()
