"""Episodes in which labels are read from an image: how they begin, what an action does."""

from __future__ import annotations

from collections.abc import Sequence

from glimpse_env.backend import Array, Backend
from glimpse_env.envs.gaze.episodes import OVER, Episodes, Played, Said
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
        self.task, self.rules, self.glimpse_cost = task, rules, glimpse_cost
        super().__init__(backend, eye, number, task.size, initial_gaze)
        self.image_shape, self.num_choices = task.image_shape, rules.num_choices
        self._nobody = backend.zeros((number,), "bool")
        self._turns = backend.arange(rules.max_said)
        self._label_range = f"action['label'] must be in 0 .. {rules.num_choices - 1}"

    def _fresh(self, index: Array, gaze: Array) -> dict[str, Array]:
        """The fields of a row at its start: L objects, S labels said at the most."""
        labels = self.task.labels(index)

        def zeros() -> Array:
            return self.backend.zeros((len(index),), "int64")

        return super()._fresh(index, gaze) | {
            "labels": labels,  # int64 (m, L), padded with -1
            # int64 (m, S + 1), the label due at each turn, -1 for none
            "targets": targets(self.backend, labels, self.rules),
            "said": zeros(),  # (m,), labels said
            "right": zeros(),  # (m,), right labels said
            # int64 (m, S), labels said, padded with -1; the end label is not one
            "emitted": self.backend.zeros((len(index), self.rules.max_said), "int64") - 1,
            "heard": zeros(),  # (m,), glimpses seen when the last label was said
        }

    def _present(self, rows: Array, index: Array, keep: Array | None) -> None:
        self.eye.turn_to(rows, index, keep)
        self._look_up_target()
        self._notice_due(self.clocks)

    def _clocks_after(self, running: frozenset[int]) -> frozenset[int]:
        return next_clocks(self.rules, running)

    def _play(
        self, gaze: Array, choice: Array, resting: Array | None, clocks: frozenset[int]
    ) -> tuple[Array | None, Said | None]:
        """Judge the labels that are due, then move the eyes of the rows that go on."""
        said = reward = None
        if any_may_be_due(self.rules, self.clocks):
            verdict = self._judge(choice)
            said = Said(verdict.due, choice, verdict.right)
            reward = self.backend.cast(verdict.right, self.backend.float_reward)
        may_be_over = resting is not None or OVER in clocks
        self._move(gaze, self.rows.over if may_be_over else None)
        if self.glimpse_cost:
            reward = (0.0 if reward is None else reward) - self.glimpse_cost * self.looked
        self._notice_due(clocks)
        return reward, said

    def _judge(self, label: Array) -> Judgement:
        rows = self.rows
        inside = label // self.rules.num_choices == 0
        if not (self.backend.eager and inside.all()):
            self.backend.require(inside | ~self.due, self._label_range, label)
        due = self.due
        if self.rules.agent_decides:
            due = due & speaks(self.rules, label, rows.seen - rows.heard)
        verdict = judge(self.rules, due, rows.said, label, self.target)
        self._record(verdict, label)
        self._look_up_target()
        return verdict

    def _record(self, verdict: Judgement, label: Array) -> None:
        """Take down the labels said and end the episodes that are over."""
        rows, rules, where = self.rows, self.rules, self.backend.xp.where
        now = verdict.due[:, None]
        if rules.has_end:
            now = now & (self._turns == rows.said[:, None])
        if rules.num_choices > rules.num_classes:  # the end, or nothing
            label = where(label >= rules.num_classes, -1, label)
        rows.emitted = where(now, label[:, None], rows.emitted)
        if rules.agent_decides:
            rows.heard = where(verdict.due, rows.seen, rows.heard)
        rows.said = rows.said + verdict.due
        rows.right = rows.right + verdict.right
        rows.over = rows.over | verdict.over

    def _look_up_target(self) -> None:
        """The label now due or next due, -1 for none: int64 (B,)."""
        rows = self.rows
        target = rows.targets[self.numbers, rows.said]
        self.target = self.backend.xp.where(rows.over, -1, target)

    def _notice_due(self, clocks: frozenset[int]) -> None:
        """Whether the next action's label will be read: bool (B,)."""
        rows = self.rows
        if any_may_be_due(self.rules, clocks):
            self.due = label_due(self.rules, rows.seen, rows.said, rows.over)
        else:
            self.due = self._nobody

    def observe(self) -> dict[str, Array]:
        """What every row sees, and `emit`: whether the next action's label will be read."""
        observation = super().observe()
        observation["emit"] = self.backend.cast(self.due, "int64")
        return observation

    def known(self) -> dict[str, Array]:
        """The labels, the label due, and which image."""
        rows = self.rows
        return {"labels": rows.labels, "target": self.target, "index": rows.index}

    def outcome(self) -> dict[str, Array]:
        """The labels said, and whether they were all right."""
        rows = self.rows
        return {
            "emitted": rows.emitted[:, : self.rules.max_labels],
            # a sequence without a mistake ends only with the end label in its place
            "sequence_correct": rows.right == rows.said,
            # The last action moves no eye, so it is one step more than there were moves.
            "length": rows.seen - self.first_clock + 1,
        }

    def images(self, number: int | None) -> Array:
        """What the first rows look at, or all: integers in 0 .. 255, (m, C, H, W)."""
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


class PlayedReading(Played):
    """What an environment in which labels are read tells of its episodes."""

    @property
    def task(self) -> Task:
        """Images and labels."""
        task: Task = self.episodes.task
        return task

    @property
    def rules(self) -> Rules:
        """When labels are due, and what ends an episode."""
        rules: Rules = self.episodes.rules
        return rules

    @property
    def glimpse_cost(self) -> float:
        """Taken off the reward for each glimpse after the reset."""
        return float(self.episodes.glimpse_cost)
