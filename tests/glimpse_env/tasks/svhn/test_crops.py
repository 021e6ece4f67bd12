"""Where a house number lies in its crop, what surrounds it, and how large it is."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from glimpse_env.tasks.svhn.crops import BORDERS, Box, crop_side, cut, goodfellow_box

ANNOTATIONS = Path(os.environ.get("GLIMPSE_DATA") or os.devnull) / "svhn_annotations.npz"


def one(left: float, top: float, width: float, height: float) -> NDArray[np.float64]:
    return np.array([[left, top, width, height]])


def ramps(width: int, height: int) -> NDArray[np.uint8]:
    """Red grows to the right, green downwards, blue is the same everywhere."""
    x, y = np.arange(width) * 255 / width, np.arange(height)[:, None] * 255 / height
    return np.stack(np.broadcast_arrays(x, y, 200.0), axis=-1).round().astype(np.uint8)


def test_the_box_is_the_union_of_all_grown_by_30_per_cent() -> None:
    boxes = np.array([[40.0, 12, 10, 18], [20, 10, 10, 20]])
    assert goodfellow_box(boxes) == Box(40 - 20 - 5 + 1, 7, 55, 33)  # 15.5 up, 54.5 up
    assert goodfellow_box(one(100, 100, 40, 20)) == Box(94, 97, 146, 123)
    assert goodfellow_box(one(0, 0, 40, 20)) == Box(-6, -3, 46, 23)
    assert goodfellow_box(one(3, 3, 0, 0)) == Box(3, 3, 4, 4)


@pytest.mark.skipif(not ANNOTATIONS.is_file(), reason="needs svhn_annotations.npz")
@pytest.mark.parametrize(("split", "share"), [("train", 40.0), ("test", 9.2)])
def test_how_many_boxes_leave_their_picture(split: str, share: float) -> None:
    with np.load(ANNOTATIONS) as data:
        sizes, first = data[f"{split}_size_wh"], data[f"{split}_first_digit"]
        boxes = data[f"{split}_box_ltwh"].astype(np.float64)
    grown = np.array([goodfellow_box(boxes[a:b]) for a, b in itertools.pairwise(first)])
    leaves = (grown[:, :2] < 0).any(axis=1) | (grown[:, 2:] > sizes).any(axis=1)
    # 45.1 and 11.0 before rounding: a box that leaves by less than half a pixel stays
    assert 100 * leaves.mean() == pytest.approx(share, abs=0.05)


def test_sides() -> None:
    assert [crop_side(size) for size in (54, 55, 110)] == [64, 66, 176]


@pytest.mark.parametrize("border", BORDERS)
def test_what_needs_no_stretching_is_copied(border: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (99, 120, 3), np.uint8)
    # 49.5 pixels and 7 on each side
    crop = cut(picture, np.array([[27, 17, 20, 49.5], [50, 30, 26.5, 9]]), 64, border)
    np.testing.assert_array_equal(crop, picture[10:74, 20:84])


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("box", [(30, 20, 20, 40), (60, 30, 100, 20), (70, 40, 8, 8)])
def test_the_box_fills_the_crop_whatever_its_shape(
    border: str, box: tuple[float, float, float, float]
) -> None:
    picture = ramps(255, 255)
    crop = cut(picture, one(*box), 64, border).astype(float)
    grown = goodfellow_box(one(*box))
    across = grown.left + (np.arange(64) + 0.5) * (grown.right - grown.left) / 64 - 0.5
    down = grown.top + (np.arange(64) + 0.5) * (grown.bottom - grown.top) / 64 - 0.5
    middle = slice(4, 60)  # at the edge of what is seen, interpolation has nothing further out
    np.testing.assert_allclose(crop[30, middle, 0], across[middle], atol=1.0)
    np.testing.assert_allclose(crop[middle, 30, 1], down[middle], atol=1.0)
    assert (crop[..., 2] == 200).all()


def test_clamping_stretches_what_is_left() -> None:
    picture = ramps(200, 100)
    crop = cut(picture, one(0, 40, 20, 20), 64, "clamp")
    # the box is -3 .. 23 x 37 .. 63: of its width 23 pixels are left
    inside = cut(picture, one(0, 40, 20, 20), 64, "zero")
    assert crop[0, 0].tolist() == pytest.approx(picture[37, 0].tolist(), abs=1)
    assert crop[63, 63].tolist() == pytest.approx(picture[62, 22].tolist(), abs=1)
    assert (crop[..., 2] == 200).all()
    assert not np.array_equal(crop, inside)


def test_what_is_outside_is_black_or_the_edge() -> None:
    picture = ramps(200, 100)
    picture[:, 0] = (9, 8, 7)
    box = one(0, 40, 20, 20)  # grown: -3 .. 23, so 3 / 26 of 64 pixels are outside
    zero, replicate = (cut(picture, box, 64, border) for border in ("zero", "replicate"))
    outside = round(3 * 64 / 26)
    assert (zero[:, :outside] == 0).all() and (zero[:, outside:, 2] > 0).all()
    assert (replicate[:, :outside] == (9, 8, 7)).all()
    np.testing.assert_array_equal(zero[:, outside:], replicate[:, outside:])


@pytest.mark.parametrize("border", BORDERS)
def test_all_four_edges(border: str) -> None:
    """A number as large as its picture: the box leaves it everywhere."""
    picture = np.full((40, 40, 3), 90, np.uint8)
    crop = cut(picture, one(0, 0, 40, 40), 64, border)
    edge = round(64 * 0.15 / 1.3)  # of a box of 1.3
    frame = np.ones((64, 64), bool)
    frame[edge : 64 - edge, edge : 64 - edge] = False
    assert (crop[~frame] == 90).all()
    assert (crop[frame] == (0 if border == "zero" else 90)).all()


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("box", [(90, 80, 30, 40), (90, 80, 90, 80), (4, 2, 30, 40)])
def test_a_wider_crop_keeps_the_number_where_and_as_large_as_it_was(
    border: str, box: tuple[float, float, float, float]
) -> None:
    picture = ramps(255, 255)
    small = cut(picture, one(*box), 64, border).astype(float)
    large = cut(picture, one(*box), 176, border).astype(float)
    middle = large[56:120, 56:120]
    # At the rim the small crop lacks the neighbours that the large one interpolates with.
    inner = (slice(2, 62), slice(2, 62))
    np.testing.assert_allclose(middle[inner], small[inner], atol=3 if border != "zero" else 255)
    assert np.median(np.abs(middle - small)) <= 1


def test_a_wider_crop_shows_more_of_the_picture() -> None:
    picture = ramps(255, 255)
    crop = cut(picture, one(100, 100, 60, 60), 176, "clamp").astype(float)
    # the box 91 .. 169 becomes 64 pixels
    across = 91 + (np.arange(176) - 56 + 0.5) * 78 / 64 - 0.5
    np.testing.assert_allclose(crop[88, 2:-2, 0], across[2:-2], atol=1.2)


def test_a_wider_crop_repeats_the_edge_of_the_picture() -> None:
    picture = np.random.default_rng(0).integers(1, 256, (64, 64, 3), np.uint8)
    boxes = one(7, 7, 49.5, 49.5)  # grown it is the whole picture
    expected = np.pad(picture, ((56, 56), (56, 56), (0, 0)), mode="edge")
    for border in ("clamp", "replicate"):
        np.testing.assert_array_equal(cut(picture, boxes, 176, border), expected)
    np.testing.assert_array_equal(
        cut(picture, boxes, 176, "zero"), np.pad(picture, ((56, 56), (56, 56), (0, 0)))
    )


def test_shrinking_averages() -> None:
    """Of a fine chessboard every fourth pixel would be black or white."""
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    crop = cut(np.dstack([board] * 3), one(60, 60, 300, 200), 64, "clamp")
    assert np.abs(crop.astype(int) - 128).max() < 40
    assert abs(crop.mean() - 127.5) < 1


def test_one_axis_may_shrink_while_the_other_grows() -> None:
    stripes = np.zeros((40, 800, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the crop's pixels
    stripes[:20] //= 2
    crop = cut(stripes, one(100, 10, 600, 20), 64, "clamp").astype(int)
    assert abs(crop[4:28].mean() - 64) < 3 and abs(crop[36:60].mean() - 127) < 3
    assert crop[10].std() < 6


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("side", [64, 176])
@pytest.mark.parametrize("box", [(-50, -50, 9, 9), (500, 10, 30, 30), (2, 900, 1, 1), (5, 5, 0, 0)])
def test_no_box_is_too_strange(
    border: str, side: int, box: tuple[float, float, float, float]
) -> None:
    """Extra's annotations cannot be looked through here; none may stop a day's download."""
    crop = cut(ramps(60, 40), one(*box), side, border)
    assert crop.shape == (side, side, 3) and crop.dtype == np.uint8


def test_the_picture_is_not_written_to() -> None:
    picture = ramps(64, 64)
    before = picture.copy()
    for border in BORDERS:
        cut(picture, one(7, 7, 50, 50), 64, border)[:] = 0
        cut(picture, one(0, 0, 50, 50), 64, border)[:] = 0
    np.testing.assert_array_equal(picture, before)
