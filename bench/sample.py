"""Several measurements of one thing."""
import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Sample:
    """Never empty."""
    values: tuple

    @classmethod
    def of(cls, values):
        return cls(tuple(float(value) for value in values))

    def combine(self, other, operation):
        """Value by value: what was measured side by side."""
        return Sample.of(operation(mine, its) for mine, its in zip(self.values, other.values, strict=True))

    def divided_by(self, other):
        return self.combine(other, lambda mine, its: mine / its)

    def minus(self, other):
        return self.combine(other, lambda mine, its: mine - its)

    @property
    def median(self):
        return statistics.median(self.values)

    @property
    def least(self):
        return min(self.values)

    @property
    def most(self):
        return max(self.values)

    def text(self):
        """"12.3 (11.9-12.8)": the median, and between what all lie."""
        if len(self.values) == 1:
            return number(self.median)
        return f"{number(self.median)} ({number(self.least)} to {number(self.most)})"

    def json(self):
        return {"median": self.median, "least": self.least, "most": self.most, "values": list(self.values)}


def number(value):
    """Three digits that matter, and no exponent."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
