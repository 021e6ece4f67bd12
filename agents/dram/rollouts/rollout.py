"""Playing a batch of episodes from beginning to end, keeping what the losses need.

B rows, S the most labels said, N the most glimpses for each. G gazes of D
coordinates, Y labels, V glimpses and D decisions between speaking and looking, all of rows whose
episode was still running.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Decisions(NamedTuple):
    """What was decided at D moments at which the agent could speak or keep looking."""

    odds: Tensor  # (D,), log-odds of speaking, carries the gradient
    spoke: Tensor  # bool (D,)
    baseline: Tensor  # (D,), carries the gradient
    place: Tensor  # (D,), position in flat (B, S, N) of the glimpse that would come next
    to_pay: Tensor  # (D,), cost of the glimpses that were still taken before the label
    glimpses: Tensor  # (B,), taken for all labels


class Said(NamedTuple):
    """The Y labels that were said, where they are learned from rewards alone."""

    label: Tensor  # int64 (Y,)
    baseline: Tensor  # (Y,), the return expected before it was said, carries the gradient


class Guesses(NamedTuple):
    """What the classifier would have said at every glimpse, whether a label was due or not."""

    logits: Tensor  # (V, labels), carries the gradient
    targets: Tensor  # (V,), what would have been right
    place: Tensor  # (V,), position in flat (B, S, N) of the glimpse


class Rollout(NamedTuple):
    """B finished episodes."""

    gaze: Tensor  # (G, D), where the rows chose to look: the raw samples, before clipping
    params: Tensor  # (G, P), of the distributions that they were drawn from, carries the gradient
    baseline: Tensor  # (G,), carries the gradient
    returns: Tensor  # (B, S), R_s; see returns_of
    place: Tensor  # (G,), position in flat (B, S, N) of the glimpse that it leads to; games: row
    logits: Tensor  # (Y, labels), carries the gradient
    logits_at: Tensor  # (Y,), position in the flat returns of the label that they are for
    targets: Tensor  # (Y,), what should have been said
    right: Tensor  # bool (B,), the whole sequence is right
    labels_right: Tensor  # (B,), right labels said: all that was paid, costs of glimpses aside
    to_pay: Tensor | float = 0.0  # (G,), cost of the glimpses from this one up to the label
    gaze_counts: Tensor | None = None  # bool (G,), whose episode was running; None for all
    label_counts: Tensor | None = None  # bool (Y,), likewise
    decisions: Decisions | None = None  # of an agent that decides when to speak
    said: Said | None = None  # where labels were drawn
    guesses: Guesses | None = None  # where asked for, and always of an agent that decides
    max_glimpses: int = 1  # N

    @property
    def for_label(self) -> Tensor:
        """(G,), position in the flat returns of the label that the gaze was for."""
        return self.place // self.max_glimpses


def agreed(numbers: Tensor, samples: int) -> Tensor:
    """Means over the groups of `samples` rows that show the same image: (R, ...) to (R, ...)."""
    if samples == 1:
        return numbers
    groups = numbers.view(-1, samples, *numbers.shape[1:])
    return groups.mean(1).repeat_interleave(samples, 0)


def agreed_scores(logits: Tensor, samples: int) -> Tensor:
    """Scores (R, labels) with the order of averaged log-probabilities (DRAM eq. 14)."""
    return logits if samples == 1 else agreed(logits.log_softmax(1), samples)


def returns_of(rewards: Tensor) -> Tensor:
    """What a gaze for label s is worth, R_s (B, S): all rewards up to that label (DRAM eq. 16).

    Args:
        rewards: (B, S), in column s what was paid after label s - 1, up to label s and for it.
    """
    return rewards.cumsum(1)
