"""The network that sees whole images: the bound of a comparison, which does not act."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from agents.convnets import presets
from agents.convnets.reader import ConvNetReader, read_whole_images
from agents.convnets.training import ConvNetTraining
from agents.evaluation.evaluation import Evaluation
from benchmarks.compare.tasks import Task, steps_of_episode

_PRESETS = {
    "GlimpseMNIST-v0": presets.modern_mnist,
    "GlimpseClutteredMNIST60-v0": presets.modern_cluttered60,
    "GlimpseHouseNumbers-v0": presets.modern_house_numbers_cpu,
}


class WholeImages:
    """A small ResNet, to which an image counts as many steps as an episode has.

    Args:
        task: What is learned.
        seed: Of weights and images.
        steps: Steps to come.
    """

    def __init__(self, task: Task, seed: int, steps: int) -> None:
        self._episode = steps_of_episode(task.envs("validation", 1))
        config = replace(
            _PRESETS[task.env_id](),
            seed=seed,
            images=max(1, steps // self._episode),
            max_digits=task.options.get("max_digits"),
        )
        self.training = ConvNetTraining(config)

    @property
    def options(self) -> object:
        """What was chosen."""
        return self.training.config

    def learn(self, callback: Callable[[int], None]) -> None:
        """Learn for the steps there are."""
        while self.training.images < self.training.config.images:
            callback(self.training.images * self._episode)
            self.training.update()
        callback(self.training.images * self._episode)

    def read(self, split: str, images: int) -> Evaluation:
        """Read the first images of a split, 0 for all."""
        reader = ConvNetReader(self.training.network, self.training.config, split)
        return read_whole_images(reader, split, images)
