"""Playing a batch of episodes in arrays that keep their shapes: for GPUs, and for CUDA graphs.

The same episodes as in rollout.py, to the last draw of noise. Rows whose episode has ended stay in
the batch and do not count, for to leave it they would have to be counted, and the host would wait
for the device at every label. B rows, T gazes that a row may choose, S labels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from agents.agent import GlimpseAgent
from agents.rollout import GazePolicy, Guesses, Rollout, require_fixed_pace, returns_of
from glimpse_env.envs.reading.env import GlimpseVectorEnv


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
        policy: How the mean gaze becomes a gaze.
        guess: Whether the classifier guesses at every glimpse.

    Returns:
        G = B * T gazes and Y = B * S labels, step after step; `gaze_counts` and `label_counts` tell
        those of rows that were still running. Of the others, gazes, means and baselines are 0
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
        gaze, mean, baseline = no_gaze, no_gaze, no_gaze[:, 0]
        if not last:
            mean, baseline = agent.where_next(state)
            gaze = policy(mean, state.rows)
        action: dict[str, Any] = {"gaze": gaze, "label": label}
        observation, reward, over, _, info = envs.step(action)
        rewards[:, turn] += reward
        if due:
            turn += 1
            right = right | (info["sequence_correct"] & over)
            running = ~over
        if not last:
            gaze, mean = (torch.where(running[:, None], part, 0.0) for part in (gaze, mean))
            baseline = torch.where(running, baseline, 0.0)
            gazes.append((gaze, mean, baseline, state.rows * longest + seen, running))
        seen += 1
    gaze, mean, baseline, place, gaze_counts = map(torch.cat, zip(*gazes, strict=True))
    logits, logits_at, targets, label_counts = map(torch.cat, zip(*labels, strict=True))
    guessed = map(torch.cat, zip(*guesses, strict=True))
    return Rollout(
        gaze=gaze,
        gaze_mean=mean,
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
