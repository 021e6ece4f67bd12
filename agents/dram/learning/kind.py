"""A kind of training: what it refuses, how it plays, what it minimizes.

And the usual kinds: labels that are told, and labels that are found by their rewards. B rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from agents.dram.config import Config
from agents.dram.learning.objectives import hybrid_loss, rewards_loss
from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.gazes import GazePolicy, Gazes
from agents.dram.model.noise import RowNoise
from agents.dram.rollouts.collect import collect
from agents.dram.rollouts.games import MovePolicy, sampled_move
from agents.dram.rollouts.rollout import Rollout
from agents.dram.rollouts.rows import Leaving, Rows, Staying
from agents.trainer.envs import IndexArray, send
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument


class Play(Protocol):
    """How an agent plays a batch of episodes to learn from."""

    def __call__(
        self,
        agent: GlimpseAgent,
        envs: GazeVectorEnv,
        index: IndexArray,
        seed: int,
        policy: GazePolicy,
        noise: RowNoise,
        *,
        guess: bool,
    ) -> Rollout:
        """Play one episode in every row.

        Args:
            agent: Who plays.
            envs: B environments with `autoreset_mode="disabled"`.
            index: int64 (B,), which image or game for each row.
            seed: Row i is seeded with `seed + i`, which decides a random initial gaze.
            policy: How gazes are chosen.
            noise: For whatever else is chosen at random.
            guess: Whether the classifier guesses at every glimpse.
        """


# From a rollout, the run, the agent's distribution of gazes and the images learned from so far to
# the loss for one episode on average, and what to log.
Objective = Callable[[Rollout, Config, Gazes, int], tuple[Tensor, dict[str, Tensor]]]


class Kind(NamedTuple):
    """What a training is handed."""

    check: Callable[[Config, GazeVectorEnv], None]  # raises InvalidArgument
    play: Play
    objective: Objective


def _check(config: Config, envs: GazeVectorEnv) -> None:
    if config.entropy_weight:
        raise InvalidArgument(
            f"entropy_weight={config.entropy_weight} is for moves (games), decisions to speak "
            "(glimpses_per_label=0) and labels that are drawn (classifier='reinforce'), and here "
            "are none of these"
        )


def _check_rewards(config: Config, envs: GazeVectorEnv) -> None:
    if config.credit != "environment":
        raise InvalidArgument(
            f"credit={config.credit!r} looks up the right labels, and classifier='reinforce' "
            "learns without them"
        )


def _play(
    agent: GlimpseAgent,
    envs: GazeVectorEnv,
    index: IndexArray,
    seed: int,
    policy: GazePolicy,
    noise: RowNoise,
    *,
    guess: bool,
) -> Rollout:
    del noise  # labels are the likeliest
    return collect(agent, _begun(envs, index, seed), policy, guess=guess)


def _play_for_rewards(
    agent: GlimpseAgent,
    envs: GazeVectorEnv,
    index: IndexArray,
    seed: int,
    policy: GazePolicy,
    noise: RowNoise,
    *,
    guess: bool,
) -> Rollout:
    del guess  # no label is learned from
    draw: MovePolicy = sampled_move(noise)
    return collect(agent, _begun(envs, index, seed), policy, draw=draw)


def _begun(envs: GazeVectorEnv, index: IndexArray, seed: int) -> Rows:
    assert isinstance(envs, GlimpseVectorEnv)
    if envs.backend.eager:
        return Leaving(envs, index, seed)
    seeds = torch.arange(seed, seed + len(index), device=envs.device)
    return Staying(envs, send(index, envs.device), seeds)


LABELS = Kind(_check, _play, hybrid_loss)
REWARDS = Kind(_check_rewards, _play_for_rewards, rewards_loss)
