"""B episodes that run side by side: what they have in common, whatever is done in them."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, NamedTuple

from glimpse_env.backend import Array, Backend, counter_hash
from glimpse_env.envs.gaze.rows import Rows
from glimpse_env.frames.trace import Word
from glimpse_env.sight.eye import Eye

OVER = -1  # the clock of a row whose episode has ended in the last step
RESTING = -2  # the clock of a row whose episode had ended before
_DONE = frozenset({OVER, RESTING})

INITIAL_GAZES = ("none", "center", "random")


class Said(NamedTuple):
    """What a step adds to the strip below a frame."""

    mask: Array  # bool (B,), the rows that said something
    what: Array  # int64 (B,), what
    right: Array  # bool (B,), and whether it was right


class Episodes(abc.ABC):
    """The rows of a vector environment, without what Gymnasium asks of one.

    Args:
        backend: Where the arrays live.
        eye: B eyes.
        number: B.
        size: How many images or games there are to draw from.
        initial_gaze: "none", "center" or "random".

    Attributes:
        clocks: The numbers of glimpses that some running row may have seen, with OVER and RESTING
            for rows that may have ended: known without reading an array, so that a GPU need not be
            waited for.
        resting: bool (B,), whose episode had ended before the last step.
        ended: bool (B,), whose episode has ended in it; up to date where OVER is in `clocks`.
        looked: bool (B,), whose eye it moved.
    """

    rows: Rows
    image_shape: tuple[int, int, int]  # (C, H, W) of what is looked at
    num_choices: int  # size of the action space beside the gaze
    strip: tuple[str, str]  # captions of the two lines below a frame

    def __init__(
        self, backend: Backend, eye: Eye, number: int, size: int, initial_gaze: str
    ) -> None:
        """No episode has begun; what `_fresh` reads must be there already."""
        self.backend, self.eye, self.size = backend, eye, size
        self.clocks: frozenset[int] = frozenset()
        self.everyone = backend.ones((number,), "bool")
        self.looked, self.resting, self.ended = self.everyone, ~self.everyone, ~self.everyone
        self.numbers = backend.arange(number)
        self.sees_at_reset = initial_gaze != "none"
        self._random_gaze = initial_gaze == "random"
        self._three = backend.arange(3)
        # As arrays without an axis, which NumPy takes in half the time of numbers.
        self._low, self._high = (backend.asarray(end, "float32") for end in (-1.0, 1.0))
        place = backend.zeros((number, 2), "float32")
        fresh = self._fresh(self.numbers * 0, eye.first_gaze(place))
        self.rows = Rows.unborn(backend, number, fresh)

    @property
    def first_clock(self) -> int:
        """Glimpses seen at reset."""
        return int(self.sees_at_reset)

    def begin(self, mask: Array, pinned: Array | None = None) -> None:
        """Begin the next episode of the rows in `mask`, bool (B,).

        Args:
            mask: Which rows; `everyone`, `resting` and `ended` are known by identity, since the
                values of a mask on a GPU are not known here.
            pinned: int64 (B,), which image or game each row gets, instead of a random one.
        """
        self.clocks = self._clocks_beside(mask)
        chosen = self.numbers if mask is self.everyone else self.backend.rows(mask)
        if not len(chosen):
            return
        self.clocks |= {self.first_clock}
        keep = None if self.backend.eager or mask is self.everyone else mask
        rows = self.rows
        rows.episode = rows.episode + mask
        numbers = rows.draws(chosen, self._three)
        index = counter_hash.below(numbers[:, 0], self.size)
        if pinned is not None:
            index = pinned[chosen]
        place = self.backend.cast(counter_hash.signed_unit(numbers[:, 1:]), "float32")
        if not self._random_gaze:
            place = self.backend.xp.zeros_like(place)
        rows.begin(self.backend, chosen, keep, self._fresh(index, self.eye.first_gaze(place)))
        rows.over = rows.over & ~mask
        self._present(chosen, index, keep)

    def _clocks_beside(self, mask: Array) -> frozenset[int]:
        """The clocks that rows outside `mask` may have."""
        if mask is self.everyone:
            return frozenset()
        if mask is self.ended:
            return self.clocks - {OVER}
        return self.clocks - {RESTING} if mask is self.resting else self.clocks

    def _fresh(self, index: Array, gaze: Array) -> dict[str, Array]:
        """All that is known of episodes while they run, as it is at their start: the one table.

        Args:
            index: int64 (m,), which image or game each has.
            gaze: float32 (m, d), where each looks first.
        """
        backend, number = self.backend, len(index)
        return {
            "index": index,  # int64 (m,)
            "seen": backend.zeros((number,), "int64") + self.first_clock,  # (m,), glimpses taken
            "gaze": gaze,  # float32 (m, d), where the last glimpse was taken
            "earned": backend.zeros((number,), backend.float_reward),  # (m,), sum of the rewards
        }

    @abc.abstractmethod
    def _present(self, rows: Array, index: Array, keep: Array | None) -> None:
        """Put before the eyes of `rows` (m,), where `keep` (m,), what they begin with."""

    def advance(self, gaze: Array, choice: Array) -> tuple[Array, Said | None]:
        """Play one step in all rows; those whose episode is over stay as they are.

        Args:
            gaze: float32 (B, d), finite.
            choice: int64 (B,), what is said or done beside looking.

        Returns:
            The rewards (B,), and what was said; None where nothing can have been.

        Raises:
            InvalidAction: A choice that is read lies outside its space.
        """
        rows, was_over, done = self.rows, self.rows.over, self.clocks & _DONE
        if done:
            clocks = self._clocks_after(self.clocks - done) | {RESTING}
        else:
            clocks = self._clocks_after(self.clocks)
        reward, said = self._play(gaze, choice, was_over if done else None, clocks)
        self.clocks, self.resting = clocks, was_over
        if OVER in clocks:
            self.ended = rows.over & ~was_over
            if self.backend.eager and not self.ended.any():
                self.clocks -= {OVER}
        if reward is None:
            return self.backend.zeros((len(choice),), self.backend.float_reward), said
        rows.earned = rows.earned + reward
        return reward, said

    @abc.abstractmethod
    def _play(
        self, gaze: Array, choice: Array, resting: Array | None, clocks: frozenset[int]
    ) -> tuple[Array | None, Said | None]:
        """Do what `advance` says to the rows.

        Args:
            gaze: See `advance`.
            choice: See `advance`.
            resting: bool (B,), the rows whose episode is over; None where there can be none.
            clocks: What `self.clocks` will be.

        Returns:
            The rewards (B,), None where all are 0; and what was said.
        """

    @abc.abstractmethod
    def _clocks_after(self, running: frozenset[int]) -> frozenset[int]:
        """What the clocks of rows that run may be a step later, OVER where one may have ended."""

    def _move(self, gaze: Array, resting: Array | None) -> None:
        """Move the eyes; but for those in `resting` (B,), if there are any."""
        rows, xp = self.rows, self.backend.xp
        gaze = xp.minimum(xp.maximum(gaze, self._low), self._high)
        if resting is None:
            self.looked = self.everyone
            rows.gaze = gaze
            rows.seen = rows.seen + 1
        else:
            self.looked = ~resting
            rows.gaze = xp.where(resting[:, None], rows.gaze, gaze)
            rows.seen = rows.seen + self.looked

    def observe(self) -> dict[str, Array]:
        """The present observation of every row, in arrays that nobody else holds."""
        rows = self.rows
        glimpse = self.eye.look(rows.gaze)
        if 0 in self.clocks:  # some rows have seen nothing yet
            glimpse *= self.backend.cast(rows.seen > 0, "float32")[:, None, None, None]
        observation = {"glimpse": glimpse, "location": self.backend.copy(rows.gaze)}
        if self.eye.has_context:
            observation["context"] = self.eye.context()
        return observation

    @abc.abstractmethod
    def known(self) -> dict[str, Array]:
        """What the info says of every episode at any time; the arrays are the state itself."""

    @abc.abstractmethod
    def outcome(self) -> dict[str, Array]:
        """What the info says of an episode that has just ended, its `length` among it."""

    @abc.abstractmethod
    def images(self, number: int | None) -> Array:
        """What the first rows look at, or all: integers in 0 .. 255, (m, C, H, W)."""

    @abc.abstractmethod
    def captions(self, said: Sequence[tuple[int, bool]]) -> list[Word]:
        """The first line below the frame of a row that has said so much, oldest first."""

    def truths(self, number: int | None) -> list[list[str]]:
        """The second line below the frames of the first rows, or of all."""
        return [[] for _ in self.numbers[:number]]

    def state(self) -> dict[str, Any]:
        """What has happened; pixels are not part of it."""
        return {"rows": self.rows, "clocks": self.clocks}

    def take_over(self, past: dict[str, Any]) -> None:
        """Go on from what `state` gave; it may lie in read-only memory, such as Ray's."""
        self.rows, self.clocks = past["rows"].copied(self.backend), past["clocks"]
        self._present(self.numbers, self.rows.index, None)


