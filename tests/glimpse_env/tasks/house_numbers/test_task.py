"""House numbers as a task: which number an index shows, and where it is cut out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from glimpse_env.backend import Backend, make_backend
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.house_numbers.render import render_house_numbers
from glimpse_env.tasks.house_numbers.task import LARGEST_IMAGE, HouseNumberTask
from glimpse_env.tasks.task import GENERATED_IMAGES

NUMBER = 6


def make(split: str, backend: str = "numpy", **options: object) -> HouseNumberTask:
    made: Backend = make_backend(backend, "cpu")
    return HouseNumberTask(made, split=split, num_images=NUMBER, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("image_size", [54, 70])
def test_held_out_images_are_the_middle(split: str, image_size: int) -> None:
    task = make(split, image_size=image_size)
    index = np.arange(NUMBER)
    images, labels = render_house_numbers(split, index, image_size=image_size)
    assert task.size == NUMBER
    np.testing.assert_array_equal(task.images(index)[:, 0], images)
    np.testing.assert_array_equal(task.labels(index), labels)


def corners(shown: np.ndarray, crop: np.ndarray) -> list[tuple[int, int]]:
    """Where in a crop an image lies, (y, x)."""
    windows = np.lib.stride_tricks.sliding_window_view(crop, shown.shape, (0, 1))
    return [(y, x) for y, x in np.ndindex(11, 11) if (windows[y, x] == shown).all()]


def test_training_images_are_all_cuts_of_every_number() -> None:
    task = make("train")
    crops, labels = render_house_numbers("train", np.arange(NUMBER), margin=5)
    assert task.size == GENERATED_IMAGES
    np.testing.assert_array_equal(task.labels(np.arange(3 * NUMBER))[2 * NUMBER :], labels)
    found = np.zeros((11, 11), int)
    images = task.images(3 + NUMBER * np.arange(1200))
    for image in images[:, 0]:
        [place] = corners(image, crops[3])
        found[place] += 1
    assert found.min() >= 1  # ten on the average


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("color", [False, True])
def test_torch_shows_the_same(split: str, color: bool) -> None:
    index = np.concatenate([np.arange(make(split).size % 1000), [make(split).size - 1]])
    one, other = make(split, color=color), make(split, "torch", color=color)
    np.testing.assert_array_equal(one.images(index), other.images(torch.as_tensor(index)).numpy())
    np.testing.assert_array_equal(one.labels(index), other.labels(torch.as_tensor(index)).numpy())


def test_an_image_does_not_depend_on_its_batch() -> None:
    task, index = make("train", image_size=60), np.array([5, 0, GENERATED_IMAGES - 1, 17, 5])
    images = task.images(index)
    assert images.shape == (5, 1, 60, 60) and images.dtype == np.uint8
    for row, one in enumerate(index):
        np.testing.assert_array_equal(task.images(np.array([one]))[0], images[row])


def test_the_largest_image_leaves_room_to_cut() -> None:
    assert make("train", image_size=LARGEST_IMAGE).images(np.arange(1)).shape == (1, 1, 502, 502)
    with pytest.raises(InvalidArgument, match="image_size=503"):
        make("train", image_size=LARGEST_IMAGE + 1)
