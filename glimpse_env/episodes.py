"""B episodes that run side by side: how they begin, what an action does, what is seen."""

from __future__ import annotations

from typing import Any

from glimpse_env import counter_hash, episode
from glimpse_env.backend import Array, Backend
from glimpse_env.episode import OVER, Rules
from glimpse_env.eye import Eye
from glimpse_env.rows import Rows
from glimpse_env.tasks.task import Task


class Episodes:
    """The rows of a vector environment, without what Gymnasium asks of one.

    Args:
        backend: Where the arrays live.
        task: Images and labels.
        rules: The rules of an episode.
        eye: B eyes.
        number: B.
        initial_gaze: "none", "center" or "random".
    """

    def __init__(
        self,
        backend: Backend,
        task: Task,
        rules: Rules,
        eye: Eye,
        number: int,
        initial_gaze: str,
    ) -> None:
        """No episode has begun."""
        self.backend, self.task, self.rules, self.eye = backend, task, rules, eye
        self.rows = Rows.unborn(backend, number, rules)
        # The numbers of glimpses that some row may have seen, OVER for a row that may have ended:
        # known without reading an array, so that a GPU need not be waited for.
        self.clocks = frozenset({OVER})
        self.everyone = backend.ones((number,), "bool")
        self._nobody = backend.zeros((number,), "bool")
        self._numbers = backend.arange(number)
        self._random_gaze = initial_gaze == "random"
        self._three = backend.arange(3)
        self._low, self._high = backend.asarray([[-1.0], [1.0]], "float32")
        self._label_range = f"action['label'] must be in 0 .. {rules.num_labels - 1}"

    @property
    def first_clock(self) -> int:
        """Glimpses seen at reset."""
        return int(self.rules.sees_at_reset)

    def begin(self, mask: Array, pinned: Array | None = None) -> None:
        """Begin the next episode of the rows in `mask`, bool (B,).

        Args:
            mask: Which rows.
            pinned: int64 (B,), which image each row shows, instead of a random one.
        """
        chosen = self.backend.rows(mask)
        if not len(chosen):
            return
        keep, rows = mask[chosen], self.rows
        rows.episode = rows.episode + mask
        numbers = rows.draws(chosen, self._three)
        index = counter_hash.below(numbers[:, 0], self.task.size)
        if pinned is not None:
            index = pinned[chosen]
        labels = self.task.labels(index)
        gaze = self.backend.cast(counter_hash.signed_unit(numbers[:, 1:]), "float32")
        rows.begin(
            self.backend,
            chosen,
            keep,
            index=index,
            labels=labels,
            targets=episode.targets(self.backend, labels, self.rules),
            seen=self.backend.zeros((len(chosen),), "int64") + self.first_clock,
            gaze=gaze if self._random_gaze else gaze * 0,
        )
        rows.over = rows.over & ~mask
        self.eye.turn_to(chosen, index, keep)
        self._look_up_target()
        self._notice_due()

    def advance(self, gaze: Array, label: Array) -> tuple[Array, episode.Judgement | None]:
        """Judge the labels that are due, then move the eyes of the rows that go on.

        Args:
            gaze: float32 (B, 2), finite.
            label: int64 (B,).

        Returns:
            The rewards (B,) and the judgement; None where no label can have been due.

        Raises:
            InvalidAction: A label that is due lies outside the label space.
        """
        before = self.clocks
        verdict = None
        if episode.any_may_be_due(self.rules, before):
            verdict = self._judge(label)
            reward = self.backend.cast(verdict.right, self.backend.float_reward)
        else:
            reward = self.backend.zeros((len(label),), self.backend.float_reward)
        self.clocks = episode.next_clocks(self.rules, before - {OVER})
        self._move(gaze, may_be_over=OVER in before or OVER in self.clocks)
        return reward, verdict

    def _judge(self, label: Array) -> episode.Judgement:
        rows = self.rows
        inside = label // self.rules.num_labels == 0
        if not (self.backend.eager and inside.all()):
            self.backend.require(inside | ~rows.due, self._label_range, label)
        verdict = episode.judge(self.rules, rows.due, rows.said, label, rows.target)
        rows.record(self.backend, verdict, label, self.rules)
        self._look_up_target()
        return verdict

    def _move(self, gaze: Array, *, may_be_over: bool) -> None:
        rows, xp = self.rows, self.backend.xp
        gaze = xp.minimum(xp.maximum(gaze, self._low), self._high)
        if may_be_over:
            rows.gaze = xp.where(rows.over[:, None], rows.gaze, gaze)
            rows.seen = rows.seen + ~rows.over
        else:
            rows.gaze = gaze
            rows.seen = rows.seen + 1
        self._notice_due()

    def _look_up_target(self) -> None:
        rows = self.rows
        target = rows.targets[self._numbers, rows.said]
        rows.target = self.backend.xp.where(rows.over, -1, target)

    def _notice_due(self) -> None:
        rows = self.rows
        if episode.any_may_be_due(self.rules, self.clocks):
            rows.due = episode.label_due(self.rules, rows.seen, rows.said)
        else:
            rows.due = self._nobody

    def observe(self) -> dict[str, Array]:
        """The present observation of every row, in arrays that nobody else holds."""
        rows, backend = self.rows, self.backend
        glimpse = self.eye.look(rows.gaze)
        if 0 in self.clocks:  # some rows have seen nothing yet
            glimpse = glimpse * (rows.seen > 0)[:, None, None, None]
        observation = {
            "glimpse": glimpse,
            "location": backend.copy(rows.gaze),
            "emit": backend.cast(rows.due, "int64"),
        }
        if self.eye.has_context:
            observation["context"] = self.eye.context()
        return observation

    def state(self) -> dict[str, Any]:
        """What has happened; pixels are not part of it."""
        return {"rows": self.rows, "clocks": self.clocks}

    def take_over(self, past: dict[str, Any]) -> None:
        """Go on from what `state` gave."""
        self.rows, self.clocks = past["rows"], past["clocks"]
        self.eye.turn_to(self._numbers, self.rows.index, self.everyone)
