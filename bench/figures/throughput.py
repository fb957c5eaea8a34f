"""Rate and latency in a closed loop, against bare echo."""
from figure import Curve, Row, at_least, at_most
from pairs import MICROSECONDS, Shape, measure

WINDOWS = (1, 64, 512, 4096)
# The targets are for released peers' envelope and one agent.
RATE_TARGETS = {64: at_least(0.58), 512: at_least(0.60)}


def synchronous(rig, plan, figure):
    for action in ("syncJob", "sendSync"):
        for agents in (1, 1000):
            main = action == "syncJob" and agents == 1
            windows = WINDOWS if main or not plan.quick else (512,)
            found = {window: measure(rig, plan, Shape(action, window, agents)) for window in windows}
            for window, pairs in found.items():
                add_rows(figure, Shape(action, window, agents).text(), pairs, window if main else None)
            if len(found) > 1:
                figure.curves.append(rate_curve(f"{action}, {agents:,} agents", found))


def add_rows(figure, what, pairs, window):
    """`window` None: there is no target for these."""
    scheduler, echo = pairs.scheduler, pairs.echo
    figure.rows.append(Row.ratio(f"{what}: rate", "jobs/s", scheduler.rate(), echo.rate(), RATE_TARGETS.get(window)))
    for which in MICROSECONDS:
        name = f"{what}: {which}"
        ours, its = scheduler.latency(which), echo.latency(which)
        if window == 1 and which == "p50":
            figure.rows.append(Row.difference(name, "µs", ours, its, at_most(50)))
        else:
            target = at_most(2.0) if window == 64 and which == "p99" else None
            figure.rows.append(Row.ratio(name, "µs", ours, its, target))
    target = at_most(25) if window == 512 else None
    figure.rows.append(Row(f"{what}: scheduler's CPU", "µs/job", scheduler.cpu("scheduler"), echo.cpu("echo"),
                           target=target))
    figure.rows.append(Row(f"{what}: agents' CPU", "µs/job", scheduler.cpu("agents")))
    figure.rows.append(Row.ratio(f"{what}: broker's CPU", "µs/job", scheduler.cpu("broker"), echo.cpu("broker")))


def rate_curve(title, found):
    return Curve(title, "jobs in flight", "jobs/s", {
        "scheduler": [(window, pairs.scheduler.rate()) for window, pairs in found.items()],
        "bare echo": [(window, pairs.echo.rate()) for window, pairs in found.items()]})


def asynchronous(rig, plan, figure):
    for action in ("asyncJob", "sendAsync"):
        for window in (1, 512, 4096):
            if plan.quick and (action, window) != ("asyncJob", 512):
                continue
            shape = Shape(action, window)
            pairs = measure(rig, plan, shape)
            target = at_least(0.25) if (action, window) == ("asyncJob", 512) else None
            rate = Row.ratio(f"{shape.text()}: rate", "terminal messages/s", pairs.scheduler.rate(), pairs.echo.rate(),
                             target)
            figure.rows.append(rate)
            for which in MICROSECONDS:
                figure.rows.append(Row.ratio(f"{shape.text()}: {which} to the terminal message", "µs",
                                             pairs.scheduler.latency(which), pairs.echo.latency(which)))
            figure.rows.append(Row(f"{shape.text()}: scheduler's CPU", "µs/job", pairs.scheduler.cpu("scheduler"),
                                   pairs.echo.cpu("echo")))
