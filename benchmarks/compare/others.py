"""Stable-Baselines3's algorithms, as they take part in a comparison."""

from __future__ import annotations

from functools import partial
from typing import Any

from agents.sb3.config import Sb3Config
from agents.sb3.learner import Sb3Learner
from benchmarks.compare.tasks import Task, steps_of_episode

_REPLAY: dict[str, Any] = {"num_envs": 32, "steps": 1, "batch": 256, "epochs": 1}
_SIZES: dict[str, Any] = {"features": 128, "channels": 16, "units": 128}


def sb3(task: Task, seed: int, budget: int, /, **options: Any) -> Sb3Learner:
    """An algorithm with these options of its configuration.

    Args:
        task: What is learned.
        seed: Of weights, images and noise.
        budget: Environment steps to come.
        **options: Fields of the configuration.
    """
    about: dict[str, Any] = {
        "env_id": task.env_id,
        "options": task.env_options(),
        "timesteps": budget,
    }
    return Sb3Learner(Sb3Config(**about, seed=seed, **{**_SIZES, **options}))


def ppo_stack(task: Task, seed: int, budget: int, /, **options: Any) -> Sb3Learner:
    """PPO that sees all glimpses of the longest episode at once, or the last six of a game."""
    envs = task.envs("validation", 1)
    glimpses = 6 if task.is_game else steps_of_episode(envs)
    return sb3(task, seed, budget, algo="ppo", stack=glimpses, **options)


ppo = partial(sb3, algo="ppo")
a2c = partial(sb3, algo="a2c", steps=8)
recurrent_ppo = partial(sb3, algo="recurrent-ppo")
labelled_ppo = partial(sb3, algo="labelled-ppo")
dqn = partial(sb3, algo="dqn", action="discrete", gaze_bins=5, **_REPLAY)
sac = partial(sb3, algo="sac", action="box", **_REPLAY)
tqc = partial(sb3, algo="tqc", action="box", **_REPLAY)
