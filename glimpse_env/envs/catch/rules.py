"""The game of Catch: how a game opens, how ball and paddle move, what the screen shows.

Everything is an integer, so NumPy and torch agree to the bit. Shapes: m games, a screen of side n.
"""

from __future__ import annotations

from typing import NamedTuple

from glimpse_env.backend import Array, Backend, counter_hash
from glimpse_env.errors import require_between
from glimpse_env.tasks.task import LARGEST_SIDE

SUBCELLS = 256  # in which the ball's place across the screen is counted, to a cell
MOVES = ("left", "stay", "right")
PADDLE = 2  # cells
_SMALLEST = 3  # cells, a screen on which the paddle can move
_SIZES = {"train": 2**31, "validation": 10_000, "test": 10_000}
_SPLIT_KEY = {"train": 0x3C6EF372, "validation": 0x1F83D9AB, "test": 0x5BE0CD19}  # any numbers
_WHITE = 255


class Opening(NamedTuple):
    """How games begin; each int64 (m,)."""

    start: Array  # where the ball is in the top row, subcells from the left wall
    speed: Array  # of the ball, subcells to the right a row
    paddle: Array  # the left cell of the paddle


class CatchGame:
    """Catch (Mnih et al. 2014, section 4.2) on a screen of n x n cells.

    A ball of one cell falls from the top row, one row a step, and bounces off the side walls; a
    paddle of two cells in the bottom row moves by at most one cell a step. A game ends when the
    ball is in the bottom row, after n - 1 steps; it is caught if the paddle is there.

    The paper leaves open how a game begins. Here a hash of its index draws three numbers, each
    uniform: the column of the ball, in the middle of which it begins; its speed to the right, a
    multiple of 1/256 cell a row from -1 to 1, so that it falls at up to 45 degrees; and the place
    of the paddle. A ball can always be caught by who knows where it will land.

    Args:
        backend: Where the arrays live.
        split: "train" (2**31 games), "validation" or "test" (10,000 each). The splits draw from
            the same 24 * 513 * 23 openings (n = 24): there is nothing to learn by heart.
        screen_size: n, at least 3.

    Raises:
        InvalidArgument: A size that cannot work.
    """

    def __init__(self, backend: Backend, *, split: str, screen_size: int) -> None:
        screen_size = require_between("screen_size", screen_size, _SMALLEST, LARGEST_SIDE)
        self.size = _SIZES[split]
        self.image_shape = (1, screen_size, screen_size)
        self.steps = screen_size - 1
        self._backend, self._side = backend, screen_size
        self._split_key = _SPLIT_KEY[split]
        self._width = screen_size * SUBCELLS
        self._three = backend.arange(3)
        # On a GPU a number of the host that is written at an array of places would be sent there.
        self._white = backend.asarray([_WHITE], "uint8")

    def open(self, index: Array) -> Opening:
        """How the games of int64 `index` (m,) begin."""
        key = counter_hash.mix(index ^ self._split_key)
        column, speed, paddle = counter_hash.draws(key[:, None], self._three).T
        return Opening(
            start=counter_hash.below(column, self._side) * SUBCELLS + SUBCELLS // 2,
            speed=counter_hash.below(speed, 2 * SUBCELLS + 1) - SUBCELLS,
            paddle=counter_hash.below(paddle, self._side - PADDLE + 1),
        )

    def ball(self, start: Array, speed: Array, row: Array) -> Array:
        """The column of the ball when it has fallen `row` (m,) rows: int64 (m,).

        Between two walls that reflect, a place is that on an endless line folded up like a map.
        """
        unfolded = (start + speed * row) % (2 * self._width)
        return self._backend.xp.minimum(unfolded, 2 * self._width - 1 - unfolded) // SUBCELLS

    def push(self, paddle: Array, move: Array) -> Array:
        """The paddle (m,) after `move` (m,), an index of `MOVES`; it stops at the walls."""
        return (paddle + move - 1).clip(0, self._side - PADDLE)

    def catches(self, paddle: Array, column: Array) -> Array:
        """Whether a paddle (m,) is under `column` (m,): bool (m,)."""
        return (column - paddle) // PADDLE == 0

    def screens(self, column: Array, row: Array, paddle: Array) -> Array:
        """What is shown: uint8 (m, 1, n, n), 255 where the ball or the paddle is.

        Args:
            column: int64 (m,), of the ball.
            row: int64 (m,), of the ball.
            paddle: int64 (m,), its left cell.
        """
        side, backend = self._side, self._backend
        screens = backend.zeros((len(column) * side * side,), "uint8")
        first = backend.arange(len(column)) * (side * side)
        paddle = first + paddle + (side - 1) * side
        screens[first + row * side + column] = self._white
        for cell in range(PADDLE):
            screens[paddle + cell] = self._white
        return screens.reshape(-1, *self.image_shape)
