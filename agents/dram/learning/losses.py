"""The terms of the losses, and what is logged of them: pure functions of flat lists of decisions.

G gazes and Y labels were decided in a rollout of B episodes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def reinforce_loss(log_prob: Tensor, returns: Tensor, baseline: Tensor) -> Tensor:
    """Score-function estimator: -sum of (R_s - b) log p(l) (Williams 1992; DRAM eq. 13 and 16).

    Args:
        log_prob: (G,), of each gaze.
        returns: (G,), what each has earned.
        baseline: (G,), the return expected before the gaze.
    """
    return -(log_prob * (returns - baseline).detach()).sum()


def baseline_loss(returns: Tensor, baseline: Tensor) -> Tensor:
    """Squared error of the learned baseline, summed over the gazes (G,)."""
    return ((returns.detach() - baseline) ** 2).sum()


def label_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the labels that were due, summed; logits (Y, labels), targets (Y,).

    A target of -1, where nothing that can be said is right any more, does not count.
    """
    return torch.nn.functional.cross_entropy(logits, targets, reduction="sum", ignore_index=-1)


def expected_returns(
    logits: Tensor, targets: Tensor, logits_at: Tensor, shape: torch.Size
) -> Tensor:
    """Sums of the probabilities that the classifier gives the right labels that were reached.

    For a single label this is the mean reward of a label drawn from the classifier.

    Args:
        logits: (Y, labels).
        targets: (Y,), what should have been said; -1 earns nothing.
        logits_at: (Y,), positions in the flat returns.
        shape: (B, S).

    Returns:
        (B, S), without a gradient.
    """
    right = logits.detach().softmax(1).gather(1, targets.clamp_min(0)[:, None])[:, 0]
    rewards = right.new_zeros(shape[0] * shape[1])
    rewards[logits_at] = right * (targets >= 0)
    return rewards.view(shape).cumsum(1)


def information(logits: Tensor, targets: Tensor) -> Tensor:
    """How much of the right labels is known, from 0 (at chance, or less) to 1 (certain).

    1 + log p(y) / log Y: the log-likelihood, in which DRAM counts what is learned (eq. 12), in
    units of what there is to know.

    Args:
        logits: (V, Y).
        targets: (V,), -1 where nothing is right.

    Returns:
        (V,), without a gradient.
    """
    log_probs = logits.detach().log_softmax(1).gather(1, targets.clamp_min(0)[:, None])[:, 0]
    choices = max(2, logits.shape[1])  # where there is one label alone, it is known
    return (1 + log_probs / math.log(choices)).clamp_min(0) * (targets >= 0)


def information_gained(known: Tensor, in_the_end: Tensor) -> Tensor:
    """What each glimpse and those after it add to what is known of their label.

    As a return for the gaze that leads to the glimpse, what was known before is a baseline: it
    changes the variance and not the expectation of the REINFORCE gradient.

    Args:
        known: (B, S, N), after each of the glimpses for a label, at most N; before the first it is
            0.
        in_the_end: (B, S), after the last of them.

    Returns:
        (B, S, N). Of glimpses that were not taken the first alone says something: to stop before it
        was worth 0.
    """
    before = torch.nn.functional.pad(known[..., :-1], (1, 0))
    return in_the_end[..., None] - before


def explained_variance(returns: Tensor, baseline: Tensor, counts: Tensor | None = None) -> Tensor:
    """1 - Var(R - b) / Var(R): 1 for a perfect baseline, 0 for a constant one.

    Where nearly all returns are equal there is nothing to explain; Var(R) counts as 0.01 at least.

    Args:
        returns: (G,).
        baseline: (G,).
        counts: bool (G,), which of them count; None for all.
    """
    left = variance_of(returns - baseline, counts)
    return 1 - left / variance_of(returns, counts).clamp_min(0.01)


def mean_of(values: Tensor, counts: Tensor | None = None) -> Tensor:
    """The mean of `values` (n, ...) along the first axis, over those that count, bool (n,).

    0 where `counts` is given and none do.
    """
    if counts is None:
        return values.mean(0)
    where = counts.view(-1, *[1] * (values.ndim - 1))
    return torch.where(where, values, 0.0).sum(0) / counts.sum().clamp_min(1)


def variance_of(values: Tensor, counts: Tensor | None = None) -> Tensor:
    """The unbiased variance of `values` (n, ...) along the first axis, over those that count.

    0 of fewer than two: an agent that speaks at its first glimpse takes no other.
    """
    if counts is None:
        return values.var(0) if len(values) > 1 else values.new_zeros(values.shape[1:])
    number = counts.sum()
    squares = (values - mean_of(values, counts)) ** 2
    return mean_of(squares, counts) * number / (number - 1).clamp_min(1)


def spread(places: Tensor, counts: Tensor | None = None) -> Tensor:
    """The standard deviation of places (G, D), over those that count, bool (G,); axes averaged."""
    return variance_of(places, counts).sqrt().mean()
