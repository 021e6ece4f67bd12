"""What each figure plots of the kept results: nothing is typed here but titles.

Each function takes what `benchmarks/results` holds and returns panels, whose points are rows of
runs.csv (or of curves.csv.xz) as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.figures.panels import PAPER, Line, Panel, Point
from benchmarks.kept_runs import Curve, Result, find, options_of, rendered_as_now
from benchmarks.result_rows import Row
from envs_registry import TABLE

RAM_TABLES = {
    "1a": "MNIST, 28x28 (RAM table 1a)",
    "1b": "translated, 60x60 (1b)",
    "2a": "cluttered, 60x60 (2a)",
    "2b": "cluttered, 100x100 (2b)",
}
PUBLISHED = re.compile(r"RAM table (\w+), (\d+) glimpses: ([\d.]+) %")
MEAN, AVERAGED = "here, mean gaze", "here, 10 gaze sequences averaged"
HOUSES, WIDE = "GlimpseHouseNumbers-v0", "GlimpseHouseNumbers110-v0"
LAST_BEFORE = "2026-11-27"
"""Day until which house numbers were easier to read: of all rows but those of today."""
NAMES = {
    HOUSES: "house numbers, 54x54",
    WIDE: "house numbers, 110x110",
    "GlimpseMNISTAddition-v0": "sums",
    "GlimpseMNISTPairs-v0": "pairs",
    "GlimpseMNISTSequence-v0": "sequences",
}


def glimpses(rows: Iterable[Row], results: Sequence[Result]) -> list[Panel]:
    """Error against the number of glimpses: RAM's tables, ours beside the paper's.

    Of rows of one task and number of glimpses (other seeds, other networks) the first counts.
    """
    found: dict[str, dict[int, tuple[Point, ...]]] = {name: {} for name in RAM_TABLES}
    for row in rows:
        mean = find(results, row.run) if row.run else None
        said = PUBLISHED.match(mean.published) if mean else None
        averaged = find(results, row.run, samples=10)
        if mean and averaged and said and int(said[2]) not in found[said[1]]:
            number = int(said[2])
            ours = (point(number, mean), point(number, averaged))
            found[said[1]][number] = (Point(number, float(said[3])), *ours)
    return [
        Panel(
            title=RAM_TABLES[name],
            x="glimpses",
            lines=[
                Line(name=line, points=[columns[n][i] for n in sorted(columns)])
                for i, line in enumerate((PAPER, MEAN, AVERAGED))
            ],
        )
        for name, columns in found.items()
        if columns
    ]


def point(x: float, result: Result, note: str = "") -> Point:
    """An evaluation as a point."""
    assert result.error is not None  # `find` returns evaluations alone
    return Point(x, result.error, result.low, result.high, note)


def learning_curves(results: Iterable[Result], curves: Mapping[str, Curve]) -> list[Panel]:
    """Validation errors of runs that differ in seed and credit alone, where those do in credit."""
    alike: dict[tuple[str, ...], dict[str, str]] = {}  # of each run the credit
    for result in results:
        options = options_of(result)
        credit = options.pop("credit", "environment")
        if result.trainer == "dram" and "validation/error" in (curves.get(result.run) or [{}])[0]:
            others = sorted(f"{name}={value}" for name, value in options.items())
            key = (result.train_env, _drawn(result), *others)
            alike.setdefault(key, {})[result.run] = credit
    return [
        Panel(
            title=_about(*key),
            x="million images",
            lines=[
                Line(name=f"credit: {credit}", points=_validation(curves[run]))
                for run, credit in sorted(runs.items(), key=lambda item: item[1])
            ],
            y="validation error, %",
            markers=False,
        )
        for key, runs in sorted(alike.items())
        if len(set(runs.values())) > 1
    ]


def _drawn(result: Result) -> str:
    """How a house number was rendered; empty for other tasks."""
    if "HouseNumbers" not in (result.test_env or result.train_env):
        return ""
    return "rendered " + ("as now" if rendered_as_now(result) else f"until {LAST_BEFORE}")


def _about(train_env: str, drawn: str, *options: str) -> str:
    """The title of runs with these options."""
    parts = ["digits apart"] if "layout=apart" in options else []
    parts += [one.replace("=", ": ") for one in options if one.startswith("features=")]
    return f"{NAMES.get(train_env, train_env)}\n{', '.join([*parts, *filter(None, [drawn])])}"


def _validation(curve: Curve) -> list[Point]:
    return [
        Point(row["images"] / 1e6, 100 * row["validation/error"])
        for row in curve
        if "validation/error" in row
    ]


def cost(rows: Iterable[Row], results: Sequence[Result]) -> list[Panel]:
    """Error against multiply-adds an image of every reader of house numbers in the tables.

    A reader is a line from its mean gaze to ten gaze sequences averaged, where both are known.
    """
    panels: dict[str, list[Line]] = {}
    for row in rows:
        read = [find(results, row.run, reader=row.reader, samples=n) for n in (1, 10)]
        counted = [one for one in read if one and one.multiply_adds]
        if counted and counted[0].test_env in (HOUSES, WIDE):
            first = counted[0]
            notes = [_note(first), ""]  # beside the first point alone
            points = [
                point((one.multiply_adds or 0) / 1e6, one, note)
                for one, note in zip(counted, notes, strict=False)
            ]
            title = f"{NAMES[first.test_env]}\n{_drawn(first)}"
            panels.setdefault(title, []).append(Line(name=_kind(first), points=points))
    x = "million multiply-adds an image"
    return [Panel(title=title, x=x, lines=lines, log_x=True) for title, lines in panels.items()]


def _kind(result: Result) -> str:
    if result.trainer == "convnet":
        return "network of the whole image"
    if result.reader == "forward-backward":
        return "DRAM, forward and backward"
    return "DRAM that decides when to speak" if _pace(result) == 0 else "DRAM, forward"


def _note(result: Result) -> str:
    if result.trainer == "convnet":
        return "residual" if result.preset.startswith("modern") else "10-layer ConvNet"
    size = options_of(result).get("glimpse_size", "")
    return _credit(result) + (f", {size}x{size} glimpses" if size == "8" else "")


def adaptive(results: Iterable[Result]) -> list[Panel]:
    """Error against glimpses an image, 8x8 pixels each, of house numbers as they were rendered.

    With so small glimpses one look at a digit does not do, so that it matters how often it is
    looked at: a fixed number for each label, or as long as the agent wants to, for a price.
    """
    lines: dict[str, list[Point]] = {}
    for result in results:
        told = (result.test_env, result.split, result.gaze, result.samples)
        small = options_of(result).get("glimpse_size") == "8" and not rendered_as_now(result)
        if told == (HOUSES, "test", "policy", 1) and small and result.glimpses:
            name, note = _setting(result)
            lines.setdefault(name, []).append(point(result.glimpses, result, note))
    shown = [
        Line(name=name, points=sorted(points, key=lambda one: one.x))
        for name, points in sorted(lines.items())
    ]
    title = f"{NAMES[HOUSES]}, rendered until {LAST_BEFORE}"
    return [Panel(title=title, x="glimpses an image", lines=shown, log_y=False)]


def _setting(result: Result) -> tuple[str, str]:
    """How it is decided when to speak, and at what price or pace."""
    options, pace, credit = options_of(result), _pace(result), _credit(result)
    if pace:
        name, note = "a fixed number for each label", f"{pace} a label"
    else:
        when = "later" if "start_from" in options else "from the start"
        name, note = f"decides, this price {when}", f"price {options['glimpse_cost']}"
    return name + ("" if credit == "environment" else f", credit: {credit}"), note


def _credit(result: Result) -> str:
    return options_of(result).get("credit", "environment")


def _pace(result: Result) -> int:
    """Glimpses for each label, 0 where the agent decides; what a run does not say is its id's."""
    chosen = TABLE.get(result.train_env, {}) | options_of(result)
    return int(chosen["glimpses_per_label"])
