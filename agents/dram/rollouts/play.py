"""Playing episodes of whatever kind, as at a test."""

from __future__ import annotations

from collections.abc import Callable

from agents.dram.model.agent import AdaptiveAgent, GlimpseAgent
from agents.dram.model.gazes import GazePolicy
from agents.dram.rollouts.adaptive import read_adaptively
from agents.dram.rollouts.collect import collect
from agents.dram.rollouts.games import play_games
from agents.dram.rollouts.rollout import Rollout
from agents.dram.rollouts.rows import Leaving
from agents.trainer.envs import IndexArray
from glimpse_env.envs.catch.env import CatchVectorEnv
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv


def play(
    agent: GlimpseAgent,
    envs: GazeVectorEnv,
    index: IndexArray,
    policy: GazePolicy,
    samples: int = 1,
    seed: int = 0,
    watch: Callable[[], object] | None = None,
) -> Rollout:
    """Play one episode in every row.

    Args:
        agent: Who plays.
        envs: B environments with `autoreset_mode="disabled"`.
        index: int64 (B,), which image or game for each row.
        policy: How gazes are chosen.
        samples: Rows in groups of so many show the same image and agree on what they say.
        seed: Row i is seeded with `seed + i`, which decides a random initial gaze.
        watch: Called after the reset and after every step.
    """
    if isinstance(envs, CatchVectorEnv):
        return play_games(agent, envs, index, policy, samples, seed, watch)
    assert isinstance(envs, GlimpseVectorEnv)
    if isinstance(agent, AdaptiveAgent):
        return read_adaptively(agent, envs, index, policy, samples, seed, watch)
    device = next(agent.parameters()).device
    return collect(agent, Leaving(envs, index, seed, watch, device), policy, samples)
