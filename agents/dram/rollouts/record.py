"""What is noted while a batch of episodes with labels is played, and what becomes of it.

B rows, S the most labels said, N the most glimpses for each; R rows that decide together.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from agents.dram.rollouts.rollout import Guesses, Rollout, Said, returns_of
from agents.dram.rollouts.tensor_envs import Tensors
from glimpse_env.envs.reading.rules import Rules


class Record:
    """Lists of decisions that grow while a batch is played.

    Args:
        rules: Of the episodes.
        rows: int64 (B,), all rows.
    """

    def __init__(self, rules: Rules, rows: Tensor) -> None:
        self._rules = rules
        self.rewards = torch.zeros(len(rows), rules.max_said, device=rows.device)
        self._right = torch.zeros_like(rows, dtype=torch.bool)
        self._gazes: list[tuple[Tensor, ...]] = []  # gaze, params, baseline, place, counts
        self._labels: list[tuple[Tensor, ...]] = []  # logits, at, target, counts
        self._said: list[tuple[Tensor, ...]] = []  # label, baseline
        self._guesses: list[tuple[Tensor, ...]] = []  # logits, target, place

    def label_at(self, rows: Tensor, turn: Tensor | int) -> Tensor:
        """Positions in flat (B, S) of the labels of rows (R,) that have said `turn` labels."""
        return rows * self._rules.max_said + turn

    def place(self, rows: Tensor, turn: Tensor | int, since: Tensor | int) -> Tensor:
        """Positions in flat (B, S, N) of the glimpse that comes next, `since` after the label."""
        return self.label_at(rows, turn) * self._rules.max_glimpses + since

    def guess(self, logits: Tensor, target: Tensor, place: Tensor) -> None:
        """Note what the classifier would say after the glimpse at that place: (R, labels), (R,)."""
        self._guesses.append((logits, target, place))

    def label(self, logits: Tensor, at: Tensor, target: Tensor, *counts: Tensor) -> None:
        """Note labels that were due: (R, labels), (R,), (R,); bool (R,) where not all count."""
        self._labels.append((logits, at, target, *counts))

    def said(self, label: Tensor, baseline: Tensor) -> None:
        """Note labels that were drawn, (R,), and the returns that were expected, (R,)."""
        self._said.append((label, baseline))

    def gaze(
        self, gaze: Tensor, params: Tensor, baseline: Tensor, place: Tensor, *counts: Tensor
    ) -> None:
        """Note gazes: (R, D), (R, P), (R,), (R,); bool (R,) where not all count."""
        self._gazes.append((gaze, params, baseline, place, *counts))

    def end(self, info: Tensors, over: Tensor) -> None:
        """Note which episodes, bool (B,), have ended with all labels right."""
        if "sequence_correct" in info:
            self._right |= info["sequence_correct"] & over

    def rollout(self, *, guesses: bool, **more: Any) -> Rollout:
        """All of it.

        Args:
            guesses: Whether guesses are wanted.
            **more: Other fields.
        """
        gaze, params, baseline, place, *gaze_counts = map(torch.cat, zip(*self._gazes, strict=True))
        logits, logits_at, targets, *label_counts = map(torch.cat, zip(*self._labels, strict=True))
        if gaze_counts:
            more |= {"gaze_counts": gaze_counts[0], "label_counts": label_counts[0]}
        if self._said:
            more |= {"said": Said(*map(torch.cat, zip(*self._said, strict=True)))}
        if guesses:
            more |= {"guesses": Guesses(*map(torch.cat, zip(*self._guesses, strict=True)))}
        return Rollout(
            gaze=gaze,
            params=params,
            baseline=baseline,
            returns=returns_of(self.rewards),
            place=place,
            logits=logits,
            logits_at=logits_at,
            targets=targets,
            right=self._right,
            labels_right=self.rewards.sum(1),
            max_glimpses=self._rules.max_glimpses,
            **more,
        )
