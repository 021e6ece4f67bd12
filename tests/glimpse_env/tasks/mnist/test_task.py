"""The MNIST tasks, with digits made so that a canvas tells what was put on it, and real ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from glimpse_env.backend import NumpyBackend, TorchBackend
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.mnist import task as mnist
from glimpse_env.tasks.mnist.digits import Digits, load_mnist
from glimpse_env.tasks.mnist.task import MNISTTask

# A Golomb ruler: all sums of two marks differ, so a sum of two digits tells which two they are.
GREYS = np.array([0, 1, 6, 10, 23, 26, 34, 41, 53, 55]) + 1
NUMBER = 40  # digits of the patched data sets
Make = Callable[..., MNISTTask]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    """Tasks whose digits are squares of one grey: `GREYS[class]`, or `grey` if that is given."""

    def construct(grey: int | None = None, split: str = "train", **arguments: Any) -> MNISTTask:
        def load(name: str, data_dir: str | None = None) -> Digits:
            assert name == split
            labels = np.arange(NUMBER) * 7 % 10
            greys = GREYS[labels] if grey is None else np.full(NUMBER, grey)
            return Digits(np.repeat(greys, 784).reshape(-1, 28, 28).astype(np.uint8), labels)

        monkeypatch.setattr(mnist, "load_mnist", load)
        return MNISTTask(NumpyBackend(), split=split, **arguments)

    return construct


def images_of(task: MNISTTask, number: int = 300) -> NDArray[np.int64]:
    """The first images, (m, side, side)."""
    return np.asarray(task.images(np.arange(number) % task.size))[:, 0].astype(np.int64)


def corner_of(image: NDArray[np.int64]) -> tuple[int, ...]:
    """Position and size of the box around what is not black: left, top, width, height."""
    (y, x) = np.nonzero(image)
    return x.min(), y.min(), np.ptp(x) + 1, np.ptp(y) + 1


@pytest.mark.parametrize(
    ("layout", "target"), [("independent", "sum"), ("apart", "sum"), ("slope", "sequence")]
)
def test_corners_tell_where_the_digits_are(make: Make, layout: str, target: str) -> None:
    options = {"target": target, "layout": layout, "min_digits": 2, "max_digits": 2}
    task = make(canvas_size=100, **options)
    index = np.arange(300)
    x, y = task.corners(index)
    assert x.shape == y.shape == (300, 2)
    black = images_of(task).copy()
    for image, *places in zip(black, x, y, strict=True):
        for left, top in zip(*places, strict=True):
            assert image[top : top + 28, left : left + 28].all()
        for left, top in zip(*places, strict=True):
            image[top : top + 28, left : left + 28] = 0
    assert not black.any()
    cluttered = make(canvas_size=100, num_distractors=8, **options)
    assert np.array_equal(cluttered.corners(index), (x, y))


def test_corners_of_digits_that_are_not_there_are_inside(make: Make) -> None:
    task = make(canvas_size=100, target="sequence", layout="slope", max_digits=3)
    corners = np.stack(task.corners(np.arange(300)))
    assert corners.shape == (2, 300, 3) and corners.min() >= 0 and corners.max() <= 100 - 28


@pytest.mark.parametrize("side", [28, 29, 60, 100])
def test_a_digit_lies_wholly_inside_and_anywhere(make: Make, side: int) -> None:
    task = make(canvas_size=side)
    corners = np.array([corner_of(image) for image in images_of(task, 600)])
    assert (corners[:, 2:] == 28).all()
    room = side - 28
    if room < 2:
        assert {*corners[:, 0]} == {*corners[:, 1]} == {*range(room + 1)}
        return
    for axis in (0, 1):
        counts = np.histogram(corners[:, axis], bins=4, range=(0, room + 1))[0]
        assert corners[:, axis].min() <= room * 0.02
        assert corners[:, axis].max() >= room * 0.98
        assert counts.min() > 100  # of 150
    assert abs(np.corrcoef(corners[:, 0], corners[:, 1])[0, 1]) < 0.12


def test_an_image_shows_the_digit_of_its_number(make: Make) -> None:
    task = make(canvas_size=40)
    index = np.array([0, 3, NUMBER - 1, NUMBER, 5 * NUMBER + 7, 2**31 - 1])
    expected = (index % NUMBER) * 7 % 10
    np.testing.assert_array_equal(task.labels(index)[:, 0], expected)
    np.testing.assert_array_equal(task.images(index).max((1, 2, 3)), GREYS[expected])


@pytest.mark.parametrize(("distractors", "size"), [(0, 8), (4, 8), (8, 8), (8, 9), (3, 1)])
@pytest.mark.parametrize("digits", [1, 2])
def test_every_digit_and_distractor_is_wholly_there(
    make: Make, distractors: int, size: int, digits: int
) -> None:
    # With digits of grey 1 nothing is clipped, so all the light there is must be on the canvas.
    target = "sum" if digits == 2 else "digit"
    task = make(
        grey=1,
        canvas_size=60,
        num_distractors=distractors,
        distractor_size=size,
        min_digits=digits,
        max_digits=digits,
        target=target,
    )
    images = images_of(task, 100)
    assert (images.sum((1, 2)) == digits * 28**2 + distractors * size**2).all()
    assert len({image.tobytes() for image in images}) > 90


def test_distractors_are_patches_of_any_place(make: Make) -> None:
    few, many = (make(grey=1, canvas_size=100, num_distractors=number) for number in (0, 8))
    patches = images_of(many, 400) - images_of(few, 400)
    assert patches.min() == 0  # the digit is where it was
    light = patches.sum(0)
    corners = [light[:50, :50], light[:50, 50:], light[50:, :50], light[50:, 50:]]
    assert min(part.sum() for part in corners) > 0.23 * light.sum()
    assert light[0].any() and light[-1].any() and light[:, 0].any() and light[:, -1].any()


def test_the_sum_is_clipped_at_white(make: Make) -> None:
    bright = images_of(make(grey=200, canvas_size=32, num_distractors=20), 50)
    assert bright.max() == 255
    assert {*np.unique(bright)} == {0, 200, 255}


@pytest.mark.parametrize("distractors", [0, 8])
def test_the_digit_stays_when_distractors_come(make: Make, distractors: int) -> None:
    plain, cluttered = (make(canvas_size=60, num_distractors=n) for n in (0, distractors))
    index = np.arange(50)
    np.testing.assert_array_equal(plain.labels(index), cluttered.labels(index))
    assert (cluttered.images(index) >= plain.images(index)).all()


def two_digits(make: Make, target: str) -> tuple[list[tuple[int, int]], NDArray[np.int64]]:
    """Which two classes each image shows, smaller first, and the labels."""
    task = make(canvas_size=28, min_digits=2, max_digits=2, target=target)
    pair_of = {
        int(GREYS[a] + GREYS[b]): (a, b)
        for a, b in itertools.combinations_with_replacement(range(10), 2)
    }
    assert len(pair_of) == 55
    images = images_of(task, 1500)
    assert (images == images[:, :1, :1]).all()  # both fill the canvas
    labels = np.asarray(task.labels(np.arange(1500)))
    assert labels.shape == (1500, 1)
    return [pair_of[int(grey)] for grey in images[:, 0, 0]], labels[:, 0]


def test_combinations_are_a_bijection_onto_55(make: Make) -> None:
    pairs, labels = two_digits(make, "combination")
    assert len(set(zip(pairs, labels.tolist(), strict=True))) == 55
    assert {*labels.tolist()} == {*range(55)}
    assert len(set(pairs)) == 55


def test_sums_are_right(make: Make) -> None:
    pairs, labels = two_digits(make, "sum")
    assert labels.tolist() == [a + b for a, b in pairs]
    assert {*labels.tolist()} == {*range(19)}


def test_two_digits_are_placed_independently_or_apart(make: Make) -> None:
    task = make(grey=1, canvas_size=100, min_digits=2, max_digits=2, target="sum")
    images = images_of(task, 400)
    overlapping = (images.max((1, 2)) == 2).mean()
    # the chance that two of 73 places are less than 28 apart is 0.618 an axis
    assert overlapping == pytest.approx(0.618**2, abs=0.09)
    apart = make(grey=1, canvas_size=100, min_digits=2, max_digits=2, target="sum", layout="apart")
    assert images_of(apart, 400).max() == 1


def read_slope(image: NDArray[np.int64], count: int) -> tuple[list[int], list[int], int]:
    """The classes from left to right, the top of each digit, and the left of the first."""
    left, _, width, _ = corner_of(image)
    assert width == 28 * count
    bands = [image[:, left + 28 * place : left + 28 * (place + 1)] for place in range(count)]
    classes = [int(np.flatnonzero(band.max() == GREYS)[0]) for band in bands]
    tops = []
    for band in bands:
        _, top, *size = corner_of(band)
        assert size == [28, 28]
        tops.append(int(top))
    return classes, tops, int(left)


def test_sequences_lie_along_a_slope_and_do_not_overlap(make: Make) -> None:
    task = make(canvas_size=100, min_digits=1, max_digits=3, target="sequence", layout="slope")
    assert (task.has_end, task.max_labels, task.num_classes) == (True, 3, 10)
    labels = np.asarray(task.labels(np.arange(900)))
    counts = (labels >= 0).sum(1)
    assert np.bincount(counts, minlength=4)[1:].min() > 250  # of 300 each
    rises, lefts = [], []
    for image, sequence, count in zip(images_of(task, 900), labels, counts, strict=True):
        assert (sequence[count:] == -1).all()
        classes, tops, left = read_slope(image, count)
        assert classes == sequence[:count].tolist()
        assert image.sum() == 28**2 * GREYS[classes].sum()  # not one pixel hidden
        steps = np.diff(tops)
        assert (np.abs(steps) <= 28).all()  # at most 45 degrees
        assert np.ptp(steps) <= 1 if count == 3 else True  # straight
        rises += [tops[-1] - tops[0]] if count == 3 else []
        lefts += [left] if count == 1 else []
    assert min(rises) < -50 and max(rises) > 50  # up to 45 degrees, both ways
    assert min(lefts) == 0 and max(lefts) == 72


def test_a_split_shows_only_its_own_digits(make: Make) -> None:
    for grey, split in enumerate(("train", "validation", "test"), 1):
        task = make(grey=grey, split=split, canvas_size=60, num_distractors=4)
        assert (images_of(task, 50) % grey == 0).all()
        assert (images_of(task, 50).sum((1, 2)) == grey * (784 + 4 * 64)).all()
        assert task.size == (2**31 if split == "train" else NUMBER)


def test_splits_differ_in_more_than_their_digits(make: Make) -> None:
    canvases = [
        images_of(make(split=split, canvas_size=60), 20)
        for split in ("train", "validation", "test")
    ]
    assert all((a != b).any((1, 2)).mean() > 0.9 for a, b in itertools.combinations(canvases, 2))


TASKS: list[dict[str, Any]] = [
    {},
    {"canvas_size": 60, "num_distractors": 4},
    {"canvas_size": 64, "min_digits": 2, "max_digits": 2, "target": "combination"},
    {"canvas_size": 64, "min_digits": 2, "max_digits": 2, "target": "sum", "layout": "apart"},
    {
        "canvas_size": 100,
        "max_digits": 3,
        "target": "sequence",
        "layout": "slope",
        "num_distractors": 8,
        "distractor_size": 9,
    },
]


@pytest.mark.parametrize("arguments", TASKS, ids=str)
@pytest.mark.parametrize("split", ["train", "test"])
def test_an_image_is_a_function_of_its_index(
    arguments: dict[str, Any], split: str, synthetic_mnist: Any
) -> None:
    pytest.importorskip("torch").set_num_threads(1)
    index = np.random.default_rng(0).permutation(9_000)[:24]
    results = []
    for backend, step in ((NumpyBackend(), 24), (NumpyBackend(), 1), (TorchBackend("cpu"), 8)):
        task = MNISTTask(backend, split=split, data_dir=str(synthetic_mnist), **arguments)
        parts = [backend.asarray(index[i : i + step], "int64") for i in range(0, 24, step)]
        images = np.concatenate([np.asarray(task.images(part)) for part in parts])
        labels = np.concatenate([np.asarray(task.labels(part)) for part in parts])
        results.append((images.astype(np.int64), labels))
        assert images.shape == (24, *task.image_shape)
        assert labels.shape == (24, task.max_labels)
    for images, labels in results[1:]:
        np.testing.assert_array_equal(images, results[0][0])
        np.testing.assert_array_equal(labels, results[0][1])


@pytest.mark.requires_mnist
def test_the_test_split_shows_every_test_digit_once() -> None:
    digits = load_mnist("test")
    index = np.arange(10_000)
    for arguments in ({}, {"canvas_size": 60}, {"canvas_size": 60, "num_distractors": 4}):
        task = MNISTTask(NumpyBackend(), split="test", **arguments)
        assert task.size == 10_000
        np.testing.assert_array_equal(task.labels(index)[:, 0], digits.labels)
    plain = MNISTTask(NumpyBackend(), split="test").images(index)[:, 0]
    np.testing.assert_array_equal(plain, digits.images)
    moved = MNISTTask(NumpyBackend(), split="test", canvas_size=60).images(index[:500])[:, 0]
    for image, digit in zip(moved, digits.images[:500], strict=True):
        x = image.any(0).argmax() - digit.any(0).argmax()
        y = image.any(1).argmax() - digit.any(1).argmax()
        np.testing.assert_array_equal(image[y : y + 28, x : x + 28], digit)
        assert image.sum() == digit.sum()


SEQUENCE = {"target": "sequence"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("canvas_size", {"canvas_size": 27}),
        ("canvas_size", {"canvas_size": 28.5}),
        ("canvas_size", {"canvas_size": 83, "max_digits": 3, "layout": "slope", **SEQUENCE}),
        ("min_digits", {"min_digits": 0}),
        ("max_digits", {"max_digits": 2}),
        ("target", {"target": "colour"}),
        ("target", {"target": "sum"}),
        ("layout", {"layout": "circle"}),
        ("layout", {"layout": "apart"}),  # one digit is apart from what?
        ("layout", {"canvas_size": 100, "max_digits": 2, **SEQUENCE}),  # no order to read in
        ("num_distractors", {"num_distractors": -1}),
        ("num_distractors", {"num_distractors": 201}),
        ("num_distractors", {"num_distractors": 2.5}),
        ("distractor_size", {"num_distractors": 1, "distractor_size": 29}),
        ("split", {"split": "trian"}),
    ],
    ids=str,
)
def test_what_cannot_be_is_named(
    name: str, arguments: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read or downloaded; only the loader knows the splits."""
    if name != "split":
        monkeypatch.setattr(mnist, "load_mnist", lambda *_: pytest.fail("loaded"))
    with pytest.raises(InvalidArgument, match=name):
        MNISTTask(NumpyBackend(), **{"split": "train", **arguments})
