"""Training on games: RAM's learner, which knows nothing but the reward at the end."""

from __future__ import annotations

from agents.dram.config import Config
from agents.dram.learning.kind import Kind
from agents.dram.learning.objectives import game_loss
from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.gazes import GazePolicy
from agents.dram.model.noise import RowNoise
from agents.dram.rollouts.games import play_games, sampled_move
from agents.dram.rollouts.rollout import Rollout
from agents.trainer.envs import IndexArray
from glimpse_env.envs.catch.env import CatchVectorEnv
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.errors import InvalidArgument


def _check(config: Config, envs: GazeVectorEnv) -> None:
    if config.credit != "environment":
        raise InvalidArgument(
            f"credit={config.credit!r} is for labels, and {config.env_id} has none"
        )
    if config.classifier != "labels":
        raise InvalidArgument(
            f"classifier={config.classifier!r} is for labels, and {config.env_id} has none: its "
            "moves are learned from rewards as it is"
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
    del guess  # there are no labels
    assert isinstance(envs, CatchVectorEnv)
    return play_games(agent, envs, index, policy, seed=seed, moves=sampled_move(noise))


GAMES = Kind(_check, _play, game_loss)
