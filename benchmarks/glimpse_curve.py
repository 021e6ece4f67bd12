"""Error against glimpses, of agents that decide when to speak and of those that do not.

`python benchmarks/glimpse_curve.py RUN ...`, each evaluated before:
`python agents/evaluate.py RUN --gaze policy`.
"""

from __future__ import annotations

import dataclasses
import json
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
from envs_registry import TABLE
from glimpse_env.errors import InvalidArgument, MissingData

DECIDES, FIXED = "decides when to speak", "a fixed number for each label"


class Point(NamedTuple):
    """A trained agent, at its own mean gazes on the test split."""

    kind: str  # and its reward, where that is not 0 or 1 for a label
    setting: str  # what a glimpse cost, or how many there were for each label
    glimpses: float  # an image, mean
    error: float  # percent
    interval: tuple[float, float]  # 95 %, percent
    images: str  # trained on


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Draw the curve and print its table."""

    runs: tyro.conf.Positional[tuple[Path, ...]]
    """Run folders."""
    output: Path = reporting.RESULTS / "adaptive_reader.png"
    """The picture; the table goes to a file beside it that ends in .md."""


def read(run: Path) -> Point:
    """The point of a run.

    Raises:
        MissingData: It has not been evaluated so that glimpses were counted.
    """
    config = json.loads((run / "config.json").read_text())
    try:
        evaluations = json.loads((run / "evaluation_test_samples1_policy.json").read_text())
    except FileNotFoundError as error:
        raise MissingData(
            f"{run} has no evaluation of its own gazes: "
            f"python agents/evaluate.py {run} --gaze policy"
        ) from error
    found = evaluations[0]
    # What the run does not set is the environment's own.
    own = TABLE.get(config["env_id"], {})
    pace, cost = (
        own.get(name) if config.get(name) is None else config[name]
        for name in ("glimpses_per_label", "glimpse_cost")
    )
    paid = f", rewarded by {config['credit']}" if config["credit"] != "environment" else ""
    return Point(
        kind=(DECIDES if pace == 0 else FIXED) + paid,
        setting=f"cost {cost or 0:g}" if pace == 0 else str(pace),
        glimpses=found["glimpses_per_image"],
        error=found["error"],
        interval=(found["interval"][0], found["interval"][1]),
        images=f"{config['images']:,}" + (" more" if config.get("start_from") else ""),
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
        raise InvalidArgument("name runs: python benchmarks/glimpse_curve.py runs/NAME ...")
    points = sorted(map(read, arguments.runs), key=lambda one: (one.kind, one.glimpses))
    draw(points, arguments.output)
    text = table(points)
    arguments.output.with_suffix(".md").write_text(
        f"# Error against glimpses\n\n`{command(sys.argv)}`\n\n{text}\n"
    )
    print(text)


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
