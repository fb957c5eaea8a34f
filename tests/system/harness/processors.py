"""Apps' processors made with Apache Thrift's own Python library, of every kind that the scheduler may meet."""
import contextlib
import socket
import threading

from thrift.protocol.TBinaryProtocol import TBinaryProtocol, TBinaryProtocolFactory
from thrift.server import TServer
from thrift.transport import TSocket, TTransport

from .jobs import new_id, send_async
from .util import free_port, wait_for

MAY_HAVE = "it may have been called: the scheduler ended before its answer was kept"
KINDS = ("ok", "exception", "hang_up", "silent", "garbage", "held")


class Handler:
    """AppService. It notes what it is told; "held" answers when it is let go."""

    def __init__(self, kind="ok"):
        self.kind = kind
        self.told = []
        self.let_go = threading.Event()

    def runProcessor(self, reins):  # noqa: N802, the contract's name
        self.told.append(reins)
        if self.kind == "exception":
            raise RuntimeError("the app's own fault")
        if self.kind == "held":
            assert self.let_go.wait(60)
        return "processed"


class AppProcessor:
    """One processor, one thread a connection. `kind` may be changed between calls."""

    def __init__(self, kind="ok", port=None):
        from released import AppService
        assert kind in KINDS
        self.port = port or free_port()
        self.handler = Handler(kind)
        self.connections = []
        self._service = AppService
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def told(self, param=None):
        """The Reinstructs it got, or those of one job."""
        return [reins for reins in self.handler.told if param in (None, reins.ins.param)]

    def wait_told(self, param, count=1):
        return wait_for(lambda: self.told(param) if len(self.told(param)) >= count else None, 10,
                        f"{count} calls of the processor")

    def let_go(self):
        self.handler.let_go.set()

    def close(self):
        """It and all its connections are gone."""
        self.let_go()
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):  # closed by its own thread
                connection.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        peer = TSocket.TSocket()
        peer.setHandle(connection)
        protocol = TBinaryProtocol(TTransport.TBufferedTransport(peer))
        try:
            while True:
                if self.handler.kind in ("ok", "exception", "held"):
                    self._service.Processor(self.handler).process(protocol, protocol)
                elif not self._misbehave(connection, protocol):
                    return
        except (TTransport.TTransportException, OSError, EOFError):
            peer.close()

    def _misbehave(self, connection, protocol):
        """Takes one call. Whether the connection goes on."""
        protocol.readMessageBegin()
        args = self._service.runProcessor_args()
        args.read(protocol)
        protocol.readMessageEnd()
        self.handler.told.append(args.reins)
        if self.handler.kind == "garbage":
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        if self.handler.kind == "hang_up":
            connection.shutdown(socket.SHUT_RDWR)
            connection.close()
            return False
        return True


class OneAtATime:
    """A processor on Thrift's simplest server, which serves a connection until it is closed, and then the next."""

    def __init__(self):
        from released import AppService
        self.handler = Handler()
        self.port = free_port()
        server = TServer.TSimpleServer(AppService.Processor(self.handler), TSocket.TServerSocket("127.0.0.1", self.port),
                                       TTransport.TBufferedTransportFactory(), TBinaryProtocolFactory())
        threading.Thread(target=server.serve, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"


def jobs_in(site, state):
    return site.scheduler.http("GET", "/api/v1/jobs", query={"state": state}).json["jobs"]


def asynchronous(peer, **fields):
    """A sendAsync that asks for the processor, sent."""
    job = send_async(**{"mqtype": "cast", "mode": "sap", "param": new_id(), "timeout": 60, **fields})
    peer.publish(job)
    return job


def settled(site, peer, count=1, **fields):
    """Jobs whose result is in, and whose processor has not answered."""
    jobs = [asynchronous(peer, **fields) for _ in range(count)]
    wait_for(lambda: len(jobs_in(site, "settled")) >= count, 10, "the results to be in")
    return jobs


def processor_of(message):
    data = message["data"]
    return data["processor_sync_flag"], data["processor_sync_error"]
