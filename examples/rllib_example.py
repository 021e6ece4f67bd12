"""RLlib's PPO with an LSTM on a batched glimpse environment: `python examples/rllib_example.py`.

RLlib pins an old Gymnasium, so give it a virtual environment of its own:

    python3 -m venv .venv-rllib
    .venv-rllib/bin/pip install -e ".[headless]" "ray[rllib]==2.60.0" torch
    .venv-rllib/bin/python examples/rllib_example.py

Tried with Ray 2.60.0, Gymnasium 1.2.2 and torch 2.13.0.
"""

from __future__ import annotations

import sys
from typing import Any

import gymnasium as gym
from gymnasium.vector import VectorEnv
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.connectors.env_to_module import FlattenObservations
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

import glimpse_env  # noqa: F401  (registers the ids)
from glimpse_env.wrappers import (
    FlatMultiDiscreteAction,
    VectorFlatMultiDiscreteAction,
)

ENV_ID = "glimpse_env:GlimpseHouseNumbers-v0"  # with its module, for workers of a cluster


def make(**keywords: Any) -> gym.Env[Any, Any]:
    """The single environment, from which RLlib reads the spaces."""
    return FlatMultiDiscreteAction(gym.make(ENV_ID, **keywords))


def make_vec(num_envs: int, **keywords: Any) -> VectorEnv[Any, Any, Any]:
    """The batch. RLlib expects a new episode one step after the end: autoreset "next_step"."""
    return VectorFlatMultiDiscreteAction(gym.make_vec(ENV_ID, num_envs, **keywords))


# Flat actions, because RLlib's LSTM takes no dictionaries.
gym.register("FlatHouseNumbers-v0", entry_point=make, vector_entry_point=make_vec)


def main(iterations: int) -> None:
    """Train, and print the mean return: how many labels are read before the first mistake."""
    config = (
        PPOConfig()
        .environment("FlatHouseNumbers-v0", env_config={"num_images": 1000})
        .env_runners(
            num_env_runners=0,  # step in this process; more for a cluster
            num_envs_per_env_runner=64,
            gym_env_vectorize_mode="vector_entry_point",  # one batch, not 64 environments
            env_to_module_connector=lambda env, spaces, device: FlattenObservations(),
        )
        .training(train_batch_size_per_learner=4096, minibatch_size=512, num_epochs=4)
        .rl_module(
            model_config=DefaultModelConfig(
                fcnet_hiddens=[128], use_lstm=True, lstm_cell_size=128, max_seq_len=20
            )
        )
    )
    algorithm = config.build_algo()
    for iteration in range(iterations):
        found = algorithm.train()["env_runners"]
        steps, earned = found["num_env_steps_sampled_lifetime"], found["episode_return_mean"]
        print(f"{iteration + 1}: {steps:.0f} steps, mean return {earned:.3f}", flush=True)
    algorithm.stop()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
