from __future__ import annotations

import numpy as np
import pytest

from benchmarks.figures.digits import typeset
from glimpse_env.tasks.house_numbers.glyphs import HELD_OUT_FACES, TRAINING_FACES


@pytest.mark.parametrize(
    "face", (TRAINING_FACES + HELD_OUT_FACES)[::12], ids=lambda face: face.font
)
def test_a_digit_fills_its_box_and_hangs_by_its_centre_of_mass(face) -> None:
    for digit in range(10):
        image = typeset(face, digit)
        assert image.shape == (28, 28) and image.dtype == np.uint8
        rows, columns = np.nonzero(image)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
        weight = image / image.sum()
        middle = np.array([weight.sum(axis) @ np.arange(0.5, 28) for axis in (0, 1)])
        touches = {0, 27} & {*rows.tolist(), *columns.tolist()}
        assert touches or (abs(middle - 14) <= 0.5).all()
