"""The hybrid loss of RAM and DRAM, term by term: pure functions of flat lists of decisions.

G gazes and Y labels were decided in a rollout of B episodes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from agents.dram.config import Config
from agents.dram.model.gazes import Gazes
from agents.dram.rollouts.rollout import Rollout


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


def entropy_weight(config: Config, images: int) -> float:
    """That of moves, or of decisions to speak, after so many games or images."""
    return config.entropy_weight * (1 - min(images / config.images, 1.0))


def earned_returns(rollout: Rollout, config: Config) -> Tensor:
    """R_s (B, S) as `config.credit` counts it, for agents that are paid for labels."""
    if config.credit == "environment":
        return rollout.returns
    shape = rollout.returns.shape
    return expected_returns(rollout.logits, rollout.targets, rollout.logits_at, shape)


def worth_of_glimpses(rollout: Rollout, config: Config) -> Tensor:
    """What the choice of each glimpse has earned, (B, S * N), as `config.credit` counts."""
    glimpses, shape = rollout.max_glimpses, rollout.returns.shape
    if config.credit != "information":
        return earned_returns(rollout, config).repeat_interleave(glimpses, 1)
    assert rollout.guesses is not None
    logits, targets, place = rollout.guesses
    known = logits.new_zeros(*shape, glimpses)
    known.view(-1)[place] = information(logits, targets)
    said = logits.new_zeros(shape)
    said.view(-1)[rollout.logits_at] = information(rollout.logits, rollout.targets)
    return information_gained(known, said).flatten(1)


def reading_loss(rollout: Rollout, labels: Tensor) -> Tensor:
    """Cross-entropy of the labels said, which is `labels`, and of guesses.

    A classifier that was only asked at the last glimpse could not tell what those before it add,
    and an agent that decides when to speak would never find out that it had seen enough before.
    There each guess may be the label: all count alike, the labels said among them. Otherwise the N
    guesses for a label together count as much as the label.
    """
    if rollout.guesses is None:
        return labels
    guessed = label_loss(rollout.guesses.logits, rollout.guesses.targets)
    return labels + guessed / rollout.max_glimpses if rollout.decisions is None else guessed


def hybrid_loss(rollout: Rollout, config: Config, gazes: Gazes) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy, squared error of the baseline, REINFORCE and the pull towards the image.

    DRAM eq. 13 with the cumulative returns of eq. 16, for one episode on average. Log-densities are
    multiplied by sigma^2 (see `GaussianGazes.log_prob`): the gradient of the REINFORCE term with
    respect to a mean gaze is the advantage times the deviation of the sample from it.

    Decisions that do not count add nothing to any sum: their gazes, parameters, baselines and
    returns are 0, and their targets -1.
    """
    labels = label_loss(rollout.logits, rollout.targets)
    earned = worth_of_glimpses(rollout, config)
    returns = earned.view(-1)[rollout.place] - rollout.to_pay
    if rollout.gaze_counts is not None:
        returns = returns * rollout.gaze_counts
    loss = reading_loss(rollout, labels) + baseline_loss(returns, rollout.baseline)
    if config.gaze == "policy":
        log_prob = gazes.log_prob(rollout.params, rollout.gaze)
        reinforce = reinforce_loss(log_prob, returns, rollout.baseline)
        loss = loss + config.reinforce_weight * reinforce
        loss = loss + config.outside_penalty * gazes.pull(rollout.params)
    said_right = rollout.logits.argmax(1) == rollout.targets
    said = len(said_right) if rollout.label_counts is None else rollout.label_counts.sum()
    parts = {
        "train/error": 1 - rollout.right.float().mean(),
        "train/reward": rollout.labels_right.mean(),
        "train/label_accuracy": mean_of(said_right.float(), rollout.label_counts),
        "train/cross_entropy": labels.detach() / said,
        "train/explained_variance": explained_variance(
            returns, rollout.baseline.detach(), rollout.gaze_counts
        ),
        "train/gaze_spread": spread(gazes.mean(rollout.params.detach()), rollout.gaze_counts),
    }
    return loss / len(rollout.right), parts


def speaking_loss(rollout: Rollout, config: Config, entropy_weight: float) -> Tensor:
    """REINFORCE and entropy for the decisions to speak or keep looking, for one episode on average.

    A decision is worth what a gaze is: as `config.credit` counts, the rewards up to the label that
    was due (DRAM, eq. 16) or the information still gained before it, which is nothing for who
    speaks, less the cost of the glimpses still taken.

    Args:
        rollout: Episodes with decisions taken at random, with the chances that the agent gave.
        config: Weight of REINFORCE, and what a label is worth.
        entropy_weight: That of the entropy of the decisions now.
    """
    decisions = rollout.decisions
    assert decisions is not None
    earned = worth_of_glimpses(rollout, config)
    returns = earned.view(-1)[decisions.place] - decisions.to_pay
    log_odds = torch.where(decisions.spoke, decisions.odds, -decisions.odds)
    log_prob = torch.nn.functional.logsigmoid(log_odds)
    loss = baseline_loss(returns, decisions.baseline)
    loss = loss + config.reinforce_weight * reinforce_loss(log_prob, returns, decisions.baseline)
    chance = decisions.odds.sigmoid()
    entropy = torch.nn.functional.softplus(decisions.odds) - decisions.odds * chance
    return (loss - entropy_weight * entropy.sum()) / len(rollout.right)


def game_loss(
    rollout: Rollout, config: Config, gazes: Gazes, entropy_weight: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """REINFORCE for moves and gazes, squared error of the baseline, entropy, pull to the screen.

    Mnih et al. 2014, section 3.1 (eq. 2 and 3) with the one return R of a game for all its steps,
    for one game on average. Log-densities of gazes are multiplied by sigma^2, see
    `GaussianGazes.log_prob`.

    Args:
        rollout: Games played by sampled moves.
        config: Weights of the other terms.
        gazes: The agent's distribution.
        entropy_weight: That of the entropy of the moves now.
    """
    number = len(rollout.right)
    returns = rollout.returns.view(-1)[rollout.for_label]
    chances = rollout.logits.log_softmax(1)
    made = chances.gather(1, rollout.targets[:, None])[:, 0]
    entropy = -(chances.exp() * chances).sum(1)
    loss = reinforce_loss(made, returns, rollout.baseline)
    loss = loss + baseline_loss(returns, rollout.baseline)
    loss = loss - entropy_weight * entropy.sum()
    if config.gaze == "policy":
        early = slice(0, len(returns) - number)  # what the last gaze shows, no move can use
        params = rollout.params[early]
        log_prob = gazes.log_prob(params, rollout.gaze[early])
        reinforce = reinforce_loss(log_prob, returns[early], rollout.baseline[early])
        loss = loss + config.reinforce_weight * reinforce
        loss = loss + config.outside_penalty * gazes.pull(params)
    parts = {
        "train/error": 1 - rollout.right.float().mean(),
        "train/reward": rollout.labels_right.mean(),
        "train/move_entropy": entropy.detach().mean(),
        "train/explained_variance": explained_variance(returns, rollout.baseline.detach()),
        "train/gaze_spread": spread(gazes.mean(rollout.params.detach())),
    }
    return loss / number, parts
