"""Error against glimpses, of agents that decide when to speak and of those that do not.

`python benchmarks/glimpse_curve.py NAME ...`: names of runs whose results are kept in
`results/runs.csv` (see keep_results.py).
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro
from matplotlib.figure import Figure

from agents.runs.provenance import command
from agents.trainer.commands import run_command
from benchmarks import reporting
from benchmarks.kept_runs import Result, find, options_of, read_results
from envs_registry import TABLE
from glimpse_env.errors import InvalidArgument, MissingData

DECIDES, FIXED = "decides when to speak", "a fixed number for each label"


class Point(NamedTuple):
    """A trained agent, at its own mean gazes on the test split."""

    kind: str  # and what its gazes are credited with, where that is not the environment's reward
    setting: str  # what a glimpse cost, or how many there were for each label
    glimpses: float  # an image, mean
    error: float  # percent
    interval: tuple[float, float]  # 95 %, percent
    images: str  # trained on


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Draw the curve and print its table."""

    runs: tyro.conf.Positional[tuple[str, ...]]
    """Names of runs."""
    output: Path = reporting.RESULTS / "adaptive_reader.png"
    """The picture; the table goes to a file beside it that ends in .md."""


def point(results: Sequence[Result], run: str) -> Point:
    """The point of a run.

    Raises:
        MissingData: No evaluation of it that counted glimpses is kept.
    """
    found = find(results, run)
    if found is None or found.glimpses is None:
        raise MissingData(
            f"runs.csv has no evaluation of {run} at its own gazes: python agents/evaluate.py "
            f"runs/{run} --gaze policy, then python benchmarks/keep_results.py runs/{run}"
        )
    # What the run does not set is the environment's own.
    chosen = TABLE.get(found.train_env, {}) | options_of(found)
    pace, cost = int(chosen["glimpses_per_label"]), float(chosen.get("glimpse_cost", 0))
    credit = chosen.get("credit", "environment")
    return Point(
        kind=(DECIDES if pace == 0 else FIXED)
        + ("" if credit == "environment" else f", credited with {credit}"),
        setting=f"cost {cost:g}" if pace == 0 else str(pace),
        glimpses=found.glimpses,
        error=found.error or 0.0,
        interval=(found.low or 0.0, found.high or 0.0),
        images=f"{found.images:,}" + (" more" if "start_from" in chosen else ""),
    )


def table(points: Sequence[Point]) -> str:
    """The curve in numbers, as Markdown."""
    head = ["agent", "setting", "images trained on", "glimpses an image", "test error"]
    rows = [
        [
            point.kind,
            point.setting,
            point.images,
            f"{point.glimpses:.2f}",
            f"{point.error:.2f} % ({point.interval[0]:.2f} .. {point.interval[1]:.2f})",
        ]
        for point in points
    ]
    return reporting.table(head, rows)


def draw(points: Sequence[Point], path: Path) -> None:
    """The curve as a picture: error with its interval over glimpses, a line for each kind."""
    figure = Figure(figsize=(7, 4.5), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for kind, marker in zip(sorted({one.kind for one in points}), "soD^v<>", strict=False):
        shown = sorted((one for one in points if one.kind == kind), key=lambda one: one.glimpses)
        below = [one.error - one.interval[0] for one in shown]
        above = [one.interval[1] - one.error for one in shown]
        x, y = [one.glimpses for one in shown], [one.error for one in shown]
        axes.errorbar(x, y, yerr=[below, above], marker=marker, capsize=3, label=kind)
        for one in shown:
            axes.annotate(
                one.setting, (one.glimpses, one.error), (6, 6), textcoords="offset points"
            )
    axes.set(xlabel="glimpses an image", ylabel="test error, whole numbers, %")
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path)


def main(arguments: Arguments) -> None:
    """Read, draw, write and print.

    Raises:
        InvalidArgument: No runs: the curve in `results/` would be overwritten by an empty one.
    """
    if not arguments.runs:
        raise InvalidArgument("name runs: python benchmarks/glimpse_curve.py NAME ...")
    results = read_results()
    points = [point(results, run) for run in arguments.runs]
    points.sort(key=lambda one: (one.kind, one.glimpses))
    draw(points, arguments.output)
    text = table(points)
    arguments.output.with_suffix(".md").write_text(
        f"# Error against glimpses\n\n`{command(sys.argv)}`\n\n{text}\n"
    )
    print(text)


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
