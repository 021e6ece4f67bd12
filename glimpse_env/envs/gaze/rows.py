"""What changes while episodes of any kind run: one entry a row of the vector environment."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Self

from glimpse_env.backend import Array, Backend, counter_hash


class Rows(SimpleNamespace):
    """The state of B episodes; it holds no pixels: an image or a game is known by its index.

    What an episode begins with, and so what else there is of it, is said by `Episodes._fresh`. What
    goes on from episode to episode:

    Attributes:
        key: int64 (B,), 32-bit hash of the row's seed.
        episode: int64 (B,), number of the episode since seeding, -1 before the first.
        over: bool (B,), the episode has ended.
    """

    key: Array
    episode: Array
    over: Array

    @classmethod
    def unborn(cls, backend: Backend, number: int, fresh: dict[str, Array]) -> Self:
        """So many rows whose first episode has not begun; `fresh` has the fields of episodes."""
        return cls(
            key=backend.zeros((number,), "int64"),
            episode=backend.zeros((number,), "int64"),
            over=backend.zeros((number,), "bool"),
            **{name: backend.xp.zeros_like(value) for name, value in fresh.items()},
        )

    def emptied(self, backend: Backend) -> Self:
        """As many rows in memory of their own, all zeros, for episodes that begin everywhere."""
        return type(self)(
            **{name: backend.xp.zeros_like(value) for name, value in vars(self).items()}
        )

    def copied(self, backend: Backend) -> Self:
        """A copy of the rows, in memory of its own that can be written to."""
        return type(self)(**{name: backend.copy(value) for name, value in vars(self).items()})

    def seed(self, backend: Backend, seeds: Array, mask: Array) -> None:
        """Start the episode count of the rows in `mask` anew from `seeds`, int64 (B,)."""
        where = backend.xp.where
        self.key = where(mask, counter_hash.key_of(seeds), self.key)
        self.episode = where(mask, -1, self.episode)

    def draws(self, rows: Array, number: Array) -> Array:
        """Three random numbers of the present episodes of `rows` (m,), at `number` = 0, 1, 2."""
        counter = self.episode[rows][:, None] * 3 + number
        return counter_hash.draws(self.key[rows][:, None], counter)

    def begin(
        self, backend: Backend, rows: Array, keep: Array | None, fresh: dict[str, Array]
    ) -> None:
        """Put `rows` (m,) at the start of an episode.

        Args:
            backend: Where the arrays live.
            rows: int64 (m,), which rows.
            keep: bool (B,), False for rows that go on as they are, where `rows` are all rows, in
                order; None for none.
            fresh: The new values of the fields that an episode begins with, each (m, ...).
        """
        some = len(rows) < len(self.over)
        for name, value in fresh.items():
            state = getattr(self, name)
            if some:
                state[rows] = value
                continue
            # Tensors of a step in `torch.inference_mode()` must not be written to after it, so new
            # ones take their place.
            if keep is not None:
                where = keep.reshape(-1, *[1] * (value.ndim - 1))
                value = backend.xp.where(where, value, state)
            setattr(self, name, value)
