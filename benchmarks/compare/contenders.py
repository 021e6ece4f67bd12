"""An entrant on a task: it learns and is read out, whatever it is."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any, Protocol, cast

import gymnasium as gym
import numpy as np
from PIL import Image

from agents.evaluation.evaluation import Evaluation
from agents.evaluation.learner import ActorReader, evaluate_actor
from agents.evaluation.reader import Gaze
from agents.trainer.envs import spec_of
from benchmarks.compare.entrants import entrant_named
from benchmarks.compare.tasks import Task
from benchmarks.compare.whole_images import WholeImages
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.frames.drawing import shrink, tile

PICTURED = 12  # validation images on which gazes are drawn


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
        steps: To take.
    """

    def __init__(self, name: str, task: Task, seed: int, steps: int) -> None:
        entrant = entrant_named(name)
        assert entrant.make is not None
        self.learner = entrant.make(task, seed, steps)
        self._name, self._task, self._steps = name, task, steps
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

    def picture(self) -> bytes | None:
        """Where it looks on the first validation images, WebP; None in games, which have none."""
        if self._task.is_game:
            return None
        keywords: dict[str, Any] = {"render_mode": "rgb_array", "stop_on_mistake": False}
        envs = self._task.envs("validation", PICTURED, **keywords)
        assert isinstance(envs, GlimpseVectorEnv)
        reader = ActorReader(self.learner, envs, self._gaze)
        frames = [envs.render() for _ in reader.moments(np.arange(PICTURED), 0)]
        assert frames[-1] is not None
        content = io.BytesIO()
        whole = shrink(tile(list(frames[-1]), columns=6), math.inf, 1200)
        Image.fromarray(whole).save(content, "WEBP", quality=75)
        return content.getvalue()


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
