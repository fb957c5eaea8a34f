"""What a run found, as text and as files."""
import json

import plot

COLUMNS = ("figure", "unit", "scheduler", "bare echo", "held against it", "target", "")


def table(figures):
    """All rows in one table."""
    lines = [COLUMNS]
    for figure in figures:
        lines.append((f"-- {figure.name}: {figure.title}", *[""] * 6))
        for row in figure.rows:
            lines.append((row.what, row.unit, row.measured.text(), row.yardstick.text() if row.yardstick else "",
                          f"{row.how} {row.compared.text()}" if row.compared else "",
                          row.target.text() if row.target else "", row.verdict()))
    headings = [line for line in lines if not line[0].startswith("-- ")]
    widths = [max(len(line[column]) for line in headings) for column in range(len(COLUMNS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def notes(figures):
    return "\n".join(f"{figure.name}: {note}" for figure in figures for note in figure.notes)


def head(machine, plan):
    lines = [f"{name}: {value}" for name, value in machine.items()]
    lines.append(f"pairs: {plan.pairs}, {plan.seconds:g} s each" + (" (--quick: too few to trust)" if plan.quick else ""))
    return "\n".join(lines)


def write(folder, machine, plan, figures):
    """The same as JSON and as a picture; answers with the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    name = machine["date"].replace(" UTC", "").replace(" ", "-").replace(":", "")
    data, picture = folder / f"{name}.json", folder / f"{name}.svg"
    data.write_text(json.dumps(
        {"machine": machine, "quick": plan.quick, "pairs": plan.pairs, "seconds": plan.seconds,
         "figures": [figure.json() for figure in figures]}, indent=1) + "\n")
    curves = [curve for figure in figures for curve in figure.curves]
    picture.write_text(plot.svg(curves, f"elves-scheduler {machine['commit']}, {machine['date']}"))
    return data, picture
