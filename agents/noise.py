"""Random numbers of which every row of a batch has its own."""

from __future__ import annotations

import torch
from torch import Tensor


class RowNoise:
    """Random numbers for the rows of a batch, the same for a row whoever else plays.

    Each draw makes numbers for the whole batch, of which the rows that ask take theirs. So what
    befalls a row depends neither on when other rows end nor on how many processes share the batch.

    Args:
        generator: Where the numbers come from, on the device where they are wanted.
        total: Rows of the whole batch.
        own: Those of them that are played here; by default all.
    """

    def __init__(self, generator: torch.Generator, total: int, own: slice = slice(None)) -> None:
        """Nothing is drawn yet."""
        self.generator, self._total, self._own = generator, total, own

    def normal(self, rows: Tensor, size: int) -> Tensor:
        """Standard normal numbers (R, size) for the own rows of these numbers, int64 (R,)."""
        return self._empty(size).normal_(generator=self.generator)[self._own][rows]

    def uniform(self, rows: Tensor, size: int) -> Tensor:
        """The same, uniform in [0, 1)."""
        return self._empty(size).uniform_(generator=self.generator)[self._own][rows]

    def exponential(self, rows: Tensor, size: int) -> Tensor:
        """The same, exponential of mean 1."""
        return self._empty(size).exponential_(generator=self.generator)[self._own][rows]

    def _empty(self, size: int) -> Tensor:
        return torch.empty(self._total, size, device=self.generator.device)
