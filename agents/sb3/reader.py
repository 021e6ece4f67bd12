"""Reading a split with a Stable-Baselines3 model, for our own evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from torch import nn

from agents.evaluation.evaluation import Evaluation
from agents.evaluation.learner import Arrays, evaluate_actor
from agents.evaluation.reader import Gaze
from agents.sb3.config import Sb3Config
from agents.sb3.stack import Stack
from agents.trainer.envs import make_envs
from glimpse_env.backend import NumpyBackend
from glimpse_env.wrappers.flat_actions import FlatActions, flat_actions


class Sb3Actor:
    """A model that takes, in every state, the action it holds most likely.

    Args:
        model: Who plays.
        flat: The actions that the model was trained with.
        stack: Glimpses that it sees at once.
    """

    def __init__(self, model: BaseAlgorithm, flat: FlatActions, stack: int = 1) -> None:
        self.model, self._flat, self._number = model, flat, stack
        self.networks: tuple[nn.Module, ...] = (model.policy,)

    def begin(self, rows: int) -> None:
        """Forget what was seen: `rows` episodes begin together."""
        self._state: Any = None
        self._first = np.ones(rows, bool)
        self._stack = Stack(self._number)

    def act(self, observation: Arrays) -> Arrays:
        """The likeliest actions of B rows, as the environment takes them."""
        if self._number > 1:
            observation = self._stack.push(observation, self._first)
        numbers, self._state = self.model.predict(
            observation, self._state, self._first, deterministic=True
        )
        self._first = np.zeros_like(self._first)
        return self._flat.decode(NumpyBackend(), numbers, self._first.shape)


def evaluate_sb3(
    model: BaseAlgorithm,
    config: Sb3Config,
    split: str,
    *,
    gaze: Gaze = "policy",
    images: int = 0,
    num_envs: int = 1000,
    progress: bool = False,
) -> Evaluation:
    """Let a model read, or play, every image of a split of its environment once.

    Args:
        model: Who reads.
        config: Its configuration.
        split: "validation" or "test".
        gaze: "policy", or "random" and "center": the controls.
        images: Only so many of the first images; 0 for all.
        num_envs: Rows stepped together.
        progress: Show a progress bar.

    Raises:
        InvalidArgument: Numbers that cannot be.
    """
    space = make_envs(config, split, 1).single_action_space
    actor = Sb3Actor(model, flat_actions(config.action, space, config.gaze_bins), config.stack)
    shown: dict[str, Any] = {"images": images, "num_envs": num_envs, "progress": progress}
    return evaluate_actor(actor, config, split, name=config.algo, gaze=gaze, **shown)
