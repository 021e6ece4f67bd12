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


def test_what_is_looked_at_is_the_digit() -> None:
    envs = stand_in("GlimpseTranslatedMNIST-v0", 1, split="test")
    for index in pictures.EXAMPLES:
        image = envs.task.images(np.array([index]))[0, 0]
        ((x, y),) = pictures.looked_at("GlimpseTranslatedMNIST-v0", envs, index).astype(int)
        half = DIGIT // 2
        assert image[y - half : y + half, x - half : x + half].sum() == image.sum() > 0


def test_house_numbers_are_looked_at_from_left_to_right() -> None:
    envs = stand_in("GlimpseHouseNumbers-v0", 1, split="test")
    for index in range(20):
        places = pictures.looked_at("GlimpseHouseNumbers-v0", envs, index)
        assert len(places) == (envs.task.labels(np.array([index])) >= 0).sum()
        assert ((places > 0) & (places < 54)).all() and (np.diff(places[:, 0]) > 0).all()


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
