"""The broker over TLS: a real RabbitMQ, and servers that nobody should believe."""
import socket
import ssl
import subprocess
import threading

import pytest
from harness.amqp import Peer
from harness.certificates import outdated
from harness.jobs import send_sync
from harness.rabbit import PASSWORD, USER
from harness.scheduler import BINARIES, environment
from harness.util import free_port, wait_for

AGENT = "127.0.0.2"


def settings(certificates, **more):
    return {"mq.tls.enabled": "true", "mq.tls.ca": certificates.ca,
            **{key.replace("_", "."): value for key, value in more.items()}}


@pytest.fixture
def make(make_site, tls_broker, certificates):
    def make_one(port=None, **more):
        return make_site(broker=tls_broker, agents=[AGENT], broker_port=port or tls_broker.tls_port,
                         settings=settings(certificates, **more))
    return make_one


class Impostor:
    """Listens, and does a handshake with whoever comes; without `context` it talks plain AMQP at once."""

    def __init__(self, context):
        self.port = free_port()
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                try:
                    if self._context is None:
                        connection.sendall(b"AMQP\x00\x00\x09\x01")
                    else:
                        self._context.wrap_socket(connection, server_side=True).recv(1)
                except OSError:
                    pass

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


def test_jobs_large_and_many_cross_over_tls(make, certificates):
    site = make(mq_tls_cert=certificates.client.cert, mq_tls_key=certificates.client.key).start()
    assert f"connected to the broker at 127.0.0.1:{site.broker.tls_port} over TLS" in site.scheduler.log()
    peer = site.peer()
    large = "x" * 3_000_000
    assert peer.call(send_sync(AGENT, param=large), timeout=60).json["data"]["worker_message"] == large
    jobs = [send_sync(AGENT, param=f"{number:05}" * 100) for number in range(500)]
    for job in jobs:
        peer.publish(job, reply_to=peer.reply_queue, correlation_id=job["id"])
    answers = {reply.correlation_id: reply.json["data"]["worker_message"]
               for reply in peer.collect(peer.reply_queue, len(jobs), 60)}
    assert answers == {job["id"]: job["param"] for job in jobs}
    site.broker.close_all_connections(site.vhost)
    again = Peer(site.broker, site.vhost, components=())
    wait_for(lambda: site.scheduler.log().count(" over TLS") >= 4, 30, "both connections to be back")
    assert again.call(send_sync(AGENT, param="again"), timeout=30).json["data"]["worker_message"] == "again"
    again.close()


@pytest.mark.parametrize(("change", "why"), [
    ({"mq_tls_ca": "other"}, "its certificate is refused: it is of an unknown authority"),
    ({"mq_tls_serverName": "elsewhere.example"}, "it is made for another name or address"),
    ({"port": "expired"}, "its certificate is refused: certificate has expired"),
    ({"port": "outdated"}, "it speaks no TLS version from 1.2 on"),
    ({"port": "plain"}, "what it sends is not TLS"),
])
def test_a_broker_that_is_not_who_it_should_be_is_refused(make, certificates, change, why):
    impostor = None
    if "port" in change:
        context = {"expired": certificates.expired.server, "plain": lambda: None,
                   "outdated": lambda: outdated(certificates.local.server())}[change["port"]]()
        impostor = Impostor(context)
        change = {"port": impostor.port}
    elif change.get("mq_tls_ca"):
        change = {"mq_tls_ca": certificates.other_ca}
    site = make(**change).start("alive")
    port = change.get("port", site.broker.tls_port)
    line = f"consumer: no TLS connection to the broker at 127.0.0.1:{port}: "
    wait_for(lambda: line in site.scheduler.log(), 20, line)
    assert why in site.scheduler.log(), site.scheduler.log()
    assert site.scheduler.metric("elves_tls_refused_total") >= 1
    assert site.scheduler.health() == 503
    if impostor:
        impostor.close()


def test_the_name_looked_for_may_be_given(make, certificates):
    make(mq_tls_serverName="localhost").start()
    site = make(mq_tls_verify="false", mq_tls_ca=certificates.other_ca, mq_tls_serverName="nobody").start()
    assert "mq.tls.verify: false: anybody on the way can pretend to be the broker" in site.scheduler.log()


def test_key_trouble_is_told_at_the_start(make, certificates):
    scheduler = make(mq_tls_cert=certificates.client.cert, mq_tls_key=certificates.local.key).scheduler
    with pytest.raises(AssertionError, match="ended with 78"):
        scheduler.start()
    assert f"mq.tls.*: {certificates.local.key} is the key of another certificate" in scheduler.log()


def elvesctl(envelope, *arguments, **variables):
    return subprocess.run([BINARIES / "elvesctl", "send", "-", *map(str, arguments)], env=environment(**variables),
                          input=envelope, capture_output=True, text=True, timeout=60, check=False)


def test_elvesctl_sends_over_amqps(make, tls_broker, certificates):
    site = make().start()
    url = f"amqps://{USER}:{PASSWORD}@127.0.0.1:{tls_broker.tls_port}/{site.vhost}"
    envelope = '{"mqkey": "openapi.scheduler.sendSync.1", "mqtype": "cast", "id": "1", "agent_ip": "%s", ' \
               '"mode": "sanp", "app": "apptest", "func": "echo", "param": "p", "timeout": 10}' % AGENT
    good = elvesctl(envelope, ELVES_AMQP=url, ELVES_CA=str(certificates.ca))
    assert good.returncode == 0 and '"worker_message":"p"' in good.stdout.replace(" ", ""), good
    assert elvesctl(envelope, "--insecure", ELVES_AMQP=url).returncode == 0
    bad = elvesctl(envelope, "--ca", certificates.other_ca, ELVES_AMQP=url)
    assert bad.returncode == 2 and "its certificate is refused: it is of an unknown authority" in bad.stderr, bad
    assert elvesctl(envelope, ELVES_AMQP=url, ELVES_CA="/nonexistent").returncode == 64
    assert PASSWORD not in good.stderr + bad.stderr


def test_a_foreign_client_shares_the_tls_port(make, tls_broker, certificates):
    """pika over TLS with a certificate of its own, and the scheduler over TLS: all ends are secured."""
    import pika
    site = make().start()
    context = ssl.create_default_context(cafile=certificates.ca)
    context.load_cert_chain(certificates.client.cert, certificates.client.key)

    class Secured:
        @staticmethod
        def connect(vhost):
            return pika.BlockingConnection(pika.ConnectionParameters(
                "127.0.0.1", tls_broker.tls_port, vhost, pika.PlainCredentials(USER, PASSWORD),
                ssl_options=pika.SSLOptions(context, "127.0.0.1")))

    peer = Peer(Secured, site.vhost, components=())
    assert peer.call(send_sync(AGENT, param="secured")).json["data"]["worker_message"] == "secured"
    peer.close()
