"""Curves as one SVG picture, without a library. Both axes are logarithmic: a cost that grows with x bends, a
constant factor does not."""
import html
import math

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 520, 340, 70, 40, 20, 60
COLOURS = ("#0b62a4", "#c2571a", "#3b8132", "#7a3b9a", "#555555")
PER_LINE = 2


class Scale:
    """From values to places between two pixels. Zero has its place one decade below the least value."""

    def __init__(self, values, begin, end):
        positive = [value for value in values if value > 0] or [1]
        self.low = math.floor(math.log10(min(positive)) - (1 if min(values) <= 0 else 0))
        self.high = max(math.ceil(math.log10(max(positive))), self.low + 1)
        self._begin, self._end = begin, end

    def place(self, value):
        power = math.log10(value) if value > 0 else self.low
        return self._begin + (power - self.low) / (self.high - self.low) * (self._end - self._begin)

    def marks(self):
        return [10.0 ** power for power in range(self.low, self.high + 1)]


def _text(x, y, text, anchor="middle", size=11, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" {more}>'
            f"{html.escape(text)}</text>")


def _line(x1, y1, x2, y2, colour="#dddddd", width=1):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def _number(value):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _axes(curve, x_scale, y_scale):
    yield _text(WIDTH / 2, 20, curve.title, size=14)
    yield _text(WIDTH / 2, HEIGHT - 28, curve.x)
    yield _text(14, HEIGHT / 2, curve.y, more=f'transform="rotate(-90 14 {HEIGHT / 2})"')
    for value in x_scale.marks():
        yield _line(x_scale.place(value), TOP, x_scale.place(value), HEIGHT - BOTTOM)
        yield _text(x_scale.place(value), HEIGHT - BOTTOM + 15, _number(value))
    for value in y_scale.marks():
        yield _line(LEFT, y_scale.place(value), WIDTH - RIGHT, y_scale.place(value))
        yield _text(LEFT - 6, y_scale.place(value) + 4, _number(value), "end")


def _points(points, x_scale, y_scale, colour):
    places = [(x_scale.place(x), y_scale.place(sample.median)) for x, sample in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for (x, y), (_, sample) in zip(places, points):
        yield _line(x, y_scale.place(sample.least), x, y_scale.place(sample.most), colour, 2)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def _panel(curve):
    points = [point for line in curve.lines.values() for point in line]
    x_scale = Scale([x for x, _ in points], LEFT, WIDTH - RIGHT)
    y_scale = Scale([value for _, sample in points for value in (sample.least, sample.most)], HEIGHT - BOTTOM, TOP)
    yield from _axes(curve, x_scale, y_scale)
    for number, (name, line) in enumerate(curve.lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        yield from _points(line, x_scale, y_scale, colour)
        yield _text(LEFT + 110 * number, HEIGHT - 8, "● " + name, "start", more=f'fill="{colour}"')


def svg(curves, title):
    """The picture; without curves only its title."""
    lines = math.ceil(len(curves) / PER_LINE)
    width, height = PER_LINE * WIDTH, lines * HEIGHT + 40
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">',
             f'<rect width="{width}" height="{height}" fill="white"/>', _text(width / 2, 26, title, size=16)]
    for number, curve in enumerate(curves):
        x, y = number % PER_LINE * WIDTH, number // PER_LINE * HEIGHT + 40
        parts += [f'<g transform="translate({x} {y})">', *_panel(curve), "</g>"]
    return "\n".join([*parts, "</svg>", ""])
