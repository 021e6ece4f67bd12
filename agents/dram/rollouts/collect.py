"""Playing a batch of episodes in arrays that keep their shapes: for GPUs, and for CUDA graphs.

The same episodes as in rollout.py, to the last draw of noise. Rows whose episode has ended stay in
the batch and do not count, for to leave it they would have to be counted, and the host would wait
for the device at every label. B rows, T gazes that a row may choose, S labels.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.gazes import GazePolicy
from agents.dram.rollouts.rollout import Guesses, Rollout, agreed_scores, returns_of
from agents.dram.rollouts.tensor_envs import TensorEnvs
from agents.trainer.envs import IndexArray
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.envs.reading.rules import Rules
from glimpse_env.errors import InvalidArgument


def collect_fixed(
    agent: GlimpseAgent,
    envs: GlimpseVectorEnv,
    index: Tensor,
    seeds: Tensor,
    policy: GazePolicy,
    guess: bool = False,
) -> Rollout:
    """Play one episode in every row, without ever waiting for the device or sending to it.

    Args:
        agent: Who plays.
        envs: B environments with `autoreset_mode="disabled"` and `backend="torch"`.
        index: int64 (B,) on the device, which image for each row.
        seeds: int64 (B,) on the device, which decide random initial gazes.
        policy: How gazes are chosen.
        guess: Whether the classifier guesses at every glimpse.

    Returns:
        G = B * T gazes and Y = B * S labels, step after step; `gaze_counts` and `label_counts` tell
        those of rows that were still running. Of the others, gazes, parameters and baselines are 0
        without a gradient, targets -1.

    Raises:
        InvalidArgument: The number of glimpses before a label is not fixed.
    """
    rules = envs.rules
    require_fixed_pace(rules)
    observation, info = envs.begin(seeds, index)
    state = agent.begin(observation["location"], observation.get("context"))
    rewards = index.new_zeros((envs.num_envs, rules.max_said), dtype=torch.float32)
    right = running = torch.zeros_like(index, dtype=torch.bool)
    running = ~running
    no_gaze, no_label = torch.zeros_like(observation["location"]), torch.zeros_like(index)
    # Where the reset shows the one glimpse before the one label, nobody ever looks.
    nobody = (no_gaze, no_gaze, no_gaze[:, 0], no_label, running)
    gazes: list[tuple[Tensor, ...]] = [tuple(part[:0] for part in nobody)]
    labels: list[tuple[Tensor, ...]] = []
    guesses: list[tuple[Tensor, ...]] = []
    longest = rules.max_glimpses * rules.max_said  # glimpses
    seen, turn = int(rules.sees_at_reset), 0
    while turn < rules.max_said:
        if seen:
            state = agent.look(state, observation["glimpse"], observation["location"])
        due = seen == rules.max_glimpses * (turn + 1)
        label = no_label
        if due or (guess and seen):
            logits = agent.logits(state)
            guesses.append((logits, info["target"], state.rows * longest + seen - 1))
        if due:
            label = logits.detach().argmax(1)
            labels.append((logits, state.rows * rules.max_said + turn, info["target"], running))
        last = due and turn + 1 == rules.max_said  # nobody looks after the last label
        gaze, params, baseline = no_gaze, no_gaze, no_gaze[:, 0]
        if not last:
            params, baseline = agent.where_next(state)
            gaze = policy(params, state.rows)
        action: dict[str, Any] = {"gaze": gaze, "label": label}
        observation, reward, over, _, info = envs.step(action)
        rewards[:, turn] += reward
        if due:
            turn += 1
            right = right | (info["sequence_correct"] & over)
            running = ~over
        if not last:
            gaze, params = (torch.where(running[:, None], part, 0.0) for part in (gaze, params))
            baseline = torch.where(running, baseline, 0.0)
            gazes.append((gaze, params, baseline, state.rows * longest + seen, running))
        seen += 1
    gaze, params, baseline, place, gaze_counts = map(torch.cat, zip(*gazes, strict=True))
    logits, logits_at, targets, label_counts = map(torch.cat, zip(*labels, strict=True))
    guessed = map(torch.cat, zip(*guesses, strict=True))
    return Rollout(
        gaze=gaze,
        params=params,
        baseline=baseline,
        returns=returns_of(rewards),
        place=place,
        logits=logits,
        logits_at=logits_at,
        targets=targets,
        right=right,
        labels_right=rewards.sum(1),
        gaze_counts=gaze_counts,
        label_counts=label_counts,
        guesses=Guesses(*guessed) if guess else None,
        max_glimpses=rules.max_glimpses,
    )


def require_fixed_pace(rules: Rules) -> None:
    """Refuse episodes that only agents play that decide when to speak.

    Raises:
        InvalidArgument: The number of glimpses before a label is not fixed.
    """
    if rules.agent_decides:
        raise InvalidArgument(
            "glimpses_per_label=0: this rollout is for a fixed number of glimpses before each "
            "label, at least 1; agents that decide are played by agents/dram/rollouts/adaptive.py"
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
        policy: How gazes are chosen.
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
        self.gazes: list[tuple[Tensor, ...]] = []  # gaze, params, baseline, place
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
            params, baseline = self.agent.where_next(state)
            gaze = self.policy(params, rows)
            observation, info, reward, over = self.played.step(rows, gaze, label)
            self.rewards[:, turn] += reward.float()
            if due:
                turn += 1
                if "sequence_correct" in info:
                    self.right |= info["sequence_correct"] & over
                going = (~over[rows]).nonzero()[:, 0]
                state = state.select(going)
                rows = state.rows
                gaze, params, baseline = gaze[going], params[going], baseline[going]
            self.gazes.append((gaze, params, baseline, self._place(rows, seen)))
            seen += 1
        return self._finish()

    def _place(self, rows: Tensor, seen: int) -> Tensor:
        """Positions in flat (B, S, N) of the glimpse that has so many before it."""
        return rows * self.turns * self.max_glimpses + seen

    def _finish(self) -> Rollout:
        gaze, params, baseline, place = map(torch.cat, zip(*self.gazes, strict=True))
        logits, logits_at, targets = map(torch.cat, zip(*self.labels, strict=True))
        guesses = map(torch.cat, zip(*self.guesses, strict=True))
        return Rollout(
            gaze=gaze,
            params=params,
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
