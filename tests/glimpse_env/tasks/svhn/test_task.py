"""Photographed house numbers as a task: which crop an index shows, and what it is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import glimpse_env
from benchmarks.svhn_files import Photo, contents, write_folder
from glimpse_env.backend import make_backend
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.svhn.prepared import Crops, Look, load_crops
from glimpse_env.tasks.svhn.task import SVHNTask
from glimpse_env.tasks.task import GENERATED_IMAGES

NUMPY = make_backend("numpy", "cpu")


@pytest.fixture
def make(synthetic_svhn: Path) -> Any:
    """A task over the drawn house numbers."""

    def task(split: str = "train", **keywords: Any) -> SVHNTask:
        return SVHNTask(NUMPY, split=split, data_dir=str(synthetic_svhn), **keywords)

    return task


@pytest.fixture
def crops(synthetic_svhn: Path) -> Any:
    """What the task cuts its images out of."""

    def load(split: str = "train", side: int = 64, color: bool = False) -> Crops:
        return load_crops(split, Look(side, "clamp", color), data_dir=str(synthetic_svhn))

    return load


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("image_size", [54, 77, 110])
@pytest.mark.parametrize("color", [False, True])
def test_shapes(make: Any, split: str, image_size: int, color: bool) -> None:
    task = make(split, image_size=image_size, color=color)
    index = np.array([0, 3, 3])
    assert task.images(index).shape == (3, *task.image_shape)
    assert task.image_shape == (3 if color else 1, image_size, image_size)
    assert task.images(index).dtype == np.uint8
    assert task.labels(index).shape == (3, 5) and task.labels(index).dtype == np.int64
    assert (task.num_classes, task.max_labels, task.has_end) == (10, 5, True)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("image_size", [54, 110])
def test_both_backends_show_the_same(
    synthetic_svhn: Path, torch: Any, split: str, image_size: int
) -> None:
    one, other = (
        SVHNTask(
            make_backend(name, "cpu"),
            split=split,
            data_dir=str(synthetic_svhn),
            image_size=image_size,
        )
        for name in ("numpy", "torch")
    )
    index = np.concatenate([np.arange(one.size % 1000), [one.size - 1]])
    shown = other.images(torch.as_tensor(index)), other.labels(torch.as_tensor(index))
    assert shown[0].dtype == torch.uint8 and shown[1].dtype == torch.int64
    np.testing.assert_array_equal(one.images(index), shown[0].numpy())
    np.testing.assert_array_equal(one.labels(index), shown[1].numpy())


@pytest.mark.parametrize("image_size", [54, 110])
def test_an_image_does_not_depend_on_its_batch(make: Any, image_size: int) -> None:
    task = make(image_size=image_size)
    index = np.array([5, 0, GENERATED_IMAGES - 1, 17, 5])
    images = task.images(index)
    for row, one in enumerate(index):
        np.testing.assert_array_equal(task.images(np.array([one]))[0], images[row])
    np.testing.assert_array_equal(make(image_size=image_size).images(index), images)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_held_out_images_are_the_middle(make: Any, crops: Any, split: str) -> None:
    task, cut = make(split), crops(split)
    assert task.size == len(cut.pixels)
    images = task.images(np.arange(task.size))
    np.testing.assert_array_equal(images, cut.pixels[:, :, 5:59, 5:59])
    np.testing.assert_array_equal(task.labels(np.arange(task.size)), cut.digits)


def places(image: Any, crop: Any) -> list[tuple[int, int]]:
    """Where in a crop an image lies, (y, x)."""
    windows = np.lib.stride_tricks.sliding_window_view(crop, image.shape)
    first = windows[:, :, 0, 0] == image[0, 0]
    return [(y, x) for y, x in np.argwhere(first).tolist() if (windows[y, x] == image).all()]


def test_training_images_are_all_crops_of_every_number(make: Any, crops: Any) -> None:
    task, cut = make(), crops()
    number = len(cut.pixels)
    assert task.size == GENERATED_IMAGES
    np.testing.assert_array_equal(task.labels(np.arange(3 * number))[2 * number :], cut.digits)
    found = np.zeros((11, 11), int)
    for i in range(1200):
        image = task.images(np.array([7 + i * number]))[0, 0]
        [(y, x)] = places(image, cut.pixels[7, 0])
        found[y, x] += 1
    assert found.min() >= 1  # ten on the average
    assert 80 < ((found - 1200 / 121) ** 2 / (1200 / 121)).sum() < 170  # chi square of 120


def test_a_large_image_has_the_number_anywhere(make: Any, crops: Any) -> None:
    """The 54 x 54 pixels of the small image begin at 0 .. 56 in one of 110."""
    for split, cuts in (("train", 10), ("test", 0)):
        task, cut = make(split, image_size=110), crops(split, 176)
        indices = range(200) if split == "train" else range(task.size)
        corners = []
        for i in indices:
            image = task.images(np.array([i]))[0, 0]
            corners.append(places(image, cut.pixels[i % len(cut.pixels), 0])[0])
        low, high = np.min(corners, axis=0), np.max(corners, axis=0)
        first = 0 if cuts else 5
        assert (low >= first).all() and (high <= first + 56 + cuts).all()
        assert (low <= first + 12).all() and (high >= first + 44 + cuts).all()


def test_the_grey_image_is_the_colour_image_in_grey(make: Any) -> None:
    index = np.arange(30)
    grey, color = make().images(index), make(color=True).images(index)
    weights = np.array([0.299, 0.587, 0.114])[:, None, None]
    np.testing.assert_allclose(grey[:, 0], (color * weights).sum(axis=1), atol=0.51)


def test_images_are_looked_up_and_not_computed(make: Any, crops: Any) -> None:
    task = make()
    assert np.shares_memory(task._windows, crops().pixels)
    image = task.images(np.array([0, 1]))
    assert not np.shares_memory(image, task._windows)
    image[:] = 0
    assert task.images(np.array([0])).any()


def test_lengths_can_be_restricted(make: Any) -> None:
    for split in ("train", "test"):
        task = make(split, min_digits=2, max_digits=3)
        labels = task.labels(np.arange(200 if split == "train" else task.size))
        assert labels.shape[1] == task.max_labels == 3
        assert set((labels >= 0).sum(axis=1).tolist()) == {2, 3}
    assert make(max_digits=7).labels(np.arange(3)).shape == (3, 7)


def test_six_digits_are_shown_on_request_alone(tmp_path: Path) -> None:
    six = Photo(
        29_930, (83, 26), (1, 3, 5, 4, 5, 8), np.array([[9.0 * k, 4, 9, 16] for k in range(6)])
    )
    reversed_boxes = np.array([[50.0, 5, 9, 20], [20, 5, 9, 20]])
    crossed = Photo(101, (90, 40), (1, 2), reversed_boxes)
    write_folder(tmp_path / "svhn" / "train", contents([crossed, six]))

    def labels(**keywords: Any) -> Any:
        task = SVHNTask(NUMPY, split="train", data_dir=str(tmp_path), **keywords)
        return task.labels(np.arange(2)).tolist()

    assert labels() == [[1, 2, -1, -1, -1]] * 2  # in the order of the file, not of the boxes
    assert labels(max_digits=6) == [[1, 2, -1, -1, -1, -1], [1, 3, 5, 4, 5, 8]]


def test_fewer_images(make: Any) -> None:
    assert make("test", num_images=7).size == 7
    few, all_of_them = make(num_images=3), make()
    index = np.arange(6)
    np.testing.assert_array_equal(few.labels(index), all_of_them.labels(index % 3))
    np.testing.assert_array_equal(few.images(index[:3]), all_of_them.images(index[:3]))


def test_extra_adds_to_training(make: Any) -> None:
    train = make(extra=True)
    assert train._number > make()._number + 250
    assert make("test", extra=True).size == make("test").size
    assert (train.images(np.array([train._number - 1])) > 0).any()


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"image_size": 53}, "image_size=53 must be .* in 54"),
        ({"image_size": 257}, "image_size=257 must be .* 256"),
        ({"border": "reflect"}, r"border='reflect' .*\('clamp', 'replicate', 'zero'\)"),
        ({"min_digits": 0}, "min_digits=0"),
        ({"min_digits": 3, "max_digits": 2}, "max_digits=2 must be .* in 3"),
        ({"min_digits": 6, "max_digits": 6}, "min_digits=6, max_digits=6: no house number"),
        ({"num_images": -1}, "num_images=-1"),
        ({"num_images": 41, "split": "test"}, r"num_images=41 must be in 0 \.\. 40"),
        ({"color": "no"}, "color='no'"),
        ({"extra": "no"}, "extra='no'"),
        ({"digits": 3}, "unexpected keyword argument 'digits'.* task='svhn'"),
        ({"split": "extra"}, "split='extra'"),
    ],
)
def test_bad_arguments_are_named(
    synthetic_svhn: Path, keywords: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        gym.make("GlimpseSVHN-v0", **{"data_dir": str(synthetic_svhn), **keywords})


def test_a_prepared_environment_loads_no_h5py(synthetic_svhn: Path) -> None:
    make = (
        "import sys, gymnasium, glimpse_env;"
        f"envs = gymnasium.make_vec('GlimpseSVHN-v0', 2, data_dir={str(synthetic_svhn)!r});"
        "envs.reset(seed=0); print('h5py' in sys.modules, 'torch' in sys.modules)"
    )
    root = Path(glimpse_env.__file__).parents[1]
    answers = [
        subprocess.run(
            [sys.executable, "-c", make], check=True, capture_output=True, text=True, cwd=root
        ).stdout.split()
        for _ in range(2)
    ]
    assert answers == [["True", "False"], ["False", "False"]]
