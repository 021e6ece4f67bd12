"""What changes while labels are read: one entry a row of the vector environment."""

from __future__ import annotations

import dataclasses

from glimpse_env.backend import Array, Backend
from glimpse_env.episode import Judgement, Rules
from glimpse_env.rows import Rows


@dataclasses.dataclass
class ReadingRows(Rows):
    """The state of B episodes; L objects, S labels said at the most."""

    labels: Array  # int64 (B, L), padded with -1
    targets: Array  # int64 (B, S + 1), the label due at each turn, -1 for none
    target: Array  # int64 (B,), the label now due or next due, -1 for none
    said: Array  # int64 (B,), labels said
    right: Array  # int64 (B,), right labels said
    emitted: Array  # int64 (B, S), labels said, padded with -1; the end label is not one
    due: Array  # bool (B,), the next action's label will be read
    heard: Array  # int64 (B,), glimpses seen when the last label was said

    @classmethod
    def unborn(cls, backend: Backend, number: int, rules: Rules) -> ReadingRows:
        """Rows whose first episode has not begun."""

        def zeros(*shape: int, dtype: str = "int64") -> Array:
            return backend.zeros((number, *shape), dtype)

        return cls(
            **cls.unborn_state(backend, number),
            labels=zeros(rules.max_labels),
            targets=zeros(rules.max_said + 1),
            target=zeros(),
            said=zeros(),
            right=zeros(),
            emitted=zeros(rules.max_said),
            due=zeros(dtype="bool"),
            heard=zeros(),
        )

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
        if rules.num_choices > rules.num_classes:  # the end, or nothing
            label = where(label >= rules.num_classes, -1, label)
        self.emitted = where(now, label[:, None], self.emitted)
        if rules.agent_decides:
            self.heard = where(verdict.due, self.seen, self.heard)
        self.said = self.said + verdict.due
        self.right = self.right + verdict.right
        self.over = self.over | verdict.over
