"""Episodes of Catch: how they begin, what a move does, what is known of them."""

from __future__ import annotations

from collections.abc import Sequence

from glimpse_env.backend import Array, Backend
from glimpse_env.envs.catch.rules import MOVES, CatchGame
from glimpse_env.envs.gaze.episodes import OVER, Episodes, Played, Said
from glimpse_env.frames.trace import Word
from glimpse_env.sight.eye import Eye

_RANGE = f"action['move'] must be in 0 .. {len(MOVES) - 1}"


class CatchEpisodes(Episodes):
    """B games of Catch.

    Args:
        backend: Where the arrays live.
        game: The rules.
        eye: B eyes.
        number: B.
        initial_gaze: "none", "center" or "random".
    """

    strip = ("move", "")

    def __init__(
        self, backend: Backend, game: CatchGame, eye: Eye, number: int, initial_gaze: str
    ) -> None:
        self.game = game
        super().__init__(backend, eye, number, game.size, initial_gaze)
        self.image_shape, self.num_choices = game.image_shape, len(MOVES)
        self._last_clock = self.first_clock + game.steps

    def _fresh(self, index: Array, gaze: Array) -> dict[str, Array]:
        """The fields of a row at its start: those of an Opening; `paddle` is where it is now."""
        opening = self.game.open(index)._asdict()
        # bool (m,), the game is over and the ball caught
        caught = self.backend.zeros((len(index),), "bool")
        return super()._fresh(index, gaze) | opening | {"caught": caught}

    def _present(self, rows: Array, index: Array, keep: Array | None) -> None:
        # The screen is drawn from the rows, so that one that goes on is drawn as it was.
        self.eye.show(self._screens(rows), rows)

    def _fallen(self) -> Array:
        """The row of the ball, int64 (B,)."""
        return self.rows.seen - self.first_clock

    def _column(self) -> Array:
        return self.game.ball(self.rows.start, self.rows.speed, self._fallen())

    def _screens(self, rows: Array) -> Array:
        column, fallen = self._column(), self._fallen()
        return self.game.screens(column[rows], fallen[rows], self.rows.paddle[rows])

    def _clocks_after(self, running: frozenset[int]) -> frozenset[int]:
        return frozenset(OVER if seen + 1 == self._last_clock else seen + 1 for seen in running)

    def _play(
        self, gaze: Array, choice: Array, resting: Array | None, clocks: frozenset[int]
    ) -> tuple[Array | None, Said | None]:
        """Move paddles, let balls fall by a row, move the eyes, then judge balls at the bottom."""
        rows, backend = self.rows, self.backend
        inside = choice // len(MOVES) == 0
        if not (backend.eager and inside.all()):
            backend.require(inside | rows.over, _RANGE, choice)
        paddle = self.game.push(rows.paddle, choice)
        rows.paddle = paddle if resting is None else backend.xp.where(resting, rows.paddle, paddle)
        self._move(gaze, resting)
        reward = None
        if OVER in clocks:
            landed = self.looked & (rows.seen == self._last_clock)
            rows.over = rows.over | landed
            caught = landed & self.game.catches(rows.paddle, self._column())
            rows.caught = rows.caught | caught
            reward = backend.cast(caught, backend.float_reward)
        self.eye.show(self._screens(self.numbers))
        return reward, Said(self.looked, choice, rows.caught)

    def known(self) -> dict[str, Array]:
        """Where ball and paddle are, and which game it is."""
        rows = self.rows
        ball = self.backend.xp.stack([self._column(), self._fallen()], 1)
        return {"ball": ball, "paddle": rows.paddle, "index": rows.index}

    def outcome(self) -> dict[str, Array]:
        """Whether the ball was caught."""
        return {"caught": self.rows.caught, "length": self._fallen()}

    def images(self, number: int | None) -> Array:
        """What the first rows look at, or all: integers in 0 .. 255, (m, C, H, W)."""
        return self._screens(self.numbers[:number])

    def captions(self, said: Sequence[tuple[int, bool]]) -> list[Word]:
        """The moves made and, at the end, whether the ball was caught."""
        words: list[Word] = [(MOVES[move], None) for move, _ in said]
        if len(said) == self.game.steps:
            caught = said[-1][1]
            words.append(("caught" if caught else "missed", caught))
        return words


class PlayedCatch(Played):
    """What an environment of Catch tells of its episodes."""

    @property
    def game(self) -> CatchGame:
        """The rules, and the openings of all games."""
        game: CatchGame = self.episodes.game
        return game
