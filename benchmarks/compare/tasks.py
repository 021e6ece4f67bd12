"""What algorithms are compared on. Whoever learns sees the same environment, keywords and all."""

from __future__ import annotations

import dataclasses
from typing import Any

import glimpse_env  # noqa: F401  (registers the environment ids)
from agents.trainer.envs import is_game, make_envs
from glimpse_env.envs.catch.env import CatchVectorEnv
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """An environment, and how long algorithms learn on it."""

    name: str
    env_id: str
    about: str
    """One line for tables."""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Keywords of the environment over its own defaults."""
    steps: int
    """Environment steps to learn from, of all rows together, unless another budget is asked for."""
    goal: float
    """Error, percent, to which the steps are counted."""

    @property
    def is_game(self) -> bool:
        """Whether it is played by moves, and has no labels."""
        return is_game(self)

    def env_options(self) -> dict[str, Any]:
        """The keywords that the environment is given over its own defaults."""
        return dict(self.options)

    def envs(self, split: str, rows: int, **keywords: Any) -> GazeVectorEnv:
        """Environments with `autoreset_mode="disabled"`."""
        return make_envs(self, split, rows, **keywords)


_DIGITS = {"glimpse_size": 16, "glimpses_per_label": 2}

TASKS = {
    task.name: task
    for task in (
        Task(
            name="catch12",
            env_id="GlimpseCatch-v0",
            about="Catch on 12 x 12 pixels: no labels, reward for a catch",
            options={"screen_size": 12},
            steps=3_000_000,
            goal=30,
        ),
        Task(
            name="catch",
            env_id="GlimpseCatch-v0",
            about="Catch on 24 x 24 pixels: no labels, reward for a catch",
            steps=20_000_000,
            goal=30,
        ),
        Task(
            name="mnist",
            env_id="GlimpseMNIST-v0",
            about="a digit in 28 x 28 pixels, 6 glimpses",
            steps=3_000_000,
            goal=20,
        ),
        Task(
            name="cluttered60",
            env_id="GlimpseClutteredMNIST60-v0",
            about="a digit among 4 distractors in 60 x 60 pixels, 6 glimpses",
            steps=6_000_000,
            goal=30,
        ),
        Task(
            name="house-numbers-1",
            env_id="GlimpseHouseNumbers-v0",
            about="rendered house numbers of 1 digit and the end, 2 glimpses a label",
            options={**_DIGITS, "max_digits": 1},
            steps=3_000_000,
            goal=30,
        ),
        Task(
            name="house-numbers-2",
            env_id="GlimpseHouseNumbers-v0",
            about="rendered house numbers of 1 or 2 digits and the end, 2 glimpses a label",
            options={**_DIGITS, "max_digits": 2},
            steps=5_000_000,
            goal=50,
        ),
    )
}


def task_named(name: str) -> Task:
    """The task of that name.

    Raises:
        InvalidArgument: There is none.
    """
    if name not in TASKS:
        raise InvalidArgument(f"no task {name!r}; there are: {', '.join(TASKS)}")
    return TASKS[name]


def steps_of_episode(envs: GazeVectorEnv) -> int:
    """Steps of an episode in which nothing goes wrong, the longest if they differ."""
    if isinstance(envs, CatchVectorEnv):
        return int(envs.game.steps)
    assert isinstance(envs, GlimpseVectorEnv)
    return envs.rules.max_steps
