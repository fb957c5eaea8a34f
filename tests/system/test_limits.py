"""Every limit on what a peer controls, reached: what the peer sees, that it is counted, and that others are served."""
import contextlib
import json
import socket
import time

import pytest
from harness.answers import accepted, ended, error_of
from harness.jobs import async_job, new_id, send_sync, sync_job
from harness.scheduler import sanitized
from harness.sockets import connect, hung_up
from harness.thrift_peers import SchedulerClient, instruct, result_of, send_result
from harness.util import wait_for

OTHER = "127.0.0.2"  # an address of its own, while 127.0.0.1 is up to no good


def serves(site, peer):
    """Jobs of all kinds are answered, and results taken."""
    assert peer.call(send_sync(param="fine")).json["data"]["worker_message"] == "fine"
    job = async_job(param="fine")
    peer.publish(job)
    assert ended(peer, job)["result"]["worker_message"] == "fine"


@pytest.fixture
def limited(make_site, broker):
    """limited({key: value}) makes an installation with these settings, and a client of it."""
    def make(settings):
        site = make_site(broker=broker, settings=settings).start()
        return site, site.peer()
    return make


def expect(site, name, value=1):
    wait_for(lambda: site.scheduler.metric(name) >= value, 10, f"{name} to be {value}")


# The scheduler's Thrift port

@pytest.mark.parametrize(("settings", "name", "text"), [
    ({"thrift.maxConnections": 6}, "connections", "thrift.maxConnections (6)"),
    ({"thrift.maxConnectionsPerAddress": 6}, "address", "thrift.maxConnectionsPerAddress (6)")])
def test_connections_for_results(limited, settings, name, text):
    site, peer = limited(settings)
    serves(site, peer)  # the connection of an agent that was here before stays
    silent = [connect(site.scheduler.port) for _ in range(8)]
    expect(site, f"elves_thrift_refused_{name}_total")
    assert hung_up(silent.pop()) == b""
    assert f"127.0.0.1: connection closed, {text}" in site.scheduler.log()
    assert site.scheduler.metric("elves_thrift_connections") <= 7
    serves(site, peer)
    for connection in silent:
        connection.close()
    wait_for(lambda: site.scheduler.metric("elves_thrift_connections") == 1, 10, "room")
    connect(site.scheduler.port).close()


def test_who_never_calls(limited):
    site, peer = limited({"thrift.firstTimeout": 1})
    with SchedulerClient(site.scheduler.port) as resting:
        assert resting.data_transport(result_of(instruct(id=new_id(), type="queue"))) == "success"
        silent, half = connect(site.scheduler.port), connect(site.scheduler.port)
        half.sendall(b"\x80\x01\x00\x01\x00\x00")
        assert hung_up(silent) == hung_up(half) == b""
        expect(site, "elves_thrift_slow_total", 2)
        assert resting.data_transport(result_of(instruct(id=new_id(), type="queue"))) == "success"
    serves(site, peer)


def test_a_call_that_is_too_large_or_too_deep(limited):
    site, peer = limited({"thrift.maxMessage": 2048, "thrift.maxDepth": 4})
    for call in (b"\x80\x01\x00\x01\x00\x00\x00\x01x\x00\x00\x00\x01\x0b\x00\x01\x00\x01\x00\x00",
                 b"\x80\x01\x00\x01\x00\x00\x00\x01x\x00\x00\x00\x01" + b"\x0c\x00\x01" * 6):
        connection = connect(site.scheduler.port)
        connection.sendall(call)
        assert hung_up(connection) == b""
    expect(site, "elves_thrift_broken_total", 2)
    assert "not a Thrift call" in site.scheduler.log()
    serves(site, peer)


# The HTTP API

@pytest.mark.parametrize(("settings", "name"), [
    ({"admin.maxConnections": 3}, "connections"), ({"admin.maxConnectionsPerAddress": 3}, "address")])
def test_connections_of_the_http_api(limited, settings, name):
    site, peer = limited({**settings, "admin.headerTimeout": 60})
    silent = [connect(site.scheduler.admin_port) for _ in range(3)]
    answer = hung_up(connect(site.scheduler.admin_port))
    assert answer.startswith(b"HTTP/1.1 503 ") and b"too many connections" in answer
    if name == "address":
        with connect(site.scheduler.admin_port, OTHER) as other:
            other.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert other.recv(4096).startswith(b"HTTP/1.1 200 ")
    serves(site, peer)
    for connection in silent:
        connection.close()
    wait_for(lambda: site.scheduler.health() == 200, 10, "room")
    assert site.scheduler.metric(f"elves_http_refused_{name}_total") >= 1


