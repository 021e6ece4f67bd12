"""DRAM's forward-backward rule (Ba et al. 2014, section 4.3): two agents read one split."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from agents.dram.readers.agent_reader import AgentReader
from agents.dram.readers.reading import combine
from agents.trainer.envs import IndexArray
from glimpse_env.errors import InvalidArgument


class ForwardBackwardReader:
    """Two agents that read towards each other (DRAM, section 4.3).

    Args:
        forward: Reads from first to last.
        backward: Reads the same images from last to first, as many at once.

    Raises:
        InvalidArgument: The two do not fit each other.
    """

    def __init__(self, forward: AgentReader, backward: AgentReader) -> None:
        if forward.end is None:
            raise InvalidArgument("a single label reads the same forward and backward")
        if (forward.batch, forward.size) != (backward.batch, backward.size):
            raise InvalidArgument("the two agents were trained on different tasks")
        index = np.arange(forward.batch) % forward.size
        if not is_mirrored(forward.labels(index), backward.labels(index)):
            raise InvalidArgument("the two agents do not read the same labels towards each other")
        self.forward, self.backward = forward, backward
        self.batch, self.size = forward.batch, forward.size
        self.end: int | None = forward.end
        self.networks: tuple[nn.Module, ...] = (forward.agent, backward.agent)
        if _same_weights(forward.agent.glimpse, backward.agent.glimpse):  # shared: one network
            others = [part for part in backward.agent.children() if part != backward.agent.glimpse]
            self.networks = (forward.agent, *others)

    def say(self, index: IndexArray, seed: int) -> Tensor:
        """Read the images of int64 `index` (batch,) both ways; `seed` is for random first gazes.

        Returns:
            The labels said: int64 (batch, S), -1 after the end.
        """
        return combine(self.forward.read(index, seed), self.backward.read(index, seed)).said

    def targets(self, index: IndexArray) -> Tensor:
        """What should be said, from first to last: int64 (batch, S), -1 after the end."""
        return self.forward.targets(index)


def is_mirrored(labels: IndexArray, others: IndexArray) -> bool:
    """Whether labels (B, L), padded with -1, are the others from last to first."""
    if labels.shape != others.shape:
        return False
    numbers = [[row[row >= 0].tolist() for row in rows] for rows in (labels, others)]
    return all(ours == theirs[::-1] for ours, theirs in zip(*numbers, strict=True))


def _same_weights(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return all(torch.equal(ours, theirs) for ours, theirs in pairs)
