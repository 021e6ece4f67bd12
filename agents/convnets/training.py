"""Training of the whole-image networks: the same tasks and splits as the agents."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.convnets.config import ConvNetConfig
from agents.convnets.networks import most_likely, sequence_loss
from agents.convnets.reader import Images, network_for
from agents.trainer.optimization import learning_rate, make_optimizer


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
        self.network = network_for(config, self.source.task, device)
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
