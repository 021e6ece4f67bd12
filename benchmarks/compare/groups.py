"""Runs that differ in their seeds alone, together: what tables and plots are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

import numpy as np

from benchmarks.compare.entrants import ENTRANTS
from benchmarks.compare.outcomes import Outcome
from benchmarks.compare.statistics import (
    Scores,
    bootstrap_interval,
    interquartile_mean,
    steps_to,
)
from benchmarks.compare.tasks import TASKS
from benchmarks.kept_runs import Curve
from glimpse_env.errors import CorruptedData


class Group(NamedTuple):
    """The runs of a learner on a task, with a budget."""

    task: str
    budget: int
    learner: str
    outcomes: list[Outcome]
    curves: list[Curve]

    @property
    def errors(self) -> Scores:
        """Test errors, percent, (R,)."""
        return np.array([one.error for one in self.outcomes])

    @property
    def middle(self) -> float:
        """The interquartile mean of the test errors, percent."""
        return interquartile_mean(self.errors)

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % bootstrap interval over seeds, percent."""
        return bootstrap_interval([self.errors])

    @property
    def steps_to_goal(self) -> float:
        """The median over seeds of the steps to the task's error; infinity where most do not."""
        goal = TASKS[self.task].goal / 100
        return median(
            steps_to([row["images"] for row in curve], errors_of(curve), goal)
            for curve in self.curves
        )

    @property
    def seeds(self) -> str:
        """Which."""
        return ", ".join(str(one.seed) for one in self.outcomes)

    @property
    def cpu_seconds(self) -> float:
        """The median over seeds."""
        return median(one.cpu_seconds for one in self.outcomes)


def errors_of(curve: Curve) -> list[float]:
    """Validation errors, shares."""
    return [row["validation/error"] for row in curve]


def groups_of(outcomes: Sequence[Outcome], curves: Mapping[str, Curve]) -> list[Group]:
    """All groups, by task and budget, in the order of entrants.py.

    Raises:
        CorruptedData: Runs of a group differ in their options, too.
    """
    order = [*ENTRANTS]
    found: dict[tuple[str, int, str], list[Outcome]] = {}
    for one in sorted(outcomes, key=lambda one: one.seed):
        found.setdefault((one.task, one.budget, one.learner), []).append(one)
    for (task, budget, learner), runs in found.items():
        if len({one.options for one in runs}) > 1:
            raise CorruptedData(
                f"{task}, {budget} steps, {learner}: seeds with other options than others; delete "
                "the rows of those that are not wanted any more, and make their runs again"
            )
    groups = [
        Group(*key, runs, [curves[one.run.name] for one in runs]) for key, runs in found.items()
    ]
    place = {name: number for number, name in enumerate(order)}
    return sorted(groups, key=lambda one: (one.task, one.budget, place.get(one.learner, math.inf)))
