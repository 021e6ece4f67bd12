"""Actions as one array of numbers, for learners that take no dictionaries.

The one place where such actions are read: the wrappers and the SB3 environment use it alike.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces

from glimpse_env.backend import Array, Backend
from glimpse_env.errors import InvalidAction, InvalidArgument, require_at_least, require_choice

KINDS = ("box", "multidiscrete")
GAZE_BINS = 9
LARGEST_SCORE = 10.0
Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class BoxActions:
    """2 + n real numbers: the gaze (x, y), then a score for each choice; the highest is made.

    Learners clip what they draw to the bounds of the space. Two scores clipped to the same bound
    would tie, and the first would win, so scores have wide bounds: -10 .. 10.

    Attributes:
        choice: What is chosen beside the gaze, "label" or "move".
        num_choices: n.
    """

    choice: str
    num_choices: int

    @property
    def space(self) -> spaces.Box:
        """Box (2 + n,) float32."""
        bound = np.array([1.0] * 2 + [LARGEST_SCORE] * self.num_choices, np.float32)
        return spaces.Box(-bound, bound)

    def decode(self, backend: Backend, actions: Any, batch: Shape) -> dict[str, Array]:
        """The dictionary that the environment takes.

        Args:
            backend: Where its arrays live.
            actions: Real numbers (*batch, 2 + n).
            batch: (B,), or () for a single environment.

        Raises:
            InvalidAction: A wrong shape or dtype, or scores that are not finite.
        """
        numbers = _read(backend.reals, actions, (*batch, 2 + self.num_choices), "real numbers")
        scores = numbers[..., 2:]
        backend.require(backend.xp.isfinite(scores), "scores must be finite", scores)
        return {"gaze": numbers[..., :2], self.choice: scores.argmax(-1)}


@dataclasses.dataclass(frozen=True)
class MultiDiscreteActions:
    """Three integers: column and row of the gaze in a grid over the image, and the choice.

    Cell i of m is looked at in its middle, (2 i + 1) / m - 1; with an odd m the middle cell is the
    centre of the image.

    Attributes:
        choice: What is chosen beside the gaze, "label" or "move".
        num_choices: n.
        gaze_bins: m, columns and rows of the grid.
    """

    choice: str
    num_choices: int
    gaze_bins: int

    @property
    def space(self) -> spaces.MultiDiscrete:
        """MultiDiscrete [m, m, n]."""
        return spaces.MultiDiscrete([self.gaze_bins, self.gaze_bins, self.num_choices])

    def decode(self, backend: Backend, actions: Any, batch: Shape) -> dict[str, Array]:
        """The dictionary that the environment takes.

        Args:
            backend: Where its arrays live.
            actions: Integers (*batch, 3).
            batch: (B,), or () for a single environment.

        Raises:
            InvalidAction: A wrong shape or dtype, or a number outside the space.
        """
        numbers = _read(backend.integers, actions, (*batch, 3), "integers")
        sizes = (self.gaze_bins, self.gaze_bins, self.num_choices)
        inside = numbers >= 0  # and below each size, which no array takes to a GPU
        for place, size in enumerate(sizes):
            inside[..., place] &= numbers[..., place] < size
        backend.require(inside, f"a flat action must be below {sizes}, and not negative", numbers)
        gaze = (2 * numbers[..., :2] + 1 - self.gaze_bins) / self.gaze_bins
        return {"gaze": backend.cast(gaze, "float32"), self.choice: numbers[..., 2]}


FlatActions = BoxActions | MultiDiscreteActions


def flat_actions(kind: str, space: spaces.Space[Any], gaze_bins: int = GAZE_BINS) -> FlatActions:
    """Flat actions for an environment.

    Args:
        kind: "box" or "multidiscrete".
        space: The action space of one row of the environment.
        gaze_bins: m, columns and rows of the grid of "multidiscrete".

    Raises:
        InvalidArgument: An unknown kind, a grid without cells, or a space without a gaze.
    """
    require_choice("action", kind, KINDS)
    require_at_least("gaze_bins", gaze_bins, 1)
    parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {}
    gaze = parts.pop("gaze", None)
    (choice, choices), *others = parts.items() or [("", None)]
    if not isinstance(choices, spaces.Discrete) or others or gaze is None:
        raise InvalidArgument(
            f"action space {space} has no gaze and no choice: flat actions are for glimpse "
            "environments that take dictionaries"
        )
    if kind == "box":
        return BoxActions(choice, int(choices.n))
    return MultiDiscreteActions(choice, int(choices.n), int(gaze_bins))


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
