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
        self.generator, self._total, self._own = generator, total, own

    def normal(self, rows: Tensor, size: int) -> Tensor:
        """Standard normal numbers (R, size) for the own rows of these numbers, int64 (R,)."""
        return self._draw("normal_", size)[self._own][rows]

    def uniform(self, rows: Tensor, size: int) -> Tensor:
        """Numbers uniform in [0, 1), (R, size), for the own rows of these numbers, int64 (R,)."""
        return self._draw("uniform_", size)[self._own][rows]

    def exponential(self, rows: Tensor, size: int) -> Tensor:
        """Exponential numbers of mean 1, (R, size), for the own rows of these numbers, (R,)."""
        return self._draw("exponential_", size)[self._own][rows]

    def choice(self, rows: Tensor, chances: Tensor) -> Tensor:
        """One of P for each row, int64 (R,), with the chances (R, P)."""
        # The first of exponential alarms, one for each, rings with the chance of that one.
        return (chances / self.exponential(rows, chances.shape[1])).argmax(1)

    def _draw(self, kind: str, size: int) -> Tensor:
        return self._fill(torch.empty(self._total, size, device=self.generator.device), kind)

    def _fill(self, numbers: Tensor, kind: str) -> Tensor:
        filled: Tensor = getattr(numbers, kind)(generator=self.generator)
        return filled


class KeptNoise(RowNoise):
    """A RowNoise whose numbers are always in the same memory, drawn before they are asked for.

    A CUDA graph reads the addresses that it was captured with. What is asked for after the first
    `rewind` must be asked for again, in the same order, after every other one.
    """

    def __init__(self, generator: torch.Generator, total: int, own: slice = slice(None)) -> None:
        super().__init__(generator, total, own)
        self._kept: list[tuple[str, Tensor]] = []
        self._next = 0

    def rewind(self) -> None:
        """Give the same numbers again from the first on."""
        self._next = 0

    def refill(self) -> None:
        """Draw all numbers anew, as a RowNoise that is asked in the same order would."""
        for kind, numbers in self._kept:
            self._fill(numbers, kind)

    def _draw(self, kind: str, size: int) -> Tensor:
        if self._next == len(self._kept):
            self._kept.append((kind, super()._draw(kind, size)))
        known, numbers = self._kept[self._next]
        assert (known, numbers.shape[1]) == (kind, size), "asked for in another order"
        self._next += 1
        return numbers
