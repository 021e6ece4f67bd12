"""RAM and DRAM as learners, to be set beside other algorithms step by step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from agents.dram.config import Config
from agents.dram.learning.make import kind_of
from agents.dram.learning.training import Training
from agents.dram.model.agent import State
from agents.dram.rollouts.rollout import Rollout
from agents.evaluation.learner import Arrays
from agents.evaluation.reader import testing
from agents.trainer.envs import IndexArray
from glimpse_env.envs.catch.env import CatchVectorEnv
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv


class DramLearner:
    """An agent of ours, trained as train_dram.py trains it, at a fixed pace.

    Args:
        config: The run; learning rate, noise and entropy fall with the steps taken, and `images`
            stand for all of them.
    """

    autoreset_mode = "disabled"

    def __init__(self, config: Config) -> None:
        self.config, self.num_envs = config, config.num_envs
        self.networks: tuple[nn.Module, ...] = ()  # until it learns

    def learn(self, envs: GazeVectorEnv, steps: int, callback: Callable[[int], None]) -> None:
        """Learn until so many steps are taken; an update has one whole episode a row."""
        training = _Paced(self.config, envs, steps)
        self._agent, self._choice = training.agent, envs.choice
        self._sees_at_reset = envs.sees_at_reset
        self.networks = (training.agent,)
        while training.steps < steps:
            callback(training.steps)
            training.update()
        callback(training.steps)

    def begin(self, rows: int) -> None:
        """Forget what was seen: episodes begin."""
        del rows
        self._state: State | None = None

    def act(self, observation: Arrays) -> Arrays:
        """The likeliest label and gaze of B rows."""
        seen = {key: torch.from_numpy(value) for key, value in observation.items()}
        with testing(self._agent):
            self._state = self._after(seen)
            params, _ = self._agent.where_next(self._state)
            return {
                "gaze": self._agent.gazes.mode(params).numpy(),
                self._choice: self._agent.logits(self._state).argmax(1).numpy(),
            }

    def _after(self, seen: dict[str, Tensor]) -> State:
        """What is remembered once this is seen."""
        state, looks = self._state, True
        if state is None:
            state = self._agent.begin(seen["location"], seen.get("context"))
            looks = self._sees_at_reset
        if not looks:
            return state
        return self._agent.look(state, seen["glimpse"], seen["location"])


class _Paced(Training):
    """A run whose learning rate, noise and entropy fall with the steps that it takes.

    Episodes that end at a mistake are short, at first most of them: their number says little.

    Args:
        config: What to train.
        envs: The rows, with `autoreset_mode="disabled"`.
        budget: Steps to come.
    """

    def __init__(self, config: Config, envs: GazeVectorEnv, budget: int) -> None:
        super().__init__(config, kind=kind_of(config), envs=envs)
        self.steps, self._budget = 0, budget

    @property
    def images(self) -> int:
        """The part of the configuration's images that the steps taken are of those to come."""
        return self.config.images * self.steps // self._budget

    def update(self) -> dict[str, Tensor]:
        """One step of the optimizer, of which the steps count once it is made."""
        metrics = super().update()
        self.steps += self._latest
        return metrics

    def _played(self, index: IndexArray, seed: int) -> Rollout:
        rollout = super()._played(index, seed)
        self._latest = steps_of(rollout, game=isinstance(self.envs, CatchVectorEnv))
        return rollout


def steps_of(rollout: Rollout, *, game: bool) -> int:
    """Steps that the environments have taken in a rollout, of all rows together.

    Every step has a gaze, but of the last of an episode with labels nothing is kept: it looks at
    what nobody sees.
    """
    kept = len(rollout.gaze) if rollout.gaze_counts is None else int(rollout.gaze_counts.sum())
    return kept if game else kept + len(rollout.right)
