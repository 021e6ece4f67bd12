"""The rules of an episode: when a label is due, whether it was right, when it is over.

episodes.py pays.

Pure functions of arrays over B rows; S is the most labels that can be said in an episode.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import NamedTuple

from glimpse_env.backend import Array, Backend
from glimpse_env.envs.gaze.episodes import OVER


@dataclasses.dataclass(frozen=True, eq=False)  # compared by identity: a key that costs nothing
class Rules:
    """What defines the episodes of a task, fixed for the life of an environment."""

    glimpses_per_label: int  # N, glimpses that precede each label; 0: the agent decides
    max_glimpses: int  # most glimpses before a label; N where N > 0
    num_classes: int  # object classes; this number itself is the end label of a sequence
    max_labels: int  # L, most objects in an image
    has_end: bool  # whether the end label is said after the last object
    stop_on_mistake: bool  # whether the first wrong label ends the episode
    sees_at_reset: bool  # whether the reset shows a glimpse

    @property
    def agent_decides(self) -> bool:
        """Whether the agent decides when to speak."""
        return self.glimpses_per_label == 0

    @property
    def num_labels(self) -> int:
        """How many labels can be said."""
        return self.num_classes + self.has_end

    @property
    def num_choices(self) -> int:
        """Size of the label space: the labels and, last, to keep looking where that may be."""
        return self.num_labels + self.agent_decides

    @property
    def keep_looking(self) -> int:
        """What stands in the place of a label for an agent that says none yet."""
        return self.num_labels

    @property
    def max_said(self) -> int:
        """S, the most labels said in an episode."""
        return self.max_labels + self.has_end

    @property
    def max_steps(self) -> int:
        """Steps of the longest episode."""
        return self.max_glimpses * self.max_said + (not self.sees_at_reset)


class Judgement(NamedTuple):
    """What the labels said in one step were worth."""

    due: Array  # bool (B,), a label was read
    right: Array  # bool (B,), and it was right
    over: Array  # bool (B,), and the episode ends with it


def targets(backend: Backend, labels: Array, rules: Rules) -> Array:
    """The label due at each turn: int64 (B, S + 1), -1 where nothing is right any more.

    Args:
        backend: Where the arrays live.
        labels: int64 (B, L), padded with -1.
        rules: The rules of the episode.
    """
    xp, number = backend.xp, len(labels)
    padding = backend.zeros((number, rules.max_said + 1 - rules.max_labels), "int64") - 1
    padded = xp.concatenate([labels, padding], 1)
    if not rules.has_end:
        return padded
    length = (labels >= 0).sum(1)
    is_end = backend.arange(rules.max_said + 1) == length[:, None]
    return xp.where(is_end, rules.num_classes, padded)


def label_due(rules: Rules, seen: Array, said: Array, over: Array) -> Array:
    """Whether the next action's label will be read.

    Args:
        rules: The rules of the episode.
        seen: int64 (B,), glimpses seen.
        said: int64 (B,), labels said.
        over: bool (B,), whether the episode has ended.
    """
    if rules.agent_decides:
        return (seen > 0) & ~over
    return seen == rules.glimpses_per_label * (said + 1)


def speaks(rules: Rules, label: Array, since: Array) -> Array:
    """Whether an agent that decides says a label: it chose one, or it may not look any longer.

    Args:
        rules: The rules of the episode.
        label: int64 (B,), what was chosen.
        since: int64 (B,), glimpses seen since the last label.
    """
    return (label != rules.keep_looking) | (since >= rules.max_glimpses)


def judge(rules: Rules, due: Array, said: Array, label: Array, target: Array) -> Judgement:
    """Judge the labels that are due.

    Args:
        rules: The rules of the episode.
        due: bool (B,), whether a label is read.
        said: int64 (B,), labels said before.
        label: int64 (B,), the label of the action.
        target: int64 (B,), the label that is right now, -1 for none.
    """
    right = due & (label == target)
    if rules.max_said == 1:
        return Judgement(due, right, due)
    over = (said + 1 == rules.max_said) | (label == rules.num_classes)
    if rules.stop_on_mistake:
        over = over | ~right
    return Judgement(due, right, due & over)


@functools.lru_cache(maxsize=4096)
def next_clocks(rules: Rules, clocks: frozenset[int]) -> frozenset[int]:
    """What the numbers of glimpses seen may be after one more step of running episodes.

    The host keeps this set without reading an array. So it knows when no row can be due or over,
    and skips that work, on a GPU too.

    Args:
        rules: The rules of the episode.
        clocks: The numbers of glimpses that some running row may have seen.

    Returns:
        The same after the step, with OVER where an episode may have ended.
    """
    after = set()
    for seen in clocks:
        due = may_be_due(rules, seen)
        if due:
            after.add(OVER)
        if not due or seen < rules.max_glimpses * rules.max_said:
            after.add(seen + 1)
    return frozenset(after)


def may_be_due(rules: Rules, seen: int) -> bool:
    """Whether a row that has seen so many glimpses may read a label next."""
    return seen > 0 and (rules.agent_decides or seen % rules.glimpses_per_label == 0)


@functools.lru_cache(maxsize=4096)
def any_may_be_due(rules: Rules, clocks: frozenset[int]) -> bool:
    """Whether some row may read a label next."""
    return any(may_be_due(rules, seen) for seen in clocks)
