"""Tasks made gradual for those who have rewards alone; they are tested on the task as it is."""

from __future__ import annotations

from collections.abc import Callable

from agents.dram.config import Config
from agents.dram.model.build import load_agent
from agents.dram.readers.information import KnownBy
from agents.dram.readers.learner import DramLearner
from agents.sb3.learner import Sb3Learner
from benchmarks.compare import others, ours
from benchmarks.compare.tasks import Task
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.wrappers import VectorInformationReward

READER = "pretrained:ram_mnist"  # of the task mnist
WEIGHT = 0.3  # what all that a reader can know of a label is worth; a right label earns 1
DISTRACTORS = 4  # of the task cluttered60
GRADUAL = 0.5  # of the steps, until all of them are there


def informed(envs: GazeVectorEnv, weight: float = WEIGHT) -> VectorInformationReward:
    """The same rows, in which every glimpse earns what it tells a frozen reader of the label."""
    known = KnownBy(load_agent(READER)[0], sees_at_reset=envs.sees_at_reset)
    return VectorInformationReward(envs, known, weight)


def ppo_informed(task: Task, seed: int, steps: int) -> Sb3Learner:
    """PPO without a memory."""
    return Sb3Learner(others.ppo(task, seed, steps).config, informed)


def ppo_stack_informed(task: Task, seed: int, steps: int) -> Sb3Learner:
    """PPO that sees the glimpses of a whole episode."""
    return Sb3Learner(others.ppo_stack(task, seed, steps).config, informed)


class Gradual(DramLearner):
    """An agent of ours whose images begin without distractors, and get them one by one.

    Args:
        config: The run.
    """

    def learn(self, envs: GazeVectorEnv, steps: int, callback: Callable[[int], None]) -> None:
        """Learn until so many steps are taken."""
        present = -1

        def harder(taken: int) -> None:
            nonlocal present
            wanted = min(int(taken / (GRADUAL * steps) * DISTRACTORS), DISTRACTORS)
            if wanted != present:
                envs.reset(options={"num_distractors": wanted})
                present = wanted
            callback(taken)

        super().learn(envs, steps, harder)


def curriculum(task: Task, seed: int, steps: int) -> Gradual:
    """Rewards alone."""
    config: Config = ours.rewards_alone(task, seed, steps).config
    return Gradual(config)
