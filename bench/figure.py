"""What a figure consists of: rows of the table, and curves of the plot. Values only."""
import dataclasses

from sample import Sample


@dataclasses.dataclass(frozen=True)
class Plan:
    """How thoroughly to measure."""
    quick: bool
    pairs: int
    warm_up: float  # seconds before each measurement
    seconds: float  # of each measurement
    files: int      # that one process may open
    say: callable   # takes a line about how far it is

    @classmethod
    def full(cls, files, say):
        return cls(False, 5, 1, 3, files, say)

    @classmethod
    def short(cls, files, say):
        return cls(True, 2, 0.5, 1, files, say)

    def phases(self, **load):
        """Warming up, then what is measured: bench-load's phases for this load."""
        return [{**load, "seconds": self.warm_up}, {**load, "seconds": self.seconds}]


@dataclasses.dataclass(frozen=True)
class Target:
    limit: float
    at_least: bool  # else at most

    def met_by(self, value):
        return value >= self.limit if self.at_least else value <= self.limit

    def text(self):
        return f"{'>=' if self.at_least else '<='} {self.limit:g}"


def at_least(limit):
    return Target(limit, True)


def at_most(limit):
    return Target(limit, False)


@dataclasses.dataclass(frozen=True)
class Row:
    """One line. `compared` is what was measured held against the yardstick, and `how`; the target is for it, or
    for `measured` where there is none."""
    what: str
    unit: str
    measured: Sample
    yardstick: Sample | None = None
    compared: Sample | None = None
    how: str = ""
    target: Target | None = None

    @classmethod
    def ratio(cls, what, unit, measured, yardstick, target=None):
        return cls(what, unit, measured, yardstick, measured.divided_by(yardstick), "÷", target)

    @classmethod
    def difference(cls, what, unit, measured, yardstick, target=None):
        return cls(what, unit, measured, yardstick, measured.minus(yardstick), "-", target)

    def verdict(self):
        if self.target is None:
            return ""
        return "met" if self.target.met_by((self.compared or self.measured).median) else "NOT MET"

    def json(self):
        return {"what": self.what, "unit": self.unit, "measured": self.measured.json(),
                "yardstick": self.yardstick and self.yardstick.json(),
                "compared": self.compared and {"how": self.how, **self.compared.json()},
                "target": self.target and self.target.text(), "verdict": self.verdict()}


@dataclasses.dataclass(frozen=True)
class Curve:
    """`lines`: name -> list of (x, Sample)."""
    title: str
    x: str
    y: str
    lines: dict

    def json(self):
        return {"title": self.title, "x": self.x, "y": self.y,
                "lines": {name: [{"x": x, **sample.json()} for x, sample in points]
                          for name, points in self.lines.items()}}


@dataclasses.dataclass
class Figure:
    name: str
    title: str
    rows: list = dataclasses.field(default_factory=list)
    curves: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)

    def json(self):
        return {"name": self.name, "title": self.title, "notes": self.notes,
                "rows": [row.json() for row in self.rows], "curves": [curve.json() for curve in self.curves]}
