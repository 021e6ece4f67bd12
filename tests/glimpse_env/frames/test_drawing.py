"""Pictures made of pictures."""

from __future__ import annotations

import math

import numpy as np

from glimpse_env.frames.drawing import BACKGROUND, shrink, tile


def test_tiles_stand_row_by_row_and_are_filled_up_with_background() -> None:
    picture = tile([np.full((2, 3, 3), value, np.uint8) for value in (1, 2, 3)], columns=2)
    assert picture.shape == (4, 6, 3)
    assert picture[0, 0, 0] == 1 and picture[0, 3, 0] == 2
    assert (picture[2:, :3] == 3).all() and (picture[2:, 3:] == BACKGROUND).all()


def test_a_picture_shrinks_to_its_tighter_bound_and_never_grows() -> None:
    picture = np.arange(40 * 60 * 3, dtype=np.uint8).reshape(40, 60, 3)
    assert shrink(picture, math.inf, 30).shape == (20, 30, 3)
    assert shrink(picture, 10, 30).shape == (10, 15, 3)
    np.testing.assert_array_equal(shrink(picture, math.inf, 600), picture)
