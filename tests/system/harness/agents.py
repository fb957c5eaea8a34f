"""The farm of fake agents, as the tests see it: start, stop, and what it was asked to do."""
import itertools
import json
import pathlib
import subprocess
import sys

from .util import end_process, wait_for

_numbers = itertools.count()


def addresses(count, first=2):
    """`count` loopback addresses from 127.0.0.`first`."""
    return [f"127.0.0.{first + number}" for number in range(count)]


class AgentFarm:
    """`agents`: address -> kind (a list of addresses means all "normal"); all listen on `port`."""

    def __init__(self, folder, generated, port, agents, scheduler_port):
        folder = pathlib.Path(folder)
        name = f"farm-{next(_numbers)}"
        self._journal = folder / f"{name}.journal"
        self._output = folder / f"{name}.out"
        settings = folder / f"{name}.json"
        settings.write_text(json.dumps({
            "generated": str(generated), "journal": str(self._journal), "port": port,
            "agents": agents if isinstance(agents, dict) else dict.fromkeys(agents, "normal"),
            "scheduler": ["127.0.0.1", scheduler_port]}))
        with open(self._output, "wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, str(pathlib.Path(__file__).with_name("farm_process.py")), str(settings)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        wait_for(lambda: "ready" in self._said(), 20, f"the fake agents of {settings}")

    def calls(self, **wanted):
        """The instructions received so far whose fields have these values, oldest first."""
        lines = self._journal.read_text(encoding="utf-8").split("\n")[:-1]
        records = map(json.loads, lines)
        return [record for record in records if all(record[key] == value for key, value in wanted.items())]

    def wait_call(self, count=1, timeout=10.0, **wanted):
        """Waits for `count` such instructions and answers with all of them."""
        def enough():
            found = self.calls(**wanted)
            return found if len(found) >= count else None
        return wait_for(enough, timeout, f"{count} instructions like {wanted}")

    def close(self):
        end_process(self._process)

    def _said(self):
        assert self._process.poll() is None, self._output.read_text()
        return self._output.read_text()
