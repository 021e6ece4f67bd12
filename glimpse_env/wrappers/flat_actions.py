"""Actions as one array of numbers, for learners that take no dictionaries.

The one place where such actions are read: the wrappers and the SB3 environment use it alike.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces

from glimpse_env.backend import Array, Backend
from glimpse_env.errors import InvalidAction, InvalidArgument, require_between, require_choice

KINDS = ("box", "multidiscrete", "discrete")
GAZE_BINS = 9
LARGEST_SCORE = 10.0
_MOST_BINS = 2**20  # finer than any image
Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class BoxActions:
    """The numbers of the gaze, (x, y), then a score for each of n choices; the highest is made.

    Learners clip what they draw to the bounds of the space. Two scores clipped to the same bound
    would tie, and the first would win, so scores have wide bounds: -10 .. 10.

    Attributes:
        choice: What is chosen beside the gaze, "label" or "move".
        num_choices: n.
        gaze_size: d, numbers of a gaze.
    """

    choice: str
    num_choices: int
    gaze_size: int

    @property
    def space(self) -> spaces.Box:
        """Box (d + n,) float32."""
        bounds = [1.0] * self.gaze_size + [LARGEST_SCORE] * self.num_choices
        bound = np.array(bounds, np.float32)
        return spaces.Box(-bound, bound)

    def decode(self, backend: Backend, actions: Any, batch: Shape) -> dict[str, Array]:
        """The dictionary that the environment takes.

        Args:
            backend: Where its arrays live.
            actions: Real numbers (*batch, d + n).
            batch: (B,), or () for a single environment.

        Raises:
            InvalidAction: A wrong shape or dtype, or scores that are not finite.
        """
        shape = (*batch, self.gaze_size + self.num_choices)
        numbers = _read(backend.reals, actions, shape, "real numbers")
        scores = numbers[..., self.gaze_size :]
        backend.require(backend.xp.isfinite(scores), "scores must be finite", scores)
        return {"gaze": numbers[..., : self.gaze_size], self.choice: scores.argmax(-1)}


@dataclasses.dataclass(frozen=True)
class MultiDiscreteActions:
    """An integer for each number of the gaze, column and row in a grid, and one for the choice.

    Cell i of m is looked at in its middle, (2 i + 1) / m - 1; with an odd m the middle cell is the
    centre of the image.

    Attributes:
        choice: What is chosen beside the gaze, "label" or "move".
        num_choices: n.
        gaze_size: d, numbers of a gaze.
        gaze_bins: m, columns and rows of the grid.
    """

    choice: str
    num_choices: int
    gaze_size: int
    gaze_bins: int

    @property
    def space(self) -> spaces.MultiDiscrete:
        """MultiDiscrete [m, m, n] where d = 2."""
        return spaces.MultiDiscrete(self.sizes)

    @functools.cached_property
    def sizes(self) -> list[int]:
        """[m, m, n] where d = 2: how many values each part has."""
        return [self.gaze_bins] * self.gaze_size + [self.num_choices]

    def decode(self, backend: Backend, actions: Any, batch: Shape) -> dict[str, Array]:
        """The dictionary that the environment takes.

        Args:
            backend: Where its arrays live.
            actions: Integers (*batch, d + 1).
            batch: (B,), or () for a single environment.

        Raises:
            InvalidAction: A wrong shape or dtype, or a number outside the space.
        """
        sizes = self.sizes
        numbers = _read(backend.integers, actions, (*batch, len(sizes)), "integers")
        inside = numbers >= 0  # and below each size, which no array takes to a GPU
        for place, size in enumerate(sizes):
            inside[..., place] &= numbers[..., place] < size
        backend.require(inside, f"a flat action must be below {sizes}, and not negative", numbers)
        gaze = (2 * numbers[..., :-1] + 1 - self.gaze_bins) / self.gaze_bins
        return {"gaze": backend.cast(gaze, "float32"), self.choice: numbers[..., -1]}


@dataclasses.dataclass(frozen=True)
class DiscreteActions:
    """One integer: the parts of a MultiDiscrete action, numbered through, the choice fastest.

    Attributes:
        parts: The same actions as an integer for each part.
    """

    parts: MultiDiscreteActions

    @property
    def space(self) -> spaces.Discrete:
        """Discrete(m * m * n) where d = 2."""
        return spaces.Discrete(self._number)

    @functools.cached_property
    def _number(self) -> int:
        return math.prod(self.parts.sizes)

    def decode(self, backend: Backend, actions: Any, batch: Shape) -> dict[str, Array]:
        """The dictionary that the environment takes.

        Args:
            backend: Where its arrays live.
            actions: Integers of shape `batch`.
            batch: (B,), or () for a single environment.

        Raises:
            InvalidAction: A wrong shape or dtype, or a number outside the space.
        """
        number = _read(backend.integers, actions, batch, "integers")
        inside = (number >= 0) & (number < self._number)
        backend.require(inside, f"an action must be in 0 .. {self._number - 1}", number)
        columns = []
        for size in reversed(self.parts.sizes):
            columns.append(number % size)
            number = number // size
        return self.parts.decode(backend, backend.xp.stack(columns[::-1], -1), batch)


FlatActions = BoxActions | MultiDiscreteActions | DiscreteActions


def flat_actions(kind: str, space: spaces.Space[Any], gaze_bins: int = GAZE_BINS) -> FlatActions:
    """Flat actions for an environment.

    Args:
        kind: "box", "multidiscrete" or "discrete".
        space: The action space of one row of the environment.
        gaze_bins: m, columns and rows of the grid of "multidiscrete" and "discrete".

    Raises:
        InvalidArgument: An unknown kind, a grid without cells, or a space without a gaze.
    """
    require_choice("action", kind, KINDS)
    gaze_bins = require_between("gaze_bins", gaze_bins, 1, _MOST_BINS)
    parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {}
    gaze = parts.pop("gaze", None)
    (choice, choices), *others = parts.items() or [("", None)]
    if not isinstance(choices, spaces.Discrete) or others or not isinstance(gaze, spaces.Box):
        raise InvalidArgument(
            f"action space {space} has no gaze and no choice: flat actions are for glimpse "
            "environments that take dictionaries"
        )
    (gaze_size,), number = gaze.shape, int(choices.n)
    if kind == "box":
        return BoxActions(choice, number, gaze_size)
    grid = MultiDiscreteActions(choice, number, gaze_size, gaze_bins)
    return grid if kind == "multidiscrete" else _numbered(grid)


def _numbered(parts: MultiDiscreteActions) -> DiscreteActions:
    """The parts as one number.

    Raises:
        InvalidArgument: There are more of them than an int64 can tell apart.
    """
    if parts.gaze_bins**parts.gaze_size * parts.num_choices >= 2**63:
        raise InvalidArgument(
            f"gaze_bins={parts.gaze_bins} makes more actions than can be numbered; give fewer"
        )
    return DiscreteActions(parts)


def _read(read: Callable[[Any], Array], actions: Any, shape: Shape, kind: str) -> Array:
    """The numbers, after a look at their shape."""
    try:
        numbers = read(actions)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise InvalidAction(f"flat actions are {kind} of shape {shape}: {error}") from error
    if tuple(numbers.shape) != shape:
        raise InvalidAction(
            f"flat actions of shape {tuple(numbers.shape)} must be {kind} of shape {shape}"
        )
    return numbers
