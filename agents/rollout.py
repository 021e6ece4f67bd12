"""Playing a batch of episodes from beginning to end, keeping what the losses need.

B rows, S the most labels said, N the most glimpses for each. G gazes, Y labels, V glimpses and D
decisions between speaking and looking, all of rows whose episode was still running.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from agents.agent import GlimpseAgent
from agents.noise import RowNoise
from agents.tensor_envs import TensorEnvs
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.envs.reading.rules import Rules
from glimpse_env.errors import InvalidArgument

IndexArray = np.ndarray[Any, np.dtype[np.int64]]
PixelArray = np.ndarray[Any, np.dtype[np.uint8]]
GazePolicy = Callable[[Tensor, Tensor], Tensor]  # mean gaze (R, 2) of rows (R,) -> gaze (R, 2)


class Decisions(NamedTuple):
    """What was decided at D moments at which the agent could speak or keep looking."""

    odds: Tensor  # (D,), log-odds of speaking, carries the gradient
    spoke: Tensor  # bool (D,)
    baseline: Tensor  # (D,), carries the gradient
    place: Tensor  # (D,), position in flat (B, S, N) of the glimpse that would come next
    to_pay: Tensor  # (D,), cost of the glimpses that were still taken before the label
    glimpses: Tensor  # (B,), taken for all labels


class Guesses(NamedTuple):
    """What the classifier would have said at every glimpse, whether a label was due or not."""

    logits: Tensor  # (V, labels), carries the gradient
    targets: Tensor  # (V,), what would have been right
    place: Tensor  # (V,), position in flat (B, S, N) of the glimpse


class Rollout(NamedTuple):
    """B finished episodes."""

    gaze: Tensor  # (G, 2), where the rows chose to look, before clipping
    gaze_mean: Tensor  # (G, 2), carries the gradient
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
    guesses: Guesses | None = None  # where asked for, and always of an agent that decides
    max_glimpses: int = 1  # N

    @property
    def for_label(self) -> Tensor:
        """(G,), position in the flat returns of the label that the gaze was for."""
        return self.place // self.max_glimpses


def sampled(std: float | Tensor, noise: RowNoise) -> GazePolicy:
    """Gaussian gazes around the mean (training, Monte Carlo averaging)."""
    return lambda mean, rows: mean.detach() + std * noise.normal(rows, 2)


def random_gaze(noise: RowNoise) -> GazePolicy:
    """Gazes uniform over the image, whatever the agent wants: the control that must do worse."""
    return lambda mean, rows: noise.uniform(rows, 2) * 2 - 1


def center_gaze(mean: Tensor, rows: Tensor) -> Tensor:
    """Always the centre of the image: the other control."""
    return torch.zeros_like(mean)


def mean_gaze(mean: Tensor, rows: Tensor) -> Tensor:
    """The mean itself."""
    return mean.detach()


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


def require_fixed_pace(rules: Rules) -> None:
    """Refuse episodes that only agents play that decide when to speak.

    Raises:
        InvalidArgument: The number of glimpses before a label is not fixed.
    """
    if rules.agent_decides:
        raise InvalidArgument(
            "glimpses_per_label=0: this rollout is for a fixed number of glimpses before each "
            "label, at least 1; agents that decide are played by agents/adaptive/rollout.py"
        )


def collect(
    agent: GlimpseAgent,
    envs: GlimpseVectorEnv,
    index: IndexArray,
    policy: GazePolicy,
    samples: int = 1,
    seed: int = 0,
    watch: Callable[[], object] | None = None,
    guess: bool = False,
) -> Rollout:
    """Play one episode in every row.

    Rows whose episode has ended leave the batch that the networks compute.

    Args:
        agent: Who plays.
        envs: B environments with `autoreset_mode="disabled"`.
        index: int64 (B,), which image for each row.
        policy: How the mean gaze becomes a gaze.
        samples: Rows in groups of so many show the same image and say the label that the average of
            their log-probabilities prefers (Monte Carlo averaging, DRAM eq. 14); 1 to speak alone.
        seed: Row i is seeded with `seed + i`, which decides a random initial gaze.
        watch: Called after the reset and after every step.
        guess: Whether the classifier guesses at every glimpse.

    Raises:
        InvalidArgument: The number of glimpses before a label is not fixed.
    """
    require_fixed_pace(envs.rules)
    return _Episodes(agent, envs, policy, samples, watch, guess).play(index, seed)


class _Episodes:
    """The lists that grow while a batch is played."""

    def __init__(
        self,
        agent: GlimpseAgent,
        envs: GlimpseVectorEnv,
        policy: GazePolicy,
        samples: int,
        watch: Callable[[], object] | None,
        guess: bool,
    ) -> None:
        self.agent, self.envs, self.policy = agent, envs, policy
        self.samples, device = samples, next(agent.parameters()).device
        self.played = TensorEnvs(envs, device, watch)
        self.turns, self.guess = envs.rules.max_said, guess
        self.max_glimpses = envs.rules.max_glimpses
        self.gazes: list[tuple[Tensor, ...]] = []  # gaze, mean, baseline, place
        self.labels: list[tuple[Tensor, ...]] = []  # logits, at, target
        self.guesses: list[tuple[Tensor, ...]] = []  # logits, target, place
        self.rewards = torch.zeros(envs.num_envs, self.turns, device=device)
        self.right = torch.zeros(envs.num_envs, dtype=torch.bool, device=device)

    def play(self, index: IndexArray, seed: int) -> Rollout:
        observation, info = self.played.reset(index, seed)
        state = self.agent.begin(observation["location"], observation.get("context"))
        rows = state.rows  # those still running
        seen, turn = int(self.envs.rules.sees_at_reset), 0
        while len(rows):
            if seen:
                glimpse, location = observation["glimpse"][rows], observation["location"][rows]
                state = self.agent.look(state, glimpse, location)
            due = seen == self.max_glimpses * (turn + 1)
            label = None
            if due or (self.guess and seen):
                logits, target = self.agent.logits(state), info["target"][rows]
                self.guesses.append((logits, target, self._place(rows, seen - 1)))
            if due:
                self.labels.append((logits, rows * self.turns + turn, target))
                label = agreed_scores(logits.detach(), self.samples).argmax(1)
            mean, baseline = self.agent.where_next(state)
            gaze = self.policy(mean, rows)
            observation, info, reward, over = self.played.step(rows, gaze, label)
            self.rewards[:, turn] += reward.float()
            if due:
                turn += 1
                if "sequence_correct" in info:
                    self.right |= info["sequence_correct"] & over
                going = (~over[rows]).nonzero()[:, 0]
                state = state.select(going)
                rows = state.rows
                gaze, mean, baseline = gaze[going], mean[going], baseline[going]
            self.gazes.append((gaze, mean, baseline, self._place(rows, seen)))
            seen += 1
        return self._finish()

    def _place(self, rows: Tensor, seen: int) -> Tensor:
        """Positions in flat (B, S, N) of the glimpse that has so many before it."""
        return rows * self.turns * self.max_glimpses + seen

    def _finish(self) -> Rollout:
        gaze, mean, baseline, place = map(torch.cat, zip(*self.gazes, strict=True))
        logits, logits_at, targets = map(torch.cat, zip(*self.labels, strict=True))
        guesses = map(torch.cat, zip(*self.guesses, strict=True))
        return Rollout(
            gaze=gaze,
            gaze_mean=mean,
            baseline=baseline,
            returns=returns_of(self.rewards),
            place=place,
            logits=logits,
            logits_at=logits_at,
            targets=targets,
            right=self.right,
            labels_right=self.rewards.sum(1),
            guesses=Guesses(*guesses) if self.guess else None,
            max_glimpses=self.max_glimpses,
        )
