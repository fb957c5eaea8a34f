"""Measures elves-scheduler. `./control bench --help` says how; docs/performance.md says what the figures mean."""
import argparse
import contextlib
import pathlib
import signal
import sys
import tempfile
import time

import machine
import report
import rig
from figure import Figure, Plan
from figures import FIGURES
from harness.rabbit import RabbitMq


def parse(arguments):
    parser = argparse.ArgumentParser(prog="./control bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter measurements: minutes, not to be trusted")
    parser.add_argument("--only", metavar="NAME[,NAME...]", help="these figures only")
    parser.add_argument("--list", action="store_true", help="the figures' names")
    parser.add_argument("--results", type=pathlib.Path, default=rig.REPOSITORY / "bench/results",
                        help="where JSON and picture go")
    options = parser.parse_args(arguments)
    options.only = options.only.split(",") if options.only else list(FIGURES)
    for name in options.only:
        if name not in FIGURES:
            parser.error(f"no figure {name}; there are: {', '.join(FIGURES)}")
    return options


@contextlib.contextmanager
def private_broker(folder):
    folder.mkdir()
    broker = RabbitMq(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.close()


def run(names, plan):
    """The figures of these names, each with a virtual host of its own."""
    figures = []
    with tempfile.TemporaryDirectory(prefix="elves-bench-") as place:
        folder = pathlib.Path(place)
        with private_broker(folder / "rabbit") as broker:
            for name in names:
                title, measure = FIGURES[name]
                figures.append(Figure(name, title))
                plan.say(f"{name}: {title}")
                measure(rig.Rig(folder, broker), plan, figures[-1])
    return figures


def main(arguments):
    options = parse(arguments)
    if options.list:
        for name, (title, _) in FIGURES.items():
            print(f"{name:9} {title}")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    begun = time.monotonic()
    plan = (Plan.short if options.quick else Plan.full)(
        rig.most_files(), lambda line: print(f"[{time.monotonic() - begun:5.0f} s] {line}", file=sys.stderr, flush=True))
    where = machine.facts()
    figures = run(options.only, plan)
    print(report.head(where, plan), report.table(figures), report.notes(figures), sep="\n\n")
    for path in report.write(options.results, where, plan, figures):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
