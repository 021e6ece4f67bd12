"""Your own images and labels: what the task makes of them, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from glimpse_env.backend import make_backend
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.own_images.arrays import ArrayTask

GREY = np.arange(4 * 6 * 5, dtype=np.uint8).reshape(4, 6, 5)
COLOUR = np.arange(4 * 6 * 5 * 3, dtype=np.uint16).astype(np.uint8).reshape(4, 6, 5, 3)
ONE = np.array([2, 0, 1, 2])
MANY = np.array([[2, 1], [0, -1], [-1, -1], [1, 1]])


def construct(backend: str = "numpy", **arguments: Any) -> ArrayTask:
    given = {"images": GREY, "labels": ONE, "num_classes": 3} | arguments
    return ArrayTask(make_backend(backend, "cpu"), **given)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("images", [GREY, COLOUR], ids=["grey", "colour"])
def test_channels_come_first(images: NDArray[np.uint8], backend: str) -> None:
    if backend == "torch":
        pytest.importorskip("torch")
    task = construct(backend, images=images)
    planes = images.reshape(4, 6, 5, -1).transpose(0, 3, 1, 2)
    assert task.image_shape == planes.shape[1:]
    assert task.size == 4
    index = make_backend(backend, "cpu").asarray([3, 0, 0], "int64")
    np.testing.assert_array_equal(np.asarray(task.images(index)), planes[[3, 0, 0]])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64])
def test_one_label_an_image(dtype: Any) -> None:
    task = construct(labels=ONE.astype(dtype))
    assert (task.max_labels, task.has_end, task.num_classes) == (1, False, 3)
    np.testing.assert_array_equal(task.labels(np.array([1, 3])), [[0], [2]])


def test_sequences() -> None:
    task = construct(labels=MANY)
    assert (task.max_labels, task.has_end, task.num_classes) == (2, True, 3)
    np.testing.assert_array_equal(task.labels(np.array([2, 0])), [[-1, -1], [2, 1]])


def test_a_column_of_labels_is_a_sequence_of_one() -> None:
    with pytest.warns(UserWarning, match=r"labels\[:, 0\]"):
        task = construct(labels=ONE[:, None])
    assert (task.max_labels, task.has_end) == (1, True)


def test_lists_will_do() -> None:
    task = construct(labels=[2, 0, 1, 2], images=list(GREY))
    np.testing.assert_array_equal(task.labels(np.arange(4))[:, 0], ONE)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"images": GREY[0]}, r"images.*\(6, 5\)"),
    ({"images": COLOUR[..., :2]}, r"images.*\(4, 6, 5, 2\)"),
    ({"images": GREY[:, :0]}, r"images.*\(4, 0, 5\)"),
    ({"images": GREY[:0], "labels": ONE[:0]}, r"images.*\(0, 6, 5\)"),
    ({"images": GREY.astype(np.float32)}, r"images.*float32.*uint8"),
    ({"images": [[[1, 2], [3]]] * 4}, "images"),
    ({"labels": ONE[:3]}, r"labels.*\(3,\).*4 images"),
    ({"labels": MANY[:, :0]}, r"labels.*\(4, 0\)"),
    ({"labels": MANY[None]}, r"labels.*\(1, 4, 2\)"),
    ({"labels": ONE.astype(float)}, r"labels.*float64"),
    ({"labels": [[1], [1, 2], [], [0]]}, "labels"),
    ({"labels": ONE - 1}, r"label -1 .*0 \.\. 2"),
    ({"labels": MANY + 1}, r"label 3 .*num_classes=3"),
    ({"labels": MANY - 1}, "label -2"),
    ({"labels": MANY[:, ::-1]}, r"padding -1 .*after"),
    ({"num_classes": 0}, "num_classes=0"),
    ({"num_classes": 2.0}, "num_classes=2.0"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[message for _, message in WRONG])
def test_what_does_not_fit_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        construct(**arguments)
