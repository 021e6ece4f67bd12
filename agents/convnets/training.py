"""Training and reading with the whole-image networks: the same tasks and splits as the agents."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.convnets.config import ConvNetConfig
from agents.convnets.networks import ConvNet, most_likely, sequence_loss
from agents.evaluation.evaluation import Evaluation, evaluate_reader
from agents.evaluation.reader import testing, with_end
from agents.trainer.envs import for_task, make_reading_envs, making_networks
from agents.trainer.optimization import learning_rate, make_optimizer
from glimpse_env.errors import require_at_least
from glimpse_env.tasks.task import Task


class Images:
    """The images and labels of a split, as tensors.

    Args:
        config: Names the environment.
        split: "train", "validation" or "test".
        device: Torch device.
    """

    def __init__(self, config: ConvNetConfig, split: str, device: str) -> None:
        self._envs = make_reading_envs(config, split, 1, device)
        self.task: Task = self._envs.task

    def batch(self, index: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Images uint8 (B, C, H, W) and labels int64 (B, L), padded with -1."""
        there = for_task(self._envs, index)
        return torch.as_tensor(self.task.images(there)), torch.as_tensor(self.task.labels(there))

    def labels(self, index: NDArray[np.int64]) -> Tensor:
        """Labels alone."""
        return torch.as_tensor(self.task.labels(for_task(self._envs, index)))


class ConvNetTraining:
    """A run in progress.

    Everything random in an update follows from (seed, update), so a run that is stopped anywhere
    and resumed from its last checkpoint takes exactly the steps that it would have taken, up to
    rounding on a GPU, some of whose kernels sum in no fixed order. For that, each update seeds
    PyTorch's own generator, from which dropout draws.

    Args:
        config: What to train.
        device: Torch device.
    """

    def __init__(self, config: ConvNetConfig, device: str = "cpu") -> None:
        torch.manual_seed(config.seed)
        self.config, self.device = config, device
        self.source = Images(config, "train", device)
        with making_networks(config):
            network = ConvNet(config, self.source.task).to(device)
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = make_optimizer(config, self.network.parameters())
        self.updates = 0

    @property
    def images(self) -> int:
        """Images seen so far."""
        return self.updates * self.config.batch

    def update(self) -> dict[str, Tensor]:
        """One step of the optimizer; returns what to log, still on the device."""
        config = self.config
        numbers = np.random.default_rng([config.seed, self.updates])
        torch.manual_seed(int(numbers.integers(2**62)))
        images, labels = self.source.batch(
            numbers.integers(self.source.task.size, size=config.batch)
        )
        scores = self.network(images)
        loss = sequence_loss(scores, labels)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.gradient_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(config, self.images)
        self.optimizer.step()
        self.updates += 1
        right = (most_likely(scores) == labels).all(1)
        return {
            "train/error": 1 - right.float().mean(),
            "train/cross_entropy": loss.detach(),
        }

    def state(self) -> dict[str, Any]:
        """All that a checkpoint must hold."""
        return {
            "trainer": self.config.TRAINER,
            "config": dataclasses.asdict(self.config),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "updates": self.updates,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.updates = state["updates"]


class ConvNetReader:
    """A network that reads whole images; see agents/dram/readers/agent_reader.py.

    Args:
        network: Who reads.
        config: Its configuration.
        split: "train", "validation" or "test".
        batch: Images read together; changes nothing but the speed.
    """

    def __init__(
        self, network: ConvNet, config: ConvNetConfig, split: str, batch: int = 500
    ) -> None:
        require_at_least("batch", batch, 1)
        self._network = network
        self._images = Images(config, split, str(next(network.parameters()).device))
        task = self._images.task
        self.batch, self.size = batch, task.size
        self.end = task.num_classes if task.has_end else None
        self.networks: tuple[nn.Module, ...] = (network,)

    def say(self, index: NDArray[np.int64], seed: int) -> Tensor:
        """Read the images of int64 `index` (batch,); nothing is random, so `seed` is not used.

        Returns:
            The labels said: int64 (batch, S), -1 after the end.
        """
        del seed
        with testing(self._network):
            said = most_likely(self._network(self._images.batch(index)[0]))
        return with_end(said, self.end)

    def targets(self, index: NDArray[np.int64]) -> Tensor:
        """What should be said: int64 (batch, S), -1 after the end."""
        return with_end(self._images.labels(index).cpu(), self.end)


def evaluate_convnet(
    network: ConvNet,
    config: ConvNetConfig,
    split: str,
    *,
    images: int = 0,
    progress: bool = False,
) -> Evaluation:
    """Let a network read every image of a split once; see `evaluate`."""
    return read_whole_images(ConvNetReader(network, config, split), split, images, progress)


def read_whole_images(
    reader: ConvNetReader, split: str, images: int = 0, progress: bool = False
) -> Evaluation:
    """Let a network read every image of its split once.

    Args:
        reader: The network.
        split: Which split it reads.
        images: Only so many of the first images; 0 for all.
        progress: Show a progress bar.
    """
    return evaluate_reader(
        reader, split, name="whole images", gaze="none", images=images, progress=progress
    )