class Played(abc.ABC):
    """What an environment, single or a batch, tells of the episodes that it plays."""

    @property
    @abc.abstractmethod
    def episodes(self) -> Any:
        """The rows that it plays, for what is part of it; they change with every step."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what is looked at."""
        shape: tuple[int, int, int] = self.episodes.image_shape
        return shape

    @property
    def size(self) -> int:
        """How many images or games there are to draw from."""
        return int(self.episodes.size)

    @property
    def gaze_size(self) -> int:
        """d, the numbers of a gaze: 2 (x and y), or 3 with a zoom."""
        return int(self.episodes.eye.gaze_size)

    @property
    def sees_at_reset(self) -> bool:
        """Whether a reset shows a glimpse."""
        return bool(self.episodes.sees_at_reset)

    @property
    def num_choices(self) -> int:
        """How many labels, or moves, an action chooses from."""
        return int(self.episodes.num_choices)

    @property
    def backend(self) -> Backend:
        """The operations on its arrays."""
        backend: Backend = self.episodes.backend
        return backend

    @property
    def device(self) -> str:
        """Where arrays live: "cpu" or a torch device."""
        return self.backend.device

    @property
    def backend_name(self) -> str:
        """Whether arrays are NumPy's or torch's: "numpy" or "torch"."""
        return self.backend.name
