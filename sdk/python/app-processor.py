#!/usr/bin/env python3
"""An Elves app's processor: takes from elves-scheduler what the app's workers have answered.

    app-processor.py PORT [ADDRESS]

Runs in the app's folder and serves AppService on ADDRESS (0.0.0.0 unless given). For each job with mode sap or ssp it
calls the function `process` of processor.py there, with the Reinstruct: job.ins.id, .ip, .app, .func, .param and so
on say what was run, job.flag (1, 0, -1), job.costtime and job.result how it ended. Several calls may run at a time.
What `process` returns is not looked at; if it raises or calls sys.exit(), the job ends with 413.3.

The scheduler finds it by `processor.{app} = IP:PORT` in its configuration. Needs Thrift for Python (Debian:
python3-thrift) and the code that its compiler makes of idl/elves.thrift:

    thrift --gen py -out /some/folder idl/elves.thrift
    PYTHONPATH=/some/folder app-processor.py 11201
"""

import os
import sys

from elves import AppService
from thrift.protocol.TBinaryProtocol import TBinaryProtocolFactory
from thrift.server.TServer import TThreadedServer
from thrift.transport.TSocket import TServerSocket
from thrift.transport.TTransport import TBufferedTransportFactory


class Handler:
    def __init__(self, process):
        self._process = process

    def runProcessor(self, reins):  # noqa: N802, the contract's name
        try:
            self._process(reins)
        except Exception:
            raise
        except BaseException as error:  # sys.exit() would end this thread without an answer
            raise RuntimeError("process() ended with %r" % error) from error
        return "success"


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: app-processor.py PORT [ADDRESS]")
    sys.path.insert(0, os.getcwd())
    from processor import process

    socket = TServerSocket(sys.argv[2] if len(sys.argv) == 3 else "0.0.0.0", int(sys.argv[1]))
    TThreadedServer(AppService.Processor(Handler(process)), socket, TBufferedTransportFactory(),
                    TBinaryProtocolFactory(), daemon=True).serve()


if __name__ == "__main__":
    main()
