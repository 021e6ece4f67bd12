"""The hybrid loss of RAM and DRAM, term by term: pure functions of flat lists of decisions.

G gazes and Y labels were decided in a rollout of B episodes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def gaze_log_prob(gaze: Tensor, mean: Tensor) -> Tensor:
    """The log-density of gazes times sigma^2, axis by axis, up to a constant.

    sigma^2 log N(gaze; mean, sigma^2) is -(gaze - mean)^2 / 2, whatever sigma. Without that factor
    the gradient grows with 1 / sigma^2, and a weight that works at one sigma explodes at another.

    Args:
        gaze: (G, 2), the raw samples, not clipped: the density belongs to what was drawn.
        mean: (G, 2), the means they were drawn around.

    Returns:
        (G,). The gradient goes to the mean alone: a sample that carried a gradient would cancel it.
    """
    return -((gaze.detach() - mean) ** 2).sum(1) / 2


def reinforce_loss(log_prob: Tensor, returns: Tensor, baseline: Tensor) -> Tensor:
    """Score-function estimator: -sum of (R_s - b) log p(l) (Williams 1992; DRAM eq. 13 and 16).

    Args:
        log_prob: (G,), of each gaze.
        returns: (G,), R_s: rewards up to the label that the gaze was for.
        baseline: (G,), the return expected before the gaze.
    """
    return -(log_prob * (returns - baseline).detach()).sum()


def baseline_loss(returns: Tensor, baseline: Tensor) -> Tensor:
    """Squared error of the learned baseline, summed over the gazes (G,)."""
    return ((returns.detach() - baseline) ** 2).sum()


def outside_loss(mean: Tensor) -> Tensor:
    """Squared distance of mean gazes (G, 2) from the image [-1, 1] x [-1, 1], summed."""
    return ((mean.abs() - 1).clamp_min(0) ** 2).sum()


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
    return (1 + log_probs / math.log(logits.shape[1])).clamp_min(0) * (targets >= 0)


def information_returns(known: Tensor, discount: float) -> Tensor:
    """What each glimpse adds to what is known of its label, and what those after it add.

    The discounted sum of the gains of potential-based shaping (Ng et al. 1999): with `discount` 1
    it is what is known in the end, less what was known before.

    Args:
        known: (B, S, N), after each of the N glimpses for a label; before the first it is 0.
        discount: What a gain one glimpse later is worth.

    Returns:
        (B, S, N).
    """
    gains = torch.diff(known, dim=2, prepend=torch.zeros_like(known[..., :1]))
    returns = [gains[..., -1]]
    for gain in reversed(gains[..., :-1].unbind(2)):
        returns.append(gain + discount * returns[-1])
    return torch.stack(returns[::-1], 2)


def peer_returns(returns: Tensor, samples: int) -> Tensor:
    """The mean return of the other samples of the same image.

    Args:
        returns: (B, S), rows in groups of `samples` show the same image.
        samples: M > 1.

    Returns:
        (B, S).
    """
    groups = returns.view(-1, samples, returns.shape[1])
    return ((groups.sum(1, keepdim=True) - groups) / (samples - 1)).reshape(returns.shape)


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
