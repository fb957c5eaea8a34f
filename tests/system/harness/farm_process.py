"""Many fake agents in one cheap process: `farm_process.py SETTINGS.json`; prints "ready" and serves until ended.

How an agent behaves is told by its address (see KINDS), what a well-behaved one does with an instruction by `func`:

  echo    succeeds; the worker's message is the param        fail    flag 0
  cannot  flag -1                                             sleep   succeeds after float(param) seconds
  bytes   a message that is no UTF-8                          big     a message of int(param) letters
asynchronous also:
  hold    accepted, no result ever                            refuse  not accepted (flag 0)
  twice   the result comes twice                              slow    accepted after 0.3 s, then as echo
  early   the result comes 0.3 s before the acceptance

Every instruction received is one line of JSON in the journal file.
"""
import asyncio
import json
import signal
import sys

SETTINGS = json.load(open(sys.argv[1], encoding="utf-8"))
sys.path.insert(0, SETTINGS["generated"])

from released import AgentService, SchedulerService  # noqa: E402
from released.ttypes import Reinstruct  # noqa: E402
from thrift.protocol.TBinaryProtocol import TBinaryProtocolAccelerated  # noqa: E402
from thrift.Thrift import TApplicationException, TMessageType  # noqa: E402
from thrift.transport.TTransport import TMemoryBuffer, TTransportException  # noqa: E402

JOURNAL = open(SETTINGS["journal"], "w", buffering=1, encoding="utf-8")
KINDS = ("normal", "silent", "garbage", "half", "other_id", "huge", "close_at_accept", "close_after_reply",
         "exception", "empty", "trickle")
NOT_UTF8 = b"\xff\xfe\xfd"
counters = {"connections": 0, "calls": 0, "busy": 0}


def encode(name, kind, seqid, value):
    buffer = TMemoryBuffer()
    protocol = TBinaryProtocolAccelerated(buffer)
    protocol.writeMessageBegin(name, kind, seqid)
    value.write(protocol)
    protocol.writeMessageEnd()
    return buffer.getvalue()


def run(ins):
    """What the worker makes of an instruction: a Reinstruct and the seconds it takes."""
    flag, delay, result = 1, 0.0, ins.param
    if ins.func == "fail":
        flag, result = 0, "it failed"
    elif ins.func == "cannot":
        flag, result = -1, "app not installed"
    elif ins.func == "sleep":
        delay, result = float(ins.param), "slept"
    elif ins.func == "big":
        result = "x" * int(ins.param)
    elif ins.func == "bytes":
        result = "<???>"
    return Reinstruct(ins=ins, flag=flag, costtime=7, result=result), delay


class Results:
    """Brings the results of one agent to the scheduler, one after the other on one connection; again on the next one
    when the scheduler was stopped before it answered."""

    def __init__(self, address, framed):
        self.address, self.framed = address, framed
        self.queue = asyncio.Queue()
        self.task = asyncio.get_running_loop().create_task(self.work())

    async def work(self):
        reinstruct = await self.queue.get()
        while True:
            try:
                reader, writer = await asyncio.open_connection(*SETTINGS["scheduler"], local_addr=(self.address, 0))
                while True:
                    await self.bring(reader, writer, reinstruct)
                    reinstruct = await self.queue.get()
            except (ConnectionError, asyncio.IncompleteReadError):
                await asyncio.sleep(0.02)

    async def bring(self, reader, writer, reinstruct):
        call = encode("dataTransport", TMessageType.CALL, 1, SchedulerService.dataTransport_args(reinstruct))
        writer.write(len(call).to_bytes(4, "big") + call if self.framed else call)
        if self.framed:
            answer = await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))
        else:
            answer = await reader.readuntil(b"success\x00")
        assert b"success" in answer, answer


