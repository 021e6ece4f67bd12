"""The rules of Catch against a plain simulation that moves a ball step by step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_env.backend import NumpyBackend, make_backend
from glimpse_env.envs.catch.rules import SUBCELLS, CatchGame
from glimpse_env.errors import InvalidArgument


def game(side: int = 24, split: str = "train", backend: str = "numpy") -> CatchGame:
    return CatchGame(make_backend(backend, "cpu"), split=split, screen_size=side)


@given(side=st.integers(3, 40), where=st.data())
def test_the_ball_falls_as_in_a_simulation_row_by_row(side: int, where: st.DataObject) -> None:
    column = where.draw(st.integers(0, side - 1))
    speed = where.draw(st.integers(-SUBCELLS, SUBCELLS))
    start = place = column * SUBCELLS + SUBCELLS // 2
    rules, arguments = game(side), (np.array([start]), np.array([speed]))
    before = column
    for row in range(3 * side):  # far below the screen, so that it bounces more than once
        shown = int(rules.ball(*arguments, np.array([row]))[0])
        assert shown == place // SUBCELLS
        assert 0 <= shown < side and abs(shown - before) <= 1  # at most 45 degrees
        before = shown
        place += speed
        if place < 0:
            place, speed = -1 - place, -speed
        elif place >= side * SUBCELLS:
            place, speed = 2 * side * SUBCELLS - 1 - place, -speed


def test_a_ball_that_falls_along_the_diagonal_and_back() -> None:
    rules, rows = game(6), np.arange(12)
    start = np.full(12, SUBCELLS // 2)
    shown = rules.ball(start, np.full(12, SUBCELLS), rows)
    assert shown.tolist() == [0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0]
    shown = rules.ball(start, np.full(12, -SUBCELLS), rows)
    assert shown.tolist() == [0, 0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1]
    assert rules.ball(start, np.zeros(12, int), rows).tolist() == [0] * 12


@pytest.mark.parametrize("side", [3, 4, 24])
def test_the_paddle_stops_at_the_walls_and_catches_what_is_above_it(side: int) -> None:
    rules = game(side)
    for paddle in range(side - 1):
        moved = [int(rules.push(np.array([paddle]), np.array([move]))[0]) for move in range(3)]
        assert moved == [max(paddle - 1, 0), paddle, min(paddle + 1, side - 2)]
        caught = rules.catches(np.full(side, paddle), np.arange(side))
        assert np.flatnonzero(caught).tolist() == [paddle, paddle + 1]


def test_openings_are_drawn_evenly_and_all_can_be_caught() -> None:
    rules = game()
    number = 24_000
    opening = rules.open(np.arange(number))
    columns = np.bincount(opening.start // SUBCELLS, minlength=24)
    assert (opening.start % SUBCELLS == SUBCELLS // 2).all()
    assert ((columns - 1000) ** 2 / 1000).sum() < 60  # chi-square of 23 degrees of freedom
    paddles = np.bincount(opening.paddle, minlength=23)
    assert ((paddles - number / 23) ** 2 / (number / 23)).sum() < 60
    speeds = np.bincount(opening.speed + SUBCELLS, minlength=513)
    assert len(speeds) == 513 and ((speeds - number / 513) ** 2 / (number / 513)).sum() < 700
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(opening[one], opening[other])[0, 1]) < 0.03
    landing = rules.ball(opening.start, opening.speed, np.full(number, rules.steps))
    distance = np.minimum(abs(landing - opening.paddle), abs(landing - opening.paddle - 1))
    assert distance.max() <= rules.steps


def test_a_game_is_a_function_of_split_and_index() -> None:
    index = np.array([5, 0, 7])
    for split in ("train", "validation", "test"):
        one, again = game(split=split).open(index), game(split=split).open(index[::-1])
        for name, value in one._asdict().items():
            np.testing.assert_array_equal(value, getattr(again, name)[::-1])
    many = np.arange(200)
    train, test = (game(split=split).open(many) for split in ("train", "test"))
    assert (train.start == test.start).mean() < 0.2
    assert [game(split=s).size for s in ("train", "validation", "test")] == [2**31, 10_000, 10_000]


def test_the_screen_shows_ball_and_paddle() -> None:
    rng = np.random.default_rng(0)
    for side in (3, 7, 24):
        column, row = rng.integers(0, side, 50), rng.integers(0, side, 50)
        paddle = rng.integers(0, side - 1, 50)
        expected = np.zeros((50, 1, side, side), np.uint8)
        for i in range(50):
            expected[i, 0, row[i], column[i]] = 255
            expected[i, 0, -1, paddle[i]] = expected[i, 0, -1, paddle[i] + 1] = 255
        shown = game(side).screens(column, row, paddle)
        np.testing.assert_array_equal(shown, expected)
        assert shown.dtype == np.uint8


def test_torch_is_numpy_to_the_bit(torch: Any) -> None:
    ours, theirs = game(), game(backend="torch")
    index = np.arange(500) * 4_294_967
    first, second = ours.open(index), theirs.open(torch.from_numpy(index))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other.numpy())
    row = np.arange(500) % 24
    columns = ours.ball(first.start, first.speed, row)
    on_torch = theirs.ball(second.start, second.speed, torch.from_numpy(row))
    np.testing.assert_array_equal(columns, on_torch.numpy())
    screens = theirs.screens(on_torch, torch.from_numpy(row), second.paddle)
    np.testing.assert_array_equal(ours.screens(columns, row, first.paddle), screens.numpy())
    move = row % 3
    pushed = theirs.push(second.paddle, torch.from_numpy(move))
    np.testing.assert_array_equal(ours.push(first.paddle, move), pushed.numpy())
    caught = theirs.catches(second.paddle, on_torch).numpy()
    np.testing.assert_array_equal(ours.catches(first.paddle, columns), caught)


@pytest.mark.parametrize("side", [2, 0, 2.5, "24", True])
def test_impossible_screens_are_named(side: Any) -> None:
    with pytest.raises(InvalidArgument, match="screen_size"):
        CatchGame(NumpyBackend(), split="test", screen_size=side)
