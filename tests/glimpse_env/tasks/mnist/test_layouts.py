"""Where digits lie, against all the places where they may."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from glimpse_env.backend import NumpyBackend, TorchBackend
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.mnist.layouts import DIGIT, LAYOUTS, Apart


def random_numbers(images: int, digits: int) -> tuple[NDArray[np.int64], ...]:
    """What an image's hash gives a layout, and that all digits are there."""
    rng = np.random.default_rng(0)
    line, place = (rng.integers(0, 2**32, shape) for shape in ((images, 3), (images, digits, 2)))
    return line, place, np.ones((images, digits), bool)


def in_standard_deviations(counts: NDArray[np.int64]) -> float:
    """How far counts are from all being alike: chi-squared, less its mean, over its deviation."""
    freedom = counts.size - 1
    chi_squared = ((counts - counts.mean()) ** 2 / counts.mean()).sum()
    return float((chi_squared - freedom) / np.sqrt(2 * freedom))


@pytest.mark.parametrize("side", [2 * DIGIT, 2 * DIGIT + 2])
def test_two_digits_are_apart_in_every_way_alike(side: int) -> None:
    places = range(side - DIGIT + 1)
    ways = {
        (xa, xb, ya, yb)
        for xa, xb, ya, yb in itertools.product(places, repeat=4)
        if abs(xa - xb) >= DIGIT or abs(ya - yb) >= DIGIT
    }
    x, y = Apart(NumpyBackend(), side, 2).corners(*random_numbers(400_000, 2))
    drawn, counts = np.unique(np.hstack([x, y]), axis=0, return_counts=True)
    assert {tuple(way) for way in drawn.tolist()} == ways
    assert abs(in_standard_deviations(counts)) < 5


def test_shifts_are_as_likely_as_they_have_places() -> None:
    """In canvases of the papers' size, of which no sample shows every placement."""
    corners = np.stack(Apart(NumpyBackend(), 100, 2).corners(*random_numbers(200_000, 2)))
    shifts = corners[..., 1] - corners[..., 0]
    shift = np.arange(-72, 73)
    ways = 73 - abs(shift)
    far = abs(shift) >= DIGIT
    placements = np.outer(ways, ways) * (far[:, None] | far)
    edges = np.arange(-80, 81, 16)
    drawn = np.histogram2d(*shifts, bins=[edges] * 2)[0]
    grid = np.meshgrid(shift, shift, indexing="ij")
    likely = np.histogram2d(
        *map(np.ravel, grid), bins=[edges] * 2, weights=placements.ravel() / placements.sum()
    )[0]
    deviations = abs(drawn - 200_000 * likely) / np.sqrt(200_000 * likely + 1e-9)
    assert deviations.max() < 5


@pytest.mark.parametrize("side", [2 * DIGIT, 100])
def test_the_smallest_and_the_largest_numbers_are_apart(side: int) -> None:
    ends = np.array([*itertools.product([0, 2**32 - 1], repeat=4)])
    line, _, present = random_numbers(len(ends), 2)
    corners = np.stack(
        Apart(NumpyBackend(), side, 2).corners(line, ends.reshape(-1, 2, 2), present)
    )
    assert corners.min() == 0 and corners.max() == side - DIGIT
    assert (abs(corners[..., 1] - corners[..., 0]).max(0) >= DIGIT).all()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("side", [2 * DIGIT, 100, 512])
def test_backends_agree_on_places_inside(layout: str, side: int) -> None:
    torch = pytest.importorskip("torch")
    numbers = random_numbers(1000, 2)
    ours = LAYOUTS[layout](NumpyBackend(), side, 2).corners(*numbers)
    theirs = LAYOUTS[layout](TorchBackend("cpu"), side, 2).corners(*map(torch.from_numpy, numbers))
    np.testing.assert_array_equal(np.stack(theirs), np.stack(ours))
    assert np.min(ours) >= 0 and np.max(ours) <= side - DIGIT
    assert np.max(ours) > 0.9 * (side - DIGIT)


@pytest.mark.parametrize(
    ("layout", "side", "digits", "named"),
    [
        ("independent", 27, 1, "canvas_size=27.* a digit: at least 28"),
        ("slope", 83, 3, "canvas_size=83.*3 digits.*at least 84"),
        ("apart", 55, 2, "canvas_size=55.*two digits.*at least 56"),
        ("apart", 100, 1, "max_digits=1: layout='apart'"),
        ("apart", 100, 3, "max_digits=3: layout='apart'"),
    ],
)
def test_what_has_no_room_is_named(layout: str, side: int, digits: int, named: str) -> None:
    with pytest.raises(InvalidArgument, match=named):
        LAYOUTS[layout](NumpyBackend(), side, digits)
