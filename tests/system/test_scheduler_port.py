"""The scheduler's own Thrift port under peers that mean no good, or are just slow."""
import random
import socket

import pytest
from harness.jobs import send_sync
from harness.thrift_peers import SchedulerClient, instruct, result_of, send_result
from harness.util import wait_for
from thrift.Thrift import TApplicationException
from thrift.transport import TTransport

TWO_GIB = (0x7fffffff).to_bytes(4, "big")
CALL = b"\x80\x01\x00\x01\x00\x00\x00\x0ddataTransport\x00\x00\x00\x01"


@pytest.fixture(scope="module")
def site(make_site, broker):
    return make_site(broker=broker, settings={"thrift.maxConnectionsPerAddress": 5000}).start()


@pytest.fixture(autouse=True)
def dispatch_goes_on(peer, site):
    yield
    assert peer.call(send_sync(param="fine"), timeout=5).json["data"]["worker_message"] == "fine"
    assert send_result(site.scheduler.port, result_of(instruct(id="any", type="queue"))) == "success"


def connect(scheduler):
    connection = socket.create_connection(("127.0.0.1", scheduler.port), 20, source_address=("127.0.0.2", 0))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def closed_by_peer(connection):
    """Waits until the scheduler has closed the connection."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionError:
        pass
    connection.close()


def call_bytes(framed, param=""):
    """A whole dataTransport call as a real client writes it."""
    from released import SchedulerService
    from thrift.protocol.TBinaryProtocol import TBinaryProtocol
    memory = TTransport.TMemoryBuffer()
    wrapped = TTransport.TFramedTransport(memory) if framed else memory
    SchedulerService.Client(TBinaryProtocol(wrapped)).send_dataTransport(
        result_of(instruct(id="bytes", type="queue", param=param)))
    return memory.getvalue()


def test_random_bytes(site):
    dice = random.Random(7)
    for size in (1, 4, 5, 64, 5000, 100_000) * 10:
        with connect(site.scheduler) as connection:
            try:
                connection.sendall(dice.randbytes(size))
            except ConnectionError:
                pass  # it has seen enough


@pytest.mark.parametrize("start", [
    b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\x80\x02\x00\x01\x00\x00\x00\x01x", b"\x80\x01\x00\x01\xff\xff\xff\xff"],
    ids=["HTTP", "TLS", "another version", "negative name"])
def test_another_protocol_is_closed(site, start):
    with connect(site.scheduler) as connection:
        connection.sendall(start)
        connection.shutdown(socket.SHUT_WR)
        closed_by_peer(connection)


@pytest.mark.parametrize("framed", [False, True], ids=["unframed", "framed"])
def test_one_byte_at_a_time(site, framed):
    with connect(site.scheduler) as connection:
        for byte in call_bytes(framed):
            connection.sendall(bytes([byte]))
        assert b"success" in connection.recv(4096)


@pytest.mark.parametrize("framed", [False, True], ids=["unframed", "framed"])
def test_a_call_in_two_halves_does_not_hold_up_others(site, framed):
    call = call_bytes(framed)
    with connect(site.scheduler) as slow:
        slow.sendall(call[:-3])
        assert send_result(site.scheduler.port, result_of(instruct(id="quick", type="queue"))) == "success"
        slow.sendall(call[-3:])
        assert b"success" in slow.recv(4096)


@pytest.mark.parametrize("start", [
    TWO_GIB, TWO_GIB + b"\x80\x01", b"\xff\xff\xff\xff", CALL + b"\x0c\x00\x01\x0b\x00\x05" + TWO_GIB,
    CALL + b"\x0c\x00\x01\x0f\x00\x05\x0c" + TWO_GIB, CALL + b"\x0c\x00\x01\x0b\x00\x05\xff\xff\xff\xff"],
    ids=["frame", "frame and call", "negative frame", "string", "list", "negative string"])
def test_an_announcement_of_two_gib(site, start):
    before = site.scheduler.status("VmRSS")
    with connect(site.scheduler) as connection:
        connection.sendall(start)
        closed_by_peer(connection)
    assert site.scheduler.status("VmRSS") < before + 100_000


def test_structs_nested_without_end(site):
    with connect(site.scheduler) as connection:
        try:
            connection.sendall(CALL + b"\x0c\x00\x01" * 300_000)
            closed_by_peer(connection)
        except ConnectionError:
            pass


@pytest.mark.parametrize("framed", [False, True], ids=["unframed", "framed"])
def test_more_than_the_limit(site, framed):
    with connect(site.scheduler) as connection:
        try:
            connection.sendall(call_bytes(framed, "x" * (17 << 20)))
        except ConnectionError:
            return
        closed_by_peer(connection)


def test_eight_mebibytes_are_fine(site):
    ins = instruct(id="large", type="queue")
    assert send_result(site.scheduler.port, result_of(ins, result="x" * (8 << 20))) == "success"


@pytest.mark.parametrize("framed", [False, True], ids=["unframed", "framed"])
def test_an_unknown_method_is_told_so(site, framed):
    from released import AgentService
    with SchedulerClient(site.scheduler.port, framed) as client:
        stranger = AgentService.Client(client._client._iprot)
        with pytest.raises(TApplicationException) as problem:
            stranger.aliveCheck()
        assert problem.value.type == TApplicationException.UNKNOWN_METHOD
        assert client.data_transport(result_of(instruct(id="after", type="queue"))) == "success"


def test_two_thousand_idle_connections(site, peer):
    threads, idle = site.scheduler.status("Threads"), []
    try:
        for number in range(2000):
            idle.append(connect(site.scheduler))
            if number % 3 == 0:
                idle[-1].sendall(CALL[:number % len(CALL)])
        for number in range(50):
            assert peer.call(send_sync(param=str(number)), timeout=5).json["data"]["worker_message"] == str(number)
            assert send_result(site.scheduler.port, result_of(instruct(id=f"i{number}", type="queue"))) == "success"
        assert site.scheduler.status("Threads") == threads
    finally:
        for connection in idle:
            connection.close()


def test_limits_of_time_and_number(make_site):
    strict = make_site(settings={"thrift.firstTimeout": 1, "thrift.maxConnections": 20}).start()
    idle = [connect(strict.scheduler) for _ in range(20)]
    closed_by_peer(connect(strict.scheduler))  # one too many
    idle[0].sendall(CALL[:9])
    for connection in idle:
        closed_by_peer(connection)

    def served():
        try:
            return send_result(strict.scheduler.port, result_of(instruct(id="x", type="queue"))) == "success"
        except TTransport.TTransportException:
            return False
    wait_for(served, 5, "room for a new connection")
    strict.scheduler.stop()
