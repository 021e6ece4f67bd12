"""The table of docs/algorithms.md, made from results/algorithms.csv by benchmarks/tables.py."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby

from benchmarks import reporting
from benchmarks.compare.entrants import ENTRANTS
from benchmarks.compare.groups import Group, groups_of
from benchmarks.compare.outcomes import Outcome
from benchmarks.compare.tasks import TASKS
from benchmarks.kept_runs import Curve

NOTHING = "Nothing has been run yet."


def algorithms(outcomes: Sequence[Outcome], curves: Mapping[str, Curve]) -> str:
    """A table for each task and budget; budgets are never mixed."""
    groups = groups_of(outcomes, curves)
    parts = [
        f"**{task}**: {TASKS[task].about}; {budget:,} steps.\n\n{_table([*members])}"
        for (task, budget), members in groupby(groups, key=lambda one: (one.task, one.budget))
    ]
    return "\n\n".join(parts) or NOTHING


def _table(groups: Sequence[Group]) -> str:
    goal = TASKS[groups[0].task].goal
    head = ["learner", "what it is", "labels", "seeds", "test error, %", "lowest .. highest"]
    head += [f"steps to {goal:g} %", "CPU seconds"]
    return reporting.table(head, [_line(group) for group in groups])


def _line(group: Group) -> list[str]:
    entrant = ENTRANTS.get(group.learner)
    told = entrant is not None and entrant.labels and not TASKS[group.task].is_game
    return [
        f"`{group.learner}`",
        entrant.about if entrant else "",
        "yes" if told else "",
        group.seeds,
        _error(group),
        f"{group.errors.min():.1f} .. {group.errors.max():.1f}",
        _steps(group.steps_to_goal),
        f"{group.cpu_seconds:.0f}",
    ]


def _error(group: Group) -> str:
    """The interquartile mean; its interval over seeds where there is more than one."""
    text = f"{group.middle:.1f}"
    if len(group.outcomes) == 1:
        return text
    low, high = group.interval
    return f"{text} ({low:.1f} .. {high:.1f})"


def _steps(steps: float) -> str:
    return "not reached" if math.isinf(steps) else f"{round(steps, -3):,.0f}"
