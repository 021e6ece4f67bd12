"""Episodes in which labels are read from an image: how they begin, what an action does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from glimpse_env.backend import Array, Backend
from glimpse_env.envs.gaze.episodes import OVER, Episodes, Said
from glimpse_env.envs.gaze.rows import Rows
from glimpse_env.envs.reading.rules import (
    Judgement,
    Rules,
    any_may_be_due,
    judge,
    label_due,
    next_clocks,
    speaks,
    targets,
)
from glimpse_env.frames.trace import Word
from glimpse_env.sight.eye import TaskEye
from glimpse_env.tasks.task import Task


class ReadingEpisodes(Episodes):
    """B images, the labels of which are said one by one.

    Args:
        backend: Where the arrays live.
        task: Images and labels.
        rules: The rules of an episode.
        eye: B eyes.
        number: B.
        initial_gaze: "none", "center" or "random".
        glimpse_cost: Taken off the reward for each glimpse after the reset.
    """

    rows: ReadingRows
    eye: TaskEye
    strip = ("said", "true")

    def __init__(
        self,
        backend: Backend,
        task: Task,
        rules: Rules,
        eye: TaskEye,
        number: int,
        initial_gaze: str,
        glimpse_cost: float = 0.0,
    ) -> None:
        """No episode has begun."""
        rows = ReadingRows.unborn(backend, number, rules)
        super().__init__(backend, rows, eye, task.size, initial_gaze)
        self.task, self.rules, self.glimpse_cost = task, rules, glimpse_cost
        self.image_shape, self.num_choices = task.image_shape, rules.num_choices
        self._nobody = backend.zeros((number,), "bool")
        self._label_range = f"action['label'] must be in 0 .. {rules.num_choices - 1}"

    def _fresh(self, index: Array) -> dict[str, Array]:
        labels = self.task.labels(index)

        def zeros() -> Array:
            return self.backend.zeros((len(index),), "int64")

        return {
            "labels": labels,
            "targets": targets(self.backend, labels, self.rules),
            "said": zeros(),
            "right": zeros(),
            "heard": zeros(),
            "emitted": self.backend.zeros((len(index), self.rules.max_said), "int64") - 1,
        }

    def _present(self, rows: Array, index: Array, keep: Array | None) -> None:
        self.eye.turn_to(rows, index, keep)
        self._look_up_target()
        self._notice_due()

    def advance(self, gaze: Array, choice: Array) -> tuple[Array, Said | None]:
        """Judge the labels that are due, then move the eyes of the rows that go on.

        The rewards of an episode add up to `return` in `outcome`.
        """
        before = self.clocks
        said = None
        if any_may_be_due(self.rules, before):
            verdict = self._judge(choice)
            said = Said(verdict.due, choice, verdict.right)
            reward = self.backend.cast(verdict.right, self.backend.float_reward)
        else:
            reward = self.backend.zeros((len(choice),), self.backend.float_reward)
        self.clocks = next_clocks(self.rules, before - {OVER})
        may_be_over = OVER in before or OVER in self.clocks
        self._move(gaze, self.rows.over if may_be_over else None)
        if self.glimpse_cost:
            reward = reward - self.glimpse_cost * self.looked
        self._notice_due()
        return reward, said

    def _judge(self, label: Array) -> Judgement:
        rows = self.rows
        inside = label // self.rules.num_choices == 0
        if not (self.backend.eager and inside.all()):
            self.backend.require(inside | ~rows.due, self._label_range, label)
        due = rows.due
        if self.rules.agent_decides:
            due = due & speaks(self.rules, label, rows.seen - rows.heard)
        verdict = judge(self.rules, due, rows.said, label, rows.target)
        rows.record(self.backend, verdict, label, self.rules)
        self._look_up_target()
        return verdict

    def _look_up_target(self) -> None:
        rows = self.rows
        target = rows.targets[self.numbers, rows.said]
        rows.target = self.backend.xp.where(rows.over, -1, target)

    def _notice_due(self) -> None:
        rows = self.rows
        if any_may_be_due(self.rules, self.clocks):
            rows.due = label_due(self.rules, rows.seen, rows.said, rows.over)
        else:
            rows.due = self._nobody

    def observe(self) -> dict[str, Array]:
        """See Episodes; and whether the label of the next action will be read."""
        observation = super().observe()
        observation["emit"] = self.backend.cast(self.rows.due, "int64")
        return observation

    def known(self) -> dict[str, Array]:
        """The labels, the label due, and which image."""
        rows = self.rows
        return {"labels": rows.labels, "target": rows.target, "index": rows.index}

    def outcome(self) -> dict[str, Array]:
        """The labels said, and whether they were all right."""
        rows = self.rows
        moves = rows.seen - self.first_clock
        earned = rows.right
        if self.glimpse_cost:
            earned = earned - self.glimpse_cost * moves
        return {
            "emitted": rows.emitted[:, : self.rules.max_labels],
            # a sequence without a mistake ends only with the end label in its place
            "sequence_correct": rows.right == rows.said,
            "return": earned,
            # The last action moves no eye, so it is one step more than there were moves.
            "length": moves + 1,
        }

    def images(self, number: int | None) -> Array:
        """See Episodes."""
        return self.task.images(self.rows.index[:number])

    def captions(self, said: Sequence[tuple[int, bool]]) -> list[Word]:
        """The labels said, right or wrong."""
        return [(self._name(label), right) for label, right in said]

    def truths(self, number: int | None) -> list[list[str]]:
        """The right labels."""
        targets = self.backend.to_numpy(self.rows.targets[:number])
        return [[self._name(label) for label in row if label >= 0] for row in targets.tolist()]

    def _name(self, label: int) -> str:
        if label == self.rules.keep_looking:
            return "nothing"
        return "end" if label == self.rules.num_classes else str(label)


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
