"""Playing a batch of games from beginning to end: moves are chosen beside gazes.

B rows, T steps a game.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.gazes import GazePolicy
from agents.dram.model.noise import RowNoise
from agents.dram.rollouts.rollout import Rollout, agreed_scores
from agents.dram.rollouts.tensor_envs import TensorEnvs
from agents.trainer.envs import IndexArray
from glimpse_env.envs.catch.env import CatchVectorEnv

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
        policy: How gazes are chosen.
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
    played = TensorEnvs(envs, device, watch)
    seen, _ = played.reset(index, seed)
    state = agent.begin(seen["location"], seen.get("context"))
    decided: list[tuple[Tensor, ...]] = []
    for step in range(envs.game.steps):
        if step or envs.sees_at_reset:
            state = agent.look(state, seen["glimpse"], seen["location"])
        scores = agent.logits(state)
        move = moves(agreed_scores(scores, samples), state.rows)
        params, baseline = agent.where_next(state)
        gaze = policy(params, state.rows)
        decided.append((gaze, params, baseline, scores, move))
        seen, _, won, _ = played.step(state.rows, gaze, move)
    gazes, params, baselines, logits, made = map(torch.cat, zip(*decided, strict=True))
    won = won.float()
    games = torch.arange(len(won), device=device).repeat(envs.game.steps)
    return Rollout(
        gaze=gazes,
        params=params,
        baseline=baselines,
        returns=won[:, None],
        place=games,
        logits=logits,
        logits_at=games,
        targets=made,
        right=won > 0,
        labels_right=won,
    )
