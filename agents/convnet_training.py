"""Training and reading with the whole-image networks: the same tasks and splits as the agents."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from agents.build import make_envs
from agents.convnet_config import ConvNetConfig
from agents.convnets import ConvNet, most_likely, sequence_loss
from agents.evaluate import wilson_interval
from agents.flops import flops_of_network, parameters_of
from agents.optimization import learning_rate, make_optimizer
from glimpse_env.arguments import require_at_least
from glimpse_env.tasks.task import Task


class Images:
    """The images and labels of a split, as tensors.

    Args:
        config: Names the environment.
        split: "train", "validation" or "test".
        device: Torch device.
    """

    def __init__(self, config: ConvNetConfig, split: str, device: str) -> None:
        """Take the task out of the environment of that id."""
        envs = make_envs(config, split, 1, device)
        self.task: Task = envs.task
        self.device, self._on_host = device, envs.backend_name == "numpy"

    def batch(self, index: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Images uint8 (B, C, H, W) and labels int64 (B, L), padded with -1."""
        which = index if self._on_host else torch.as_tensor(index, device=self.device)
        images, labels = self.task.images(which), self.task.labels(which)
        return torch.as_tensor(images), torch.as_tensor(labels)


class ConvNetTraining:
    """A run in progress.

    Everything random in an update follows from (seed, update), so a run that is stopped anywhere
    and resumed from its last checkpoint takes exactly the steps that it would have taken. For
    that, each update seeds PyTorch's own generator, from which dropout draws.

    Args:
        config: What to train.
        device: Torch device.
    """

    def __init__(self, config: ConvNetConfig, device: str = "cpu") -> None:
        """Make the images' source, the network and the optimizer."""
        torch.manual_seed(config.seed)
        self.config, self.device = config, device
        self.source = Images(config, "train", device)
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


@dataclasses.dataclass(frozen=True)
class ConvNetEvaluation:
    """The outcome of one pass over a split, and what an image of it costs."""

    split: str
    images: int
    wrong: int
    error: float  # of whole sequences, percent
    interval: tuple[float, float]  # 95 % Wilson interval of the error, percent
    mean_labels_right: float  # up to the first mistake, "end" among them, as an agent would be paid
    parameters: int
    flops_per_image: int  # two for each multiply-add (see agents/flops.py)

    def describe(self) -> str:
        """One line for people."""
        low, high = self.interval
        return (
            f"{self.split} error {self.error:.2f} % "
            f"(95 % interval {low:.2f} .. {high:.2f}, {self.images} images, whole images)"
        )


def evaluate_convnet(
    network: ConvNet,
    config: ConvNetConfig,
    split: str,
    *,
    images: int = 0,
    batch: int = 500,
    progress: bool = False,
) -> ConvNetEvaluation:
    """Read every image of a split once.

    Args:
        network: Who reads.
        config: Its configuration.
        split: "validation" or "test".
        images: Only so many of the first images; 0 for all.
        batch: Images read together; changes nothing but the speed.
        progress: Show a progress bar.

    Raises:
        InvalidArgument: Numbers that cannot be.
    """
    require_at_least("images", images, 0)
    require_at_least("batch", batch, 1)
    source = Images(config, split, str(next(network.parameters()).device))
    number = min(images, source.task.size) if images else source.task.size
    wrong, labels_right = 0, 0
    network.eval()
    with torch.no_grad():
        for first in tqdm(
            range(0, number, batch), desc=split, leave=False, disable=None if progress else True
        ):
            pixels, labels = source.batch(np.arange(first, min(first + batch, number)))
            said = most_likely(network(pixels))
            wrong += len(labels) - int((said == labels).all(1).sum())
            labels_right += int(count_right(said, labels, source.task.has_end).sum())
    network.train()
    low, high = wilson_interval(wrong, number)
    return ConvNetEvaluation(
        split=split,
        images=number,
        wrong=wrong,
        error=round(100 * wrong / number, 3),
        interval=(round(100 * low, 3), round(100 * high, 3)),
        mean_labels_right=round(labels_right / number, 4),
        parameters=parameters_of(network),
        flops_per_image=flops_of_network(network, pixels[0]),
    )


def count_right(said: Tensor, labels: Tensor, has_end: bool) -> Tensor:
    """Right labels before the first mistake, int64 (B,): the return of an agent that said them.

    Args:
        said: int64 (B, L), padded with -1.
        labels: int64 (B, L), padded with -1.
        has_end: Whether "end" must be said after the last label, and counts.
    """
    right = (said == labels).long().cumprod(1).sum(1)
    length = (labels >= 0).sum(1)
    end_too = (said == labels).all(1) & has_end
    return torch.minimum(right, length) + end_too
