"""Tasks made gradual for those who have rewards alone; they are tested on the task as it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agents.dram.config import Config
from agents.dram.model.build import load_agent
from agents.dram.readers.information import KnownBy
from agents.dram.readers.learner import DramLearner
from agents.sb3.learner import Sb3Learner
from benchmarks.compare import others, ours
from benchmarks.compare.tasks import Task
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.errors import require_choice
from glimpse_env.wrappers import VectorInformationReward

READER = "pretrained:ram_mnist"  # of the task mnist
WEIGHT = 0.3  # what all that a reader can know of a label is worth; a right label earns 1
GRADUAL = 0.5  # of the steps, until a task is as hard as it will be
STAGES: dict[str, tuple[str, Sequence[int]]] = {  # what a curriculum changes, by the task's name
    "cluttered60": ("num_distractors", range(5)),
    "house-numbers-2": ("max_digits", (1, 2)),
}


def informed(envs: GazeVectorEnv, weight: float = WEIGHT) -> VectorInformationReward:
    """The same rows, in which every glimpse earns what it tells a frozen reader of the label."""
    known = KnownBy(load_agent(READER)[0], sees_at_reset=envs.sees_at_reset)
    return VectorInformationReward(envs, known, weight)


def ppo_informed(task: Task, seed: int, budget: int, /, **options: Any) -> Sb3Learner:
    """PPO without a memory."""
    return Sb3Learner(others.ppo(task, seed, budget, **options).config, informed)


def ppo_stack_informed(task: Task, seed: int, budget: int, /, **options: Any) -> Sb3Learner:
    """PPO that sees the glimpses of a whole episode."""
    return Sb3Learner(others.ppo_stack(task, seed, budget, **options).config, informed)


class Gradual(DramLearner):
    """An agent of ours whose images begin simple, and get harder one stage after the other.

    Args:
        config: The run.
        option: What a reset changes.
        stages: Its values; all of them have come when GRADUAL of the steps are taken.
    """

    def __init__(self, config: Config, option: str, stages: Sequence[int]) -> None:
        super().__init__(config)
        self._option, self._stages = option, stages

    def learn(self, envs: GazeVectorEnv, steps: int, callback: Callable[[int], None]) -> None:
        """Learn until so many steps are taken."""
        present = None

        def harder(taken: int) -> None:
            nonlocal present
            last = len(self._stages) - 1
            wanted = self._stages[min(int(taken / (GRADUAL * steps) * last), last)]
            if wanted != present:
                envs.reset(options={self._option: wanted})
                present = wanted
            callback(taken)

        super().learn(envs, steps, harder)


def curriculum(task: Task, seed: int, budget: int, /, **options: Any) -> Gradual:
    """Rewards alone.

    Raises:
        InvalidArgument: A task that has no stages.
    """
    require_choice("task", task.name, tuple(STAGES))
    config: Config = ours.rewards_alone(task, seed, budget, **options).config
    return Gradual(config, *STAGES[task.name])
