"""What is minimized: the hybrid loss of RAM and DRAM, and others.

Those of rewards alone, of agents that decide when to speak, and of games.
G gazes and Y labels were decided in a rollout of B episodes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from agents.dram.config import Config
from agents.dram.learning.losses import (
    baseline_loss,
    expected_returns,
    explained_variance,
    information,
    information_gained,
    label_loss,
    mean_of,
    reinforce_loss,
    spread,
)
from agents.dram.model.gazes import Gazes
from agents.dram.rollouts.rollout import Rollout


def entropy_weight(config: Config, images: int) -> float:
    """Weight of the entropy of moves, or of decisions to speak, after so many games or images."""
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


def gaze_loss(rollout: Rollout, config: Config, gazes: Gazes, returns: Tensor) -> Tensor | float:
    """REINFORCE for gazes and the pull towards the image, summed; 0 where a control looks.

    Args:
        rollout: Gazes, with what they were drawn from and their baselines.
        config: Weights of both terms.
        gazes: The agent's distribution.
        returns: (G',), what each gaze has earned; of fewer than G, for the first ones alone.
    """
    if config.gaze != "policy":
        return 0.0
    params, gaze, baseline = (
        part[: len(returns)] for part in (rollout.params, rollout.gaze, rollout.baseline)
    )
    reinforce = reinforce_loss(gazes.log_prob(params, gaze), returns, baseline)
    return config.reinforce_weight * reinforce + config.outside_penalty * gazes.pull(params)


def hybrid_loss(
    rollout: Rollout, config: Config, gazes: Gazes, images: int = 0
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy, squared error of the baseline, REINFORCE and the pull towards the image.

    DRAM eq. 13 with the cumulative returns of eq. 16, for one episode on average. Log-densities are
    multiplied by sigma^2 (see `GaussianGazes.log_prob`): the gradient of the REINFORCE term with
    respect to a mean gaze is the advantage times the deviation of the sample from it.

    Decisions that do not count add nothing to any sum: their gazes, parameters, baselines and
    returns are 0, and their targets -1.

    Args:
        rollout: Labels said at a fixed pace, or the labels of an agent that decides.
        config: Weights of the terms, and what a label is worth.
        gazes: The agent's distribution.
        images: Learned from so far; nothing here changes with them.

    Returns:
        The loss, and what to log.
    """
    del images
    labels = label_loss(rollout.logits, rollout.targets)
    earned = worth_of_glimpses(rollout, config)
    returns = earned.view(-1)[rollout.place] - rollout.to_pay
    if rollout.gaze_counts is not None:
        returns = returns * rollout.gaze_counts
    loss = reading_loss(rollout, labels) + baseline_loss(returns, rollout.baseline)
    loss = loss + gaze_loss(rollout, config, gazes, returns)
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


def adaptive_loss(
    rollout: Rollout, config: Config, gazes: Gazes, images: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """The hybrid loss and that of the decisions to speak, for one episode on average.

    Args:
        rollout: Episodes with decisions taken at random, with the chances that the agent gave.
        config: Weights of the terms, and what a label is worth.
        gazes: The agent's distribution.
        images: Learned from so far, which decide the weight of the entropy.

    Returns:
        The loss, and what to log.
    """
    decisions = rollout.decisions
    assert decisions is not None
    loss, parts = hybrid_loss(rollout, config, gazes)
    loss = loss + speaking_loss(rollout, config, entropy_weight(config, images))
    parts["train/glimpses"] = decisions.glimpses.mean()
    parts["train/chance_to_speak"] = decisions.odds.detach().sigmoid().mean()
    return loss, parts


def rewards_loss(
    rollout: Rollout, config: Config, gazes: Gazes, images: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """REINFORCE for labels and gazes alike, squared error of the baseline, entropy, and the pull.

    Mnih et al. 2014, section 3.1 (eq. 2 and 3) as it stands, without the paper's cross-entropy: the
    one return R of an episode, for all that was decided in it, and for one episode on average.
    Targets reach no term. Decisions that do not count add nothing, as in `hybrid_loss`.

    Args:
        rollout: Labels drawn at a fixed pace.
        config: Weights of the other terms.
        gazes: The agent's distribution.
        images: Learned from so far, which decide the weight of the entropy.

    Returns:
        The loss, and what to log.
    """
    assert rollout.said is not None
    number, labels = rollout.returns.shape
    total = rollout.returns[:, -1]
    chances = rollout.logits.log_softmax(1)
    said = chances.gather(1, rollout.said.label[:, None])[:, 0]
    entropy = -(chances.exp() * chances).sum(1)
    heard = 1.0 if rollout.label_counts is None else rollout.label_counts.float()
    looked = 1.0 if rollout.gaze_counts is None else rollout.gaze_counts.float()
    to_labels = total[rollout.logits_at // labels] * heard
    to_gazes = total[rollout.for_label // labels] * looked
    of_labels = rollout.said.baseline * heard
    loss = reinforce_loss(said, to_labels, of_labels) + baseline_loss(to_labels, of_labels)
    loss = loss + baseline_loss(to_gazes, rollout.baseline)
    loss = loss - entropy_weight(config, images) * (entropy * heard).sum()
    loss = loss + gaze_loss(rollout, config, gazes, to_gazes)
    parts = {
        "train/error": 1 - rollout.right.float().mean(),
        "train/reward": rollout.labels_right.mean(),
        "train/label_entropy": mean_of(entropy.detach(), rollout.label_counts),
        "train/explained_variance": explained_variance(
            to_gazes, rollout.baseline.detach(), rollout.gaze_counts
        ),
        "train/gaze_spread": spread(gazes.mean(rollout.params.detach()), rollout.gaze_counts),
    }
    return loss / number, parts


def game_loss(
    rollout: Rollout, config: Config, gazes: Gazes, images: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """REINFORCE for moves and gazes, squared error of the baseline, entropy, pull to the screen.

    Mnih et al. 2014, section 3.1 (eq. 2 and 3) with the one return R of a game for all its steps,
    for one game on average. Log-densities of gazes are multiplied by sigma^2, see
    `GaussianGazes.log_prob`.

    Args:
        rollout: Games played by sampled moves.
        config: Weights of the other terms.
        gazes: The agent's distribution.
        images: Games learned from so far, which decide the weight of the entropy.

    Returns:
        The loss, and what to log.
    """
    number = len(rollout.right)
    returns = rollout.returns.view(-1)[rollout.for_label]
    chances = rollout.logits.log_softmax(1)
    made = chances.gather(1, rollout.targets[:, None])[:, 0]
    entropy = -(chances.exp() * chances).sum(1)
    loss = reinforce_loss(made, returns, rollout.baseline)
    loss = loss + baseline_loss(returns, rollout.baseline)
    loss = loss - entropy_weight(config, images) * entropy.sum()
    # What the last gaze shows, no move can use.
    loss = loss + gaze_loss(rollout, config, gazes, returns[: len(returns) - number])
    parts = {
        "train/error": 1 - rollout.right.float().mean(),
        "train/reward": rollout.labels_right.mean(),
        "train/move_entropy": entropy.detach().mean(),
        "train/explained_variance": explained_variance(returns, rollout.baseline.detach()),
        "train/gaze_spread": spread(gazes.mean(rollout.params.detach())),
    }
    return loss / number, parts
