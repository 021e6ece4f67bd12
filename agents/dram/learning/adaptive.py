"""Training of agents that decide when to speak."""

from __future__ import annotations

from agents.dram.config import Config
from agents.dram.learning.kind import Kind
from agents.dram.learning.objectives import adaptive_loss
from agents.dram.model.agent import AdaptiveAgent, GlimpseAgent
from agents.dram.model.gazes import GazePolicy
from agents.dram.model.noise import RowNoise
from agents.dram.rollouts.adaptive import read_adaptively, tossed
from agents.dram.rollouts.rollout import Rollout
from agents.trainer.envs import IndexArray
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument


def _check(config: Config, envs: GazeVectorEnv) -> None:
    assert isinstance(envs, GlimpseVectorEnv)
    if envs.rules.num_labels < 2:
        raise InvalidArgument(
            "glimpses_per_label=0 weighs the two likeliest labels, but in this task only one can "
            "be said; give --num-classes if the label file shows only one of several"
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
    del guess  # such an agent guesses at every glimpse
    assert isinstance(agent, AdaptiveAgent) and isinstance(envs, GlimpseVectorEnv)
    return read_adaptively(agent, envs, index, policy, seed=seed, speaks=tossed(noise))


ADAPTIVE = Kind(_check, _play, adaptive_loss)
