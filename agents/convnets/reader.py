"""Images of a split, and a whole-image network that reads them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agents.convnets.config import ConvNetConfig
from agents.convnets.networks import ConvNet, most_likely
from agents.evaluation.evaluation import Evaluation, evaluate_reader
from agents.evaluation.reader import testing, with_end
from agents.runs.saved import fitting, load_run
from agents.trainer.envs import for_task, make_networks, make_reading_envs
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


def evaluate_run(
    run: str | Path,
    split: str,
    *,
    env_id: str | None = None,
    data_dir: Path | None = None,
    images: int = 0,
    device: str = "cpu",
) -> tuple[Evaluation, ConvNetConfig, int]:
    """Let the network of a run read a split of its environment, or of another one.

    Args:
        run: Folder of the run.
        split: "validation" or "test".
        env_id: Another environment with images of the same size and the same labels.
        data_dir: Folder of data sets, where it is another one than that of the run.
        images: Only so many of the first images; 0 for all.
        device: Torch device.

    Returns:
        What was found, the configuration that it was found with, and the images trained on.

    Raises:
        InvalidArgument: Images or labels of another kind than the network's.
        MissingData, CorruptedData: See load_run.
    """
    state, config = load_run(run, ConvNetConfig)
    moved = dataclasses.replace(
        config,
        env_id=env_id or config.env_id,
        data_dir=str(data_dir.absolute()) if data_dir else config.data_dir,
        num_images=None if env_id or data_dir else config.num_images,
    )
    network = network_for(moved, Images(moved, split, device).task, device)
    load_weights(network, state, run)
    result = read_whole_images(ConvNetReader(network, moved, split), split, images, progress=True)
    return result, moved, state["updates"] * config.batch


def network_for(config: ConvNetConfig, task: Task, device: str) -> ConvNet:
    """A fresh network for the images and labels of a task."""
    network = make_networks(config, lambda: ConvNet(config, task)).to(device)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def load_weights(network: ConvNet, state: dict[str, Any], run: str | Path) -> None:
    """Give a network the weights of a run.

    Raises:
        InvalidArgument: They are those of another network, or for other images or labels.
    """
    with fitting(run):
        network.load_state_dict(state["network"])