class Agent(asyncio.Protocol):
    """One connection to one fake agent."""

    results = {}

    def __init__(self, address, kind):
        self.address, self.kind, self.buffer = address, kind, b""

    def connection_made(self, transport):
        self.transport = transport
        counters["connections"] += 1
        self.number = counters["connections"]
        if self.kind == "close_at_accept":
            transport.abort()

    def data_received(self, data):
        self.buffer += data
        memory = TMemoryBuffer(self.buffer)
        protocol = TBinaryProtocolAccelerated(memory)
        try:
            name, _, seqid = protocol.readMessageBegin()
            args = getattr(AgentService, name + "_args")()
            args.read(protocol)
        except (EOFError, TTransportException):
            return  # not all here yet
        self.buffer = self.buffer[memory.cstringio_buf.tell():]
        counters["calls"] += 1
        if name == "instructionInvokeSync":
            self.sync(seqid, args.ins)
        elif name == "instructionInvokeAsync":
            self.asynchronous(seqid, args.insList)
        else:
            self.send(encode(name, TMessageType.REPLY, seqid, AgentService.aliveCheck_result("success")))

    def record(self, call, instructions):
        counters["busy"] += 1
        for ins in instructions:
            JOURNAL.write(json.dumps({"call": call, "agent": self.address, "number": counters["calls"],
                                      "connection": self.number, "busy": counters["busy"],
                                      **{key: value for key, value in vars(ins).items()}}) + "\n")

    def sync(self, seqid, ins):
        self.record("sync", [ins])
        if self.kind == "silent":
            return
        reinstruct, delay = run(ins)
        if self.kind == "other_id":
            ins.id = "0123456789ABCDEF"
        if self.kind == "huge":
            reinstruct.result = "x" * (20 << 20)
        result = AgentService.instructionInvokeSync_result(None if self.kind == "empty" else reinstruct)
        answer = encode("instructionInvokeSync", TMessageType.REPLY, seqid, result)
        if self.kind == "exception":
            problem = TApplicationException(TApplicationException.INTERNAL_ERROR, "Internal error processing")
            answer = encode("instructionInvokeSync", TMessageType.EXCEPTION, seqid, problem)
        if ins.func == "bytes":
            answer = answer.replace(b"???", NOT_UTF8)
        self.later(delay, answer)

    def asynchronous(self, seqid, instructions):
        self.record("async", instructions)
        if self.kind == "silent":
            return
        if self.kind == "exception":
            problem = TApplicationException(TApplicationException.INTERNAL_ERROR, "Internal error processing")
            self.send(encode("instructionInvokeAsync", TMessageType.EXCEPTION, seqid, problem))
            return
        accepted = [Reinstruct(ins=ins, flag=0 if ins.func == "refuse" else 1, costtime=0, result="")
                    for ins in instructions]
        self.later(0.3 if any(ins.func in ("slow", "early") for ins in instructions) else 0.0,
                   encode("instructionInvokeAsync", TMessageType.REPLY, seqid,
                          AgentService.instructionInvokeAsync_result(accepted)))
        for ins in instructions:
            reinstruct, delay = run(ins)
            if ins.func == "slow":
                delay = 0.3
            for _ in range({"hold": 0, "refuse": 0, "twice": 2}.get(ins.func, 1)):
                asyncio.get_running_loop().call_later(delay, self.bring, reinstruct)

    def bring(self, reinstruct):
        if self.address not in Agent.results:
            Agent.results[self.address] = Results(self.address, framed=int(self.address.rsplit(".", 1)[1]) % 2 == 1)
        Agent.results[self.address].queue.put_nowait(reinstruct)

    def later(self, delay, answer):
        if delay:
            asyncio.get_running_loop().call_later(delay, self.send, answer)
        else:
            self.send(answer)

    def send(self, answer):
        counters["busy"] -= 1
        if self.transport.is_closing():
            return
        if self.kind == "garbage":
            answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"
        if self.kind == "half":
            answer = answer[:len(answer) // 2]
        if self.kind == "trickle":
            asyncio.get_running_loop().create_task(self.trickle(answer))
            return
        self.transport.write(answer)
        if self.kind in ("half", "close_after_reply"):
            self.transport.close()

    async def trickle(self, answer):
        for byte in answer:
            self.transport.write(bytes([byte]))
            await asyncio.sleep(0.001)


async def main():
    loop = asyncio.get_running_loop()
    leave = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, leave.set)
    servers = []
    for address, kind in SETTINGS["agents"].items():
        assert kind in KINDS, kind
        servers.append(await loop.create_server(lambda address=address, kind=kind: Agent(address, kind), address,
                                                SETTINGS["port"], backlog=4096))
    print("ready", flush=True)
    await leave.wait()
    for server in servers:
        server.close()  # before its connections end: whoever sees one end is refused the next


if __name__ == "__main__":
    asyncio.run(main())
