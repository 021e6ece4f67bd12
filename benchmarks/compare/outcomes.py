"""What is kept of a comparison: `results/algorithms.csv`, a row a run, and the runs' curves."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import reporting
from benchmarks.csv_rows import read_csv, write_csv
from benchmarks.kept_runs import Curve, read_curves, write_curves

OUTCOMES = reporting.RESULTS / "algorithms.csv"
CURVES = reporting.RESULTS / "algorithm_curves.csv.xz"


class Run(NamedTuple):
    """What is to be run: no two runs are alike in all of this."""

    task: str
    learner: str
    budget: int  # environment steps that were asked for
    seed: int

    @property
    def name(self) -> str:
        """A name for its folder and its curve."""
        learner = self.learner.replace(":", ".")
        return f"{self.task}-{learner}-{self.budget}-seed{self.seed}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run: a row of algorithms.csv, its fields the columns."""

    task: str
    """Name in tasks.py."""
    env_id: str
    """The environment."""
    env_options: str
    """Its keywords over its own defaults, `name=value`."""
    learner: str
    """Name in entrants.py."""
    options: str
    """Those of the learner's configuration that differ from its defaults, `name=value`."""
    seed: int
    """Of weights, images and noise."""
    budget: int
    """Environment steps that were asked for."""
    steps: int
    """Those that were taken: the last update goes to its end."""
    cpu_seconds: float
    """Processor time of the learning, without the evaluations."""
    seconds: float
    """The same on the clock."""
    n: int
    """Test images, or games, read once, after the last step."""
    wrong: int
    """Those with any label wrong, or lost."""
    error: float
    """Percent."""
    low: float
    """Lower end of the 95 % interval that the number of images leaves, percent."""
    high: float
    """Upper end."""
    parameters: int
    """Numbers that were learned."""
    date: str
    """Day."""
    commit: str
    """Commit of the code."""
    machine: str
    """CPU, cores and threads."""

    @property
    def run(self) -> Run:
        """Which run it was."""
        return Run(self.task, self.learner, self.budget, self.seed)


def read_outcomes(path: Path = OUTCOMES) -> list[Outcome]:
    """All rows of such a file; none if there is no file.

    Raises:
        CorruptedData: A column is missing, unknown, or has something else than its numbers.
    """
    return read_csv(Outcome, path)


def write_outcomes(outcomes: Iterable[Outcome], path: Path = OUTCOMES) -> None:
    """Write such a file, by task, learner, budget and seed."""
    write_csv(Outcome, sorted(outcomes, key=lambda one: one.run), path)


def keep(
    found: Iterable[tuple[dict[str, Any], Curve]], outcomes: Path = OUTCOMES, curves: Path = CURVES
) -> None:
    """Put runs into both files, in the place of what was there of them.

    Args:
        found: Rows and curves of runs; a curve's `images` are steps.
        outcomes: File of rows.
        curves: File of curves.
    """
    kept = {one.run: one for one in read_outcomes(outcomes)}
    lines = read_curves(curves)
    for row, curve in found:
        outcome = Outcome(**row)
        kept[outcome.run] = outcome
        lines[outcome.run.name] = curve
    write_outcomes(kept.values(), outcomes)
    write_curves(lines, curves)
