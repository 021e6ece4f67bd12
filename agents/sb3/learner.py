"""Stable-Baselines3's algorithms as learners, to be set beside others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gymnasium.vector import VectorEnv
from stable_baselines3.common.callbacks import BaseCallback
from torch import nn

from agents.evaluation.learner import Arrays
from agents.sb3.config import Sb3Config
from agents.sb3.model import make_model, wrapped
from agents.sb3.reader import Sb3Actor
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.sb3 import GlimpseVecEnv
from glimpse_env.wrappers.flat_actions import flat_actions

Wrap = Callable[[GazeVectorEnv], VectorEnv[Any, Any, Any]]


class Sb3Learner:
    """An algorithm of SB3, with the options of a configuration.

    Args:
        config: All but `env_id`, `options` and `timesteps` count.
        wrap: Puts around the rows what it is to learn with, such as another reward; spaces stay.
    """

    autoreset_mode = "same_step"

    def __init__(self, config: Sb3Config, wrap: Wrap = lambda envs: envs) -> None:
        self.config, self.num_envs, self._wrap = config, config.num_envs, wrap
        self.networks: tuple[nn.Module, ...] = ()  # until it learns

    def learn(self, envs: GazeVectorEnv, steps: int, callback: Callable[[int], None]) -> None:
        """Learn for so many steps, rounded up to whole rollouts."""
        config = replace(self.config, timesteps=steps)  # when replay begins follows from it
        action, bins = config.action, config.gaze_bins
        model = make_model(
            config,
            wrapped(config, GlimpseVecEnv(self._wrap(envs), action=action, gaze_bins=bins)),
        )
        flat = flat_actions(action, envs.single_action_space, bins)
        self._actor = Sb3Actor(model, flat, config.stack)
        self.networks = self._actor.networks
        model.learn(steps, callback=_BetweenUpdates(callback))
        callback(model.num_timesteps)

    def begin(self, rows: int) -> None:
        """Forget what was seen: `rows` episodes begin together."""
        self._actor.begin(rows)

    def act(self, observation: Arrays) -> Arrays:
        """The likeliest actions."""
        return self._actor.act(observation)


class _BetweenUpdates(BaseCallback):
    """Calls back where no update is under way."""

    def __init__(self, told: Callable[[int], None]) -> None:
        super().__init__()
        self._told = told

    def _on_step(self) -> bool:
        return True

    def _on_rollout_start(self) -> None:
        self._told(self.num_timesteps)
