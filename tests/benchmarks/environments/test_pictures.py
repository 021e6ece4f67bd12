"""The pictures move, and look at what is there to be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.environments import pictures
from benchmarks.environments.stand_ins import DIGIT, drawn_digits, stand_in


@pytest.mark.parametrize("name", pictures.DRAWN)
def test_every_picture_moves(name: str) -> None:
    with Image.open(pictures.FOLDER / f"{name}.webp") as picture:
        assert getattr(picture, "n_frames", 1) > 3
        assert picture.width == pictures.WIDTH
        assert (pictures.FOLDER / f"{name}.webp").stat().st_size < 200_000


def test_a_script_looks_at_each_place_and_then_around() -> None:
    places = np.array([[10.0, 20.0], [30.0, 20.0]])
    gazes = pictures.script(places, 4, has_end=False)
    np.testing.assert_allclose(gazes, [[10, 20], [5, 20], [30, 20], [25, 20]], atol=1e-9)
    # For the end: on by the last step, where nothing is left.
    gazes = pictures.script(places, 3, has_end=True)
    np.testing.assert_allclose(gazes, [[10, 20], [30, 20], [50, 20]], atol=1e-9)


@pytest.mark.parametrize("name", ["GlimpseTranslatedMNIST-v0", "GlimpseHouseNumbers-v0"])
def test_what_is_looked_at_is_there(name: str) -> None:
    envs = stand_in(name, 1, split="test")
    for index in pictures.EXAMPLES:
        image = envs.task.images(np.array([index]))[0, 0].astype(float)
        for x, y in pictures.looked_at(name, envs, index):
            left, top = int(max(0, x - 7)), int(max(0, y - 7))
            around = image[top : int(y + 7), left : int(x + 7)]
            assert around.std() > 0.5 * image.std()


def test_stand_ins_are_digits_of_every_class() -> None:
    digits = drawn_digits("train")
    assert digits.images.shape == (300, DIGIT, DIGIT) and digits.images.dtype == np.uint8
    assert np.bincount(digits.labels).tolist() == [30] * 10
    border = digits.images.copy()
    border[:, 1:-1, 1:-1] = 0
    assert digits.images.max() == 255 and border.max() == 0


def test_a_picture_is_drawn_and_written(tmp_path: Path) -> None:
    pictures.main(pictures.Arguments(ids=("Glimpse-v0",), folder=tmp_path))
    with Image.open(tmp_path / "Glimpse-v0.webp") as picture:
        assert getattr(picture, "n_frames", 1) == 4  # the reset, and three steps


def test_labels_of_a_picture_are_right() -> None:
    envs = stand_in("GlimpseMNIST-v0", 3, autoreset_mode="disabled", render_mode="rgb_array")
    frames = pictures.read("GlimpseMNIST-v0", envs, (3, 15, 28))
    assert len(frames) == 7  # the reset's glimpse, and six steps
    assert envs.episodes.rows.earned.tolist() == [1, 1, 1]
