"""Playing a batch of games from beginning to end: moves are chosen beside gazes.

B rows, T steps a game.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from agents.agent import GlimpseAgent
from agents.noise import RowNoise
from agents.rollout import GazePolicy, IndexArray, Rollout
from glimpse_env.catch_vector_env import CatchVectorEnv

MovePolicy = Callable[[Tensor, Tensor], Tensor]  # logits (B, moves) of rows (B,) -> moves (B,)


def likeliest_move(logits: Tensor, rows: Tensor) -> Tensor:
    """The move with the largest probability: how an agent plays when it is tested."""
    return logits.detach().argmax(1)


def sampled_move(noise: RowNoise) -> MovePolicy:
    """Moves drawn from the softmax of the logits: how an agent plays when it learns."""

    def policy(logits: Tensor, rows: Tensor) -> Tensor:
        # The first of exponential alarms, one a move, rings for it with the chance of that move.
        chances = logits.detach().softmax(1)
        return (chances / noise.exponential(rows, logits.shape[1])).argmax(1)

    return policy


def play_games(
    agent: GlimpseAgent,
    envs: CatchVectorEnv,
    index: IndexArray,
    policy: GazePolicy,
    samples: int = 1,
    seed: int = 0,
    watch: Callable[[], object] | None = None,
    moves: MovePolicy = likeliest_move,
) -> Rollout:
    """Play one game in every row; all last T steps.

    Args:
        agent: Who plays. Its classification network scores the moves.
        envs: B environments with `autoreset_mode="disabled"`.
        index: int64 (B,), which game for each row.
        policy: How the mean gaze becomes a gaze.
        samples: Rows in groups of so many play the same game and make the move that the average of
            their log-probabilities prefers (as DRAM eq. 14 does for labels); 1 to play alone.
        seed: Row i is seeded with `seed + i`, which decides a random initial gaze.
        watch: Called after the reset and after every step.
        moves: How logits become a move.

    Returns:
        A rollout of B games in which every step has a gaze and a "label", the move: G = Y = T * B,
        step after step. `targets` are the moves made, `right` the games that were won. The gazes of
        the last step come too late to matter.
    """
    device = next(agent.parameters()).device
    watch = watch or (lambda: None)
    observation, _ = envs.reset(seed=seed, options={"index": index})
    watch()
    seen = _tensors(observation, device)
    state = agent.begin(seen["location"], seen.get("context"))
    decided: list[tuple[Tensor, ...]] = []
    reward: Any = None
    for step in range(envs.game.steps):
        if step or envs.sees_at_reset:
            state = agent.look(state, seen["glimpse"], seen["location"])
        scores = agent.logits(state)
        move = moves(_agreed(scores, samples), state.rows)
        mean, baseline = agent.where_next(state)
        gaze = policy(mean, state.rows)
        decided.append((gaze, mean, baseline, scores, move))
        action: dict[str, Any] = {"gaze": gaze, "move": move}
        if envs.backend_name == "numpy":
            action = {key: value.cpu().numpy() for key, value in action.items()}
        observation, reward, _, _, _ = envs.step(action)
        watch()
        seen = _tensors(observation, device)
    gazes, means, baselines, logits, made = map(torch.cat, zip(*decided, strict=True))
    won = torch.as_tensor(reward, device=device).float()
    games = torch.arange(len(won), device=device).repeat(envs.game.steps)
    return Rollout(
        gaze=gazes,
        gaze_mean=means,
        baseline=baselines,
        returns=won[:, None],
        for_label=games,
        logits=logits,
        logits_at=games,
        targets=made,
        right=won > 0,
        labels_right=won,
    )


def _agreed(logits: Tensor, samples: int) -> Tensor:
    """Logits (B, moves) that are the same in every group of `samples` rows."""
    if samples == 1:
        return logits
    groups = logits.log_softmax(1).view(-1, samples, logits.shape[1])
    return groups.mean(1).repeat_interleave(samples, 0)


def _tensors(observation: dict[str, Any], device: torch.device) -> dict[str, Tensor]:
    return {key: torch.as_tensor(value, device=device) for key, value in observation.items()}
