"""The plots of docs/algorithms.md: `python -m benchmarks.compare.plots`; needs matplotlib.

A picture for each task and budget, `docs/pictures/algorithms_TASK_BUDGET.webp`: validation error by
environment steps, with a band from the lowest to the highest seed, and the share of runs that score
more than a threshold on the test split.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from agents.runs.provenance import ROOT
from agents.trainer.commands import run_command
from benchmarks.compare.groups import Group, errors_of, groups_of
from benchmarks.compare.outcomes import CURVES, OUTCOMES, read_outcomes
from benchmarks.compare.statistics import interquartile_mean, performance_profile
from benchmarks.kept_runs import read_curves
from benchmarks.still_pictures import PICTURES, write_webp
from glimpse_env.errors import MissingPackage

THRESHOLDS = np.linspace(0, 1, 201)


def draw(groups: Sequence[Group], folder: Path = PICTURES) -> Path:
    """Draw the groups of one task and budget; returns the path of the picture.

    Raises:
        MissingPackage: matplotlib is not installed.
        FolderUnwritable: There is no room, or the folder cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackage("plots need matplotlib: pip install matplotlib") from error
    task, budget = groups[0].task, groups[0].budget
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for number, group in enumerate(groups):
        style = {"color": f"C{number % 10}", "ls": ("-", "--", ":")[number // 10]}
        _draw_curve(left, group, style)
        scores = 1 - group.errors / 100
        right.step(THRESHOLDS, performance_profile(scores, THRESHOLDS), where="post", **style)
    left.set(xlabel="environment steps", ylabel="validation error, %", title=f"{task}: learning")
    right.set(xlabel="threshold: share read right", ylabel="share of seeds above it")
    right.set(title=f"{task}: test split after {budget:,} steps", ylim=(-0.02, 1.02))
    figure.legend(loc="outside right center", fontsize=8)
    return _written(figure, folder / f"algorithms_{task}_{budget}.webp")


def _draw_curve(axes: Any, group: Group, style: dict[str, Any]) -> None:
    """Errors by steps; seeds are averaged where all of them have as many points."""
    points = min(map(len, group.curves))
    steps = np.array([[row["images"] for row in curve[:points]] for curve in group.curves]).mean(0)
    errors = 100 * np.array([errors_of(curve)[:points] for curve in group.curves])
    middle = [interquartile_mean(column) for column in errors.T]
    axes.plot(steps, middle, label=group.learner, **style)
    axes.fill_between(steps, errors.min(0), errors.max(0), color=style["color"], alpha=0.15, lw=0)


def _written(figure: Any, path: Path) -> Path:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    write_webp(path, Image.open(content).convert("RGB"), quality=85)
    return path


def main() -> None:
    """Draw all that is kept."""
    groups = groups_of(read_outcomes(OUTCOMES), read_curves(CURVES))
    for _, members in groupby(groups, key=lambda one: (one.task, one.budget)):
        print(draw([*members]).relative_to(ROOT))


if __name__ == "__main__":
    run_command(main)
