"""What changes while episodes run: one entry a row of the vector environment."""

from __future__ import annotations

import dataclasses

from glimpse_env import counter_hash
from glimpse_env.backend import Array, Backend
from glimpse_env.episode import Judgement, Rules


@dataclasses.dataclass
class Rows:
    """The state of B episodes; L objects, S labels said at the most.

    It holds no pixels: an image is known by its index.
    """

    key: Array  # int64 (B,), 32-bit hash of the row's seed
    episode: Array  # int64 (B,), number of the episode since seeding, -1 before the first
    index: Array  # int64 (B,), which image
    labels: Array  # int64 (B, L), padded with -1
    targets: Array  # int64 (B, S + 1), the label due at each turn, -1 for none
    target: Array  # int64 (B,), the label now due or next due, -1 for none
    seen: Array  # int64 (B,), glimpses taken
    said: Array  # int64 (B,), labels said
    right: Array  # int64 (B,), right labels said
    emitted: Array  # int64 (B, S), labels said, padded with -1; the end label is not one
    due: Array  # bool (B,), the next action's label will be read
    over: Array  # bool (B,), the episode has ended
    gaze: Array  # float32 (B, 2), where the last glimpse was taken

    @classmethod
    def unborn(cls, backend: Backend, number: int, rules: Rules) -> Rows:
        """Rows whose first episode has not begun."""

        def zeros(*shape: int, dtype: str = "int64") -> Array:
            return backend.zeros((number, *shape), dtype)

        return cls(
            key=zeros(),
            episode=zeros() - 1,
            index=zeros(),
            labels=zeros(rules.max_labels) - 1,
            targets=zeros(rules.max_said + 1) - 1,
            target=zeros() - 1,
            seen=zeros(),
            said=zeros(),
            right=zeros(),
            emitted=zeros(rules.max_said) - 1,
            due=zeros(dtype="bool"),
            over=backend.ones((number,), "bool"),
            gaze=zeros(2, dtype="float32"),
        )

    def seed(self, backend: Backend, seeds: Array, mask: Array) -> None:
        """Start the episode count of the rows in `mask` anew from `seeds`, int64 (B,)."""
        where = backend.xp.where
        self.key = where(mask, counter_hash.key_of(seeds), self.key)
        self.episode = where(mask, -1, self.episode)

    def draws(self, rows: Array, number: Array) -> Array:
        """Three random numbers of the present episodes of `rows` (m,), at `number` = 0, 1, 2."""
        counter = self.episode[rows][:, None] * 3 + number
        return counter_hash.draws(self.key[rows][:, None], counter)

    def begin(self, backend: Backend, rows: Array, keep: Array, **fresh: Array) -> None:
        """Put `rows` (m,) at the start of an episode.

        Args:
            backend: Where the arrays live.
            rows: int64 (m,), which rows.
            keep: bool (m,), False for rows that go on as they are; always True with NumPy.
            **fresh: The new values of index, labels, targets, seen and gaze, each (m, ...).
        """
        zeros = backend.zeros((len(rows),), "int64")
        emitted = backend.zeros((len(rows), self.emitted.shape[1]), "int64") - 1
        fresh |= {"said": zeros, "right": zeros, "emitted": emitted}
        for name, value in fresh.items():
            state = getattr(self, name)
            if not backend.eager:
                where = keep.reshape(-1, *[1] * (value.ndim - 1))
                value = backend.xp.where(where, value, state[rows])
            state[rows] = value

    def record(
        self,
        backend: Backend,
        verdict: Judgement,
        label: Array,
        rules: Rules,
    ) -> None:
        """Take down the labels said and end the episodes that are over."""
        where = backend.xp.where
        now = verdict.due[:, None]
        if rules.has_end:
            now = now & (backend.arange(rules.max_said) == self.said[:, None])
            label = where(label == rules.num_classes, -1, label)
        self.emitted = where(now, label[:, None], self.emitted)
        self.said = self.said + verdict.due
        self.right = self.right + verdict.right
        self.over = self.over | verdict.over