def test_requests_that_come_late_or_are_none(limited):
    site, peer = limited({"admin.headerTimeout": 1, "admin.maxHeader": 2048, "mq.maxMessage": 4096})
    silent, half = connect(site.scheduler.admin_port), connect(site.scheduler.admin_port)
    half.sendall(b"GET /healthz HT")
    assert hung_up(silent) == hung_up(half) == b""
    expect(site, "elves_http_slow_total", 2)
    for request, status in (
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\nX: " + b"x" * 4096 + b"\r\n\r\n", b"431"),
            (b"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             b"Content-Length: 5000\r\n\r\n", b"413")):
        connection = connect(site.scheduler.admin_port)
        connection.sendall(request)
        assert hung_up(connection).startswith(b"HTTP/1.1 " + status)
    expect(site, "elves_http_broken_total", 3)
    serves(site, peer)


# Requests

def test_requests_that_are_too_large_or_too_deep(limited):
    site, peer = limited({"mq.maxMessage": 4096, "mq.maxDepth": 8})
    peer.publish(send_sync(param="x" * 5000))
    assert error_of(peer.dead_letter()).startswith("[400.1]Message Malformed: larger than")
    deep = json.dumps(send_sync()).replace('"param": ""', '"param": ' + "[" * 10 + "]" * 10)
    peer.publish(deep.encode())
    assert error_of(peer.dead_letter()).startswith("[400.1]Message Malformed")
    assert site.scheduler.metric("elves_jobs_malformed_total") == 2
    assert site.scheduler.metric("elves_dead_letters_total") == 2
    serves(site, peer)


def test_jobs_in_all(limited):
    site, peer = limited({"job.maxOpen": 3})
    jobs = [async_job(func="hold", param=new_id(), timeout=60) for _ in range(3)]
    for job in jobs:
        peer.publish(job)
    wait_for(lambda: site.scheduler.metric('elves_jobs_open{state="accepted"}') == 3, 10, "all to be accepted")
    assert error_of(peer.call(send_sync())) == "[410.5]Scheduler Overloaded: job.maxOpen jobs are open"
    refused = site.scheduler.http("POST", "/api/v1/jobs", {"ip": OTHER, "app": "a", "func": "f"})
    assert (refused.status, refused.json["code"]) == (503, "410.5")
    assert site.scheduler.metric("elves_jobs_over_open_total") == 2
    assert site.scheduler.metric('elves_limit{key="job.maxOpen"}') == 3
    assert site.scheduler.http("GET", "/healthz").json["jobs_open"] == 3


def test_bytes_of_all_jobs(limited):
    site, peer = limited({"job.maxOpenBytes": 2 ** 20})
    held = async_job(func="hold", param="x" * 2 ** 20, timeout=60)
    peer.publish(held)
    wait_for(lambda: site.scheduler.metric('elves_jobs_open{state="accepted"}') == 1, 10, "it to be accepted")
    assert site.scheduler.metric("elves_open_bytes") == 2 ** 20
    assert error_of(peer.call(send_sync())) == \
        "[410.5]Scheduler Overloaded: open jobs hold job.maxOpenBytes of params and results"
    assert site.scheduler.metric("elves_jobs_over_open_total") == 1
    assert site.scheduler.metric('elves_limit{key="job.maxOpenBytes"}') == 2 ** 20
    call = accepted(site, func="hold")
    assert send_result(site.scheduler.port, result_of(call, result="done")) == "success"
    assert ended(peer, held)["result"]["worker_message"] == "done"
    wait_for(lambda: site.scheduler.metric("elves_open_bytes") == 0, 10, "it to be over")
    assert error_of(peer.call(send_sync())) == ""


@pytest.mark.parametrize(("settings", "text"), [
    ({"agent.maxWaiting": 2}, "agent.maxWaiting jobs wait for this agent"),
    ({"agent.maxWaitingTotal": 2}, "agent.maxWaitingTotal jobs wait for their agents")])
def test_jobs_that_wait_for_agents(limited, settings, text):
    site, peer = limited({**settings, "agent.maxInFlight": 1})
    for _ in range(6):
        peer.publish(sync_job(func="sleep", param="2"), reply_to=peer.reply_queue)
    replies = peer.collect(peer.reply_queue, 3)
    assert {error_of(reply) for reply in replies} == {"[410.5]Scheduler Overloaded: " + text}
    assert site.scheduler.metric("elves_jobs_queued") == 2
    assert site.scheduler.metric("elves_jobs_over_queued_total") == 3
    if "agent.maxWaiting" in settings:
        assert peer.call(send_sync(ip="127.0.0.3", param="z")).json["data"]["worker_message"] == "z"
    assert all(error_of(reply) == "" for reply in peer.collect(peer.reply_queue, 3))
    serves(site, peer)


def test_spelling_an_agent_differently_makes_no_second_one(limited):
    site, peer = limited({"agent.maxInFlight": 1, "agent.maxWaiting": 1})
    for ip in (OTHER, "::ffff:127.0.0.2", "::ffff:7f00:2"):
        peer.publish(sync_job(ip=ip, func="sleep", param="1"), reply_to=peer.reply_queue)
    assert "agent.maxWaiting " in error_of(peer.collect(peer.reply_queue, 1)[0])
    assert site.scheduler.metric("elves_agents") == 1
    peer.collect(peer.reply_queue, 2)


def test_connections_to_agents(limited):
    site, peer = limited({"agent.maxConnections": 2})
    assert peer.call(send_sync(ip="127.0.0.5")).json["data"]["error"] == ""
    for ip in (OTHER, "127.0.0.3", "127.0.0.4"):  # the connection that is not in use makes room
        peer.publish(sync_job(ip=ip, func="sleep", param="2"), reply_to=peer.reply_queue)
    refused = peer.collect(peer.reply_queue, 1)[0]
    assert error_of(refused) == "[410.5]Scheduler Overloaded: there are agent.maxConnections connections already"
    assert site.scheduler.metric("elves_agent_over_connections_total") == 1
    assert site.scheduler.metric("elves_agent_connections") == 2
    assert all(error_of(reply) == "" for reply in peer.collect(peer.reply_queue, 2))
    serves(site, peer)


# All at once

PROBES = [b"", b"\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"OPTIONS / RTSP/1.0\r\n\r\n", b"HELP\r\n", b"\x00" * 64,
          b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(range(150)), b"\xff" * 3000,
          b"\x80\x01\x00\x01\x00\x00\x00\x0dda", b"\x00\x0f\xff\xff", b"POST /api/v1/jobs HTTP/1.1\r\nContent-Le",
          b"AMQP\x00\x00\x09\x01", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x03\x00\x00\x0b\x06\xe0\x00\x00\x00\x00\x00"]


def test_a_scan_of_the_ports(limited):
    """As nmap -sT -sV does it: connect and leave, connect and say something of each protocol, leave halfway."""
    site, peer = limited({})
    for port in (site.scheduler.port, site.scheduler.admin_port):
        for _ in range(200):
            connect(port).close()
        for probe in PROBES * 5:
            with contextlib.suppress(OSError), connect(port) as connection:
                connection.sendall(probe)
                connection.shutdown(socket.SHUT_WR)
                hung_up(connection)
    serves(site, peer)
    expect(site, "elves_thrift_broken_total", 20)
    expect(site, "elves_http_broken_total", 20)
    # nobody fills the log: each kind of refusal is said once in ten seconds
    assert site.scheduler.log().count("connection closed, ") < 20


def jobs_a_second(peer, count=2000):
    """Synchronous jobs, all sent at once; every one is answered."""
    began = time.monotonic()
    for _ in range(count):
        peer.publish(sync_job(param="x"), reply_to=peer.reply_queue)
    replies = peer.collect(peer.reply_queue, count, timeout=120)
    assert all(reply.json["mqbody"]["flag"] == "true" for reply in replies)
    return round(count / (time.monotonic() - began))


@pytest.mark.parametrize("port", ["thrift", "http"])
@pytest.mark.parametrize("held", [True, False], ids=["held", "refused"])
def test_ten_thousand_silent_connections(limited, capsys, port, held):
    """`held`: the limits let them all in; otherwise only as many as one address may have."""
    count = 2000 if sanitized() else 10000
    wide = {"thrift.maxConnectionsPerAddress": 30000, "thrift.firstTimeout": 300, "admin.maxConnections": 30000,
            "admin.maxConnectionsPerAddress": 30000, "admin.headerTimeout": 300} if held else {}
    site, peer = limited({"log.level": "info", **wide})
    number = site.scheduler.port if port == "thrift" else site.scheduler.admin_port
    before = jobs_a_second(peer)
    silent = []
    try:
        for _ in range(count):
            silent.append(connect(number))
        if held:
            connected = f"elves_{port}_connections"
            wait_for(lambda: site.scheduler.metric(connected) >= count, 20, "all to be let in")
        during = jobs_a_second(peer)
        serves(site, peer)
        if held or port == "thrift":
            assert site.scheduler.health() == 200
    finally:
        for connection in silent:
            connection.close()
    wait_for(lambda: site.scheduler.health() == 200, 20, "the HTTP API")
    with capsys.disabled():
        kind = "held" if held else "refused beyond the limit"
        print(f"\n{count} silent connections on the {port} port, {kind}: {before} jobs/s before, {during} during",
              end="")
