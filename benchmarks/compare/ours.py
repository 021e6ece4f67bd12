"""This project's own agents, as they take part in a comparison."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from agents.dram import presets
from agents.dram.config import Config
from agents.dram.readers.learner import DramLearner
from benchmarks.compare.tasks import Task, steps_of_episode

_PRESETS = {
    "GlimpseCatch-v0": presets.ram_catch,
    "GlimpseMNIST-v0": presets.ram_mnist_lstm,
    "GlimpseClutteredMNIST60-v0": presets.ram_cluttered60,
    "GlimpseHouseNumbers-v0": presets.dram_house_numbers_cpu,
}
# Smaller batches than the presets': budgets are smaller, and every update counts.
_SHORT: dict[str, Any] = {"num_envs": 128, "learning_rate": 2e-3}


def ours(task: Task, seed: int, budget: int, /, **options: Any) -> DramLearner:
    """RAM or DRAM with the options of the task's preset, and these.

    Args:
        task: What is learned.
        seed: Of weights, images and noise.
        budget: Environment steps to come, in which learning rate and noise fall.
        **options: Fields of the configuration.
    """
    episodes = max(1, budget // steps_of_episode(task.envs("validation", 1)))
    lengths: dict[str, Any] = {"images": episodes, "sigma_fall_images": max(1, episodes // 5)}
    preset: Config = _PRESETS[task.env_id]()
    chosen = {**_SHORT, **lengths, **options}
    config = replace(preset, env_id=task.env_id, seed=seed, **chosen)
    return DramLearner(config)


hybrid_environment = partial(ours, credit="environment")
hybrid_probability = partial(ours, credit="probability")
hybrid_information = partial(ours, credit="information")
rewards_alone = partial(
    ours, credit="environment", classifier="reinforce", entropy_weight=0.02, reinforce_weight=1.0
)
random_gaze = partial(ours, credit="environment", gaze="random")
center_gaze = partial(ours, credit="environment", gaze="center")
