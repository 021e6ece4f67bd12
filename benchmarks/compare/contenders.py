"""An entrant on a task: it learns and is read out, whatever it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast

import gymnasium as gym

from agents.evaluation.evaluation import Evaluation
from agents.evaluation.learner import evaluate_actor
from agents.evaluation.reader import Gaze
from agents.trainer.envs import spec_of
from benchmarks.compare.entrants import entrant_named
from benchmarks.compare.looks import Looked, look_on
from benchmarks.compare.tasks import Task
from benchmarks.compare.tuned import TUNED
from benchmarks.compare.whole_images import WholeImages
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv


class Contender(Protocol):
    """Whoever learns a task."""

    @property
    def options(self) -> object:
        """What was chosen."""

    def learn(self, callback: Callable[[int], None]) -> None:
        """Learn for the steps there are; `callback` is told the steps taken between updates."""

    def read(self, split: str, images: int) -> Evaluation:
        """Read the first images of a split, 0 for all."""


class Player:
    """A learner that acts in the environments of a task.

    Args:
        name: The entrant's.
        task: What is learned.
        seed: Of weights, images and noise.
        budget: Steps to take.
        **options: Of its configuration, over those that it takes part with.
    """

    def __init__(self, name: str, task: Task, seed: int, budget: int, /, **options: Any) -> None:
        entrant = entrant_named(name)
        assert entrant.make is not None
        chosen = {} if task.is_game else TUNED.get(entrant.like or name, {})
        self.learner = entrant.make(task, seed, budget, **chosen | options)
        self._name, self._task, self._steps = name, task, budget
        self._gaze = cast(Gaze, entrant.gaze)

    @property
    def options(self) -> object:
        """What was chosen."""
        return getattr(self.learner, "config", None)

    def learn(self, callback: Callable[[int], None]) -> None:
        """Learn for the steps there are."""
        self.learner.learn(training_envs(self._task, self.learner), self._steps, callback)

    def read(self, split: str, images: int) -> Evaluation:
        """Read the first images of a split, 0 for all."""
        name, gaze = self._name, self._gaze
        return evaluate_actor(
            self.learner, self._task, split, name=name, gaze=gaze, images=images, num_envs=500
        )

    def looks(self) -> list[Looked]:
        """Where it looks on the first validation images, and what it says; none of games."""
        return look_on(self.learner, self._task, self._gaze)


def training_envs(task: Task, learner: Any) -> GazeVectorEnv:
    """What a learner learns from: as many rows as it wants, in its autoreset mode."""
    mode = learner.autoreset_mode
    envs = gym.make_vec(
        spec_of(task),
        num_envs=learner.num_envs,
        split="train",
        autoreset_mode=mode,
        **task.env_options(),
    )
    assert isinstance(envs, GazeVectorEnv)
    return envs


def make_contender(name: str, task: Task, seed: int, steps: int) -> Contender:
    """An entrant that has learned nothing yet.

    Raises:
        InvalidArgument: There is none of this name.
    """
    if entrant_named(name).make is None:
        return WholeImages(task, seed, steps)
    return Player(name, task, seed, steps)
