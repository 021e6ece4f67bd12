"""What a reader is: whoever reads images in batches, an agent or a whole-image network."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal, Protocol

import torch
from torch import Tensor, nn

from agents.trainer.envs import (
    IndexArray,
)


@contextlib.contextmanager
def testing(network: nn.Module) -> Iterator[None]:
    """Inside, nothing is learned and nothing left out."""
    learning = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(learning)


Gaze = Literal["policy", "random", "center"]


class Reader(Protocol):
    """Whoever reads images in batches of one size.

    Attributes:
        batch: How many images at once.
        size: How many images there are.
        end: The label said after the last object of a sequence; None where single labels are read.
        networks: What computes.
    """

    batch: int
    size: int
    end: int | None
    networks: tuple[nn.Module, ...]

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """Read the images of int64 `index` (batch,); random first gazes follow from the seed.

        Returns:
            The labels said: int64 (batch, S), -1 after the end.
        """

    def targets(self, index: IndexArray) -> Tensor:
        """What should be said: int64 (batch, S), -1 after the end."""


def with_end(labels: Tensor, end: int | None) -> Tensor:
    """Labels (B, L), padded with -1, followed by the end label: (B, L + 1); unless it is None."""
    if end is None:
        return labels
    length = (labels >= 0).sum(1, keepdim=True)
    padded = torch.nn.functional.pad(labels, (0, 1), value=-1)
    return padded.scatter(1, length, end)
