"""A kind of training: what it refuses, how it plays, what it minimizes; and the usual kind, labels.

B rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from agents.dram.config import Config
from agents.dram.learning.objectives import hybrid_loss
from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.gazes import GazePolicy, Gazes
from agents.dram.model.noise import RowNoise
from agents.dram.rollouts.collect import collect
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
            f"entropy_weight={config.entropy_weight} is for moves (games) and decisions to speak "
            "(glimpses_per_label=0), and here are neither"
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
    assert isinstance(envs, GlimpseVectorEnv)
    if envs.backend.eager:
        rows: Rows = Leaving(envs, index, seed)
    else:
        seeds = torch.arange(seed, seed + len(index), device=envs.device)
        rows = Staying(envs, send(index, envs.device), seeds)
    return collect(agent, rows, policy, guess=guess)


LABELS = Kind(_check, _play, hybrid_loss)
