"""What an agent reads in images, and how two readings of an image become one.

B images, S the most labels said in an episode, Y labels in the label space. In a sequence task the
last of the label space is the end label.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from agents.dram.rollouts.rollout import Rollout


class Reading(NamedTuple):
    """The labels said of every image, and how sure the agent was of each label there is."""

    log_probs: Tensor  # (B, S, Y), zeros where the agent had ended before
    said: Tensor  # int64 (B, S), -1 where the agent had ended before

    @property
    def labels(self) -> int:
        """Y."""
        return self.log_probs.shape[2]

    @property
    def lengths(self) -> Tensor:
        """In a sequence task, how many objects were seen: labels before the end label, (B,)."""
        return ((self.said >= 0) & (self.said < self.labels - 1)).sum(1)


def read_off(rollout: Rollout, samples: int) -> Reading:
    """The reading of a rollout.

    Args:
        rollout: B * samples episodes, the samples of an image one after another, which have agreed
            on their labels.
        samples: M, over which log-probabilities are averaged (Monte Carlo averaging, DRAM eq. 14).
    """
    rows, turns = rollout.returns.shape
    log_probs = rollout.logits.new_zeros(rows * turns, rollout.logits.shape[1])
    log_probs[rollout.logits_at] = rollout.logits.detach().log_softmax(1)
    averaged = log_probs.view(rows // samples, samples, turns, -1).mean(1)
    spoken = torch.zeros(rows * turns, dtype=torch.bool, device=log_probs.device)
    spoken[rollout.logits_at] = True
    spoken = spoken.view(-1, samples, turns)[:, 0]
    return Reading(averaged, torch.where(spoken, averaged.argmax(2), -1))


def combine(forward: Reading, backward: Reading) -> Reading:
    """The forward-backward rule of DRAM (Ba et al. 2014, section 4.3).

    Readers tend to see digits after the last, so the shorter reading gives the length k. The first
    k log-probabilities of the forward reader and the first k of the backward reader, turned round,
    are averaged.

    Args:
        forward: From first to last.
        backward: From last to first, as it was read: not turned round.
    """
    end = forward.labels - 1
    length = torch.minimum(forward.lengths, backward.lengths)[:, None]
    turn = torch.arange(forward.said.shape[1], device=length.device)
    inside = turn < length
    rows = torch.arange(len(length), device=length.device)[:, None]
    flipped = backward.log_probs[rows, (length - 1 - turn).clamp_min(0)]
    log_probs = (forward.log_probs + flipped) / 2
    digits = log_probs[:, :, :end].argmax(2)
    said = torch.where(inside, digits, torch.where(turn == length, end, -1))
    return Reading(torch.where(inside[:, :, None], log_probs, 0.0), said)
