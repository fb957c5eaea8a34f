"""Foreign peers made with nothing but Apache Thrift's own Python library and the released contract."""
import socket
import threading

from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport import TSocket, TSSLSocket, TTransport


def instruct(**fields):
    """An Instruct as a released agent echoes it."""
    from released.ttypes import Instruct
    values = dict(ip="127.0.0.2", type="cron", mode="NP", app="apptest", func="hold", param="", timeout=10, proxy="")
    return Instruct(**{**values, **fields})


def result_of(ins, flag=1, costtime=7, result="done"):
    from released.ttypes import Reinstruct
    return Reinstruct(ins=ins, flag=flag, costtime=costtime, result=result)


class Secured(TSSLSocket.TSSLSocket):
    """Thrift's own TLS socket, with an address of its own."""

    def _wrap_socket(self, sock):
        sock.bind((self.source, 0))
        return super()._wrap_socket(sock)


class SchedulerClient:
    """The connection of a released agent at `source` to the scheduler's port."""

    def __init__(self, port, framed=False, timeout=10.0, source="127.0.0.2", tls=None):
        """`tls`: arguments of Thrift's TSSLSocket."""
        from released import SchedulerService
        self._where, self._timeout = (("127.0.0.1", port), timeout), timeout
        self._source, self._tls = source, tls
        self.socket = TSocket.TSocket("127.0.0.1", port) if tls is None else Secured("127.0.0.1", port, **tls)
        wrap = TTransport.TFramedTransport if framed else TTransport.TBufferedTransport
        self._transport = wrap(self.socket)
        self._client = SchedulerService.Client(TBinaryProtocol(self._transport))

    def __enter__(self):
        if self._tls is None:
            self.socket.setHandle(socket.create_connection(*self._where, source_address=(self._source, 0)))
        else:
            self.socket.source = self._source
            self._transport.open()
        self.socket.setTimeout(self._timeout * 1000)
        return self

    def __exit__(self, *_):
        self._transport.close()

    def data_transport(self, reinstruct):
        return self._client.dataTransport(reinstruct)


def send_result(port, reinstruct, framed=False, source=None, tls=None):
    """One result on a connection of its own, as the released agents do it: from the instruction's machine."""
    with SchedulerClient(port, framed, source=source or reinstruct.ins.ip or "127.0.0.2", tls=tls) as client:
        return client.data_transport(reinstruct)


class Handler:
    """AgentService of a machine that echoes: the worker's message is the instruction's param."""

    def __init__(self):
        self.instructions = []

    def instructionInvokeSync(self, ins):  # noqa: N802, the contract's name
        self.instructions.append(ins)
        return result_of(ins, result=ins.param)

    def instructionInvokeAsync(self, insList):  # noqa: N802, N803, the contract's names
        self.instructions.extend(insList)
        return [result_of(ins, result="accepted") for ins in insList]

    def aliveCheck(self):  # noqa: N802, the contract's name
        return "success"


class ForeignAgent:
    """An agent on Thrift's own blocking server transport, one thread a connection; `tls`: an ssl.SSLContext."""

    def __init__(self, host, port, tls=None):
        from released import AgentService
        self.handler = Handler()
        self._tls = tls
        self._connections = []
        self._processor = AgentService.Processor(self.handler)
        self._listener = socket.create_server((host, port))
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def hang_up(self):
        """Ends the connections that there are."""
        while self._connections:
            self._connections.pop().shutdown(socket.SHUT_RDWR)

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        if self._tls is not None:
            try:
                connection = self._tls.wrap_socket(connection, server_side=True)
            except OSError:
                return connection.close()
        peer = TSocket.TSocket()
        peer.setHandle(connection)
        protocol = TBinaryProtocol(TTransport.TBufferedTransport(peer))
        try:
            while True:
                self._processor.process(protocol, protocol)
        except (TTransport.TTransportException, OSError, EOFError):
            peer.close()
