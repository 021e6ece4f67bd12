"""What NumPy and torch must do alike, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from glimpse_env.backend import make_backend


@pytest.mark.parametrize(("number", "side"), [(3, 11), (1, 4)])
def test_a_collage_adds_squares_up_and_clips_them(number: int, side: int, backend: str) -> None:
    made, rng = make_backend(backend, "cpu"), np.random.default_rng(side)
    expected = np.zeros((number, side, side), np.int64)
    layers = []
    for count, size in ((5, 4), (7, 3)):
        squares = rng.integers(0, 200, (number, count, size, size), dtype=np.uint8)
        x, y = rng.integers(0, side - size + 1, (2, number, count))
        layers.append((made.asarray(squares, "uint8"), *(made.asarray(a, "int64") for a in (x, y))))
        for image, p in np.ndindex(number, count):
            top, left = y[image, p], x[image, p]
            expected[image, top : top + size, left : left + size] += squares[image, p]
    assert (expected > 255).any()
    collage = made.to_numpy(made.collage(number, side, layers))
    assert collage.dtype == np.uint8
    np.testing.assert_array_equal(collage, np.minimum(expected, 255))


def test_no_image_is_a_collage_of_none(backend: str) -> None:
    made = make_backend(backend, "cpu")
    none = made.zeros((0, 2), "int64")
    layers = [(made.zeros((0, 2, 3, 3), "uint8"), none, none)]
    assert made.collage(0, 5, layers).shape == (0, 5, 5)


@pytest.mark.parametrize("distance", [1, 2, 7])
def test_numbers_are_added_to_those_at_a_distance(distance: int, backend: str) -> None:
    made = make_backend(backend, "cpu")
    numbers = [9, 1, 0, 4, 250, 3, 1, 7, 2]
    later = [*numbers[distance:], *[0] * distance]
    sums = made.pair_sums(made.asarray(np.array(numbers), "float32"), distance)
    assert sums.tolist() == [one + other for one, other in zip(numbers, later, strict=True)]


def test_a_strided_view_shares_memory(backend: str) -> None:
    made = make_backend(backend, "cpu")
    flat = made.arange(24)
    view = made.strided(flat, (3, 4, 2), (6, 1, 2))
    expected = [[[6 * i + j, 6 * i + j + 2] for j in range(4)] for i in range(3)]
    np.testing.assert_array_equal(made.to_numpy(view), expected)
    flat[8] = -1
    np.testing.assert_array_equal(np.argwhere(made.to_numpy(view) == -1), [[1, 0, 1], [1, 2, 0]])


@pytest.mark.parametrize("largest", [255, 256, 2**15 - 1, 2**15, 2**16 - 1, 2**16, 2**24])
def test_sums_fit_into_their_dtype(largest: int, backend: str) -> None:
    made = make_backend(backend, "cpu")
    held = made.asarray([largest - 1, largest], made.sum_dtype(largest))
    assert made.to_numpy(held).astype(np.int64).tolist() == [largest - 1, largest]
