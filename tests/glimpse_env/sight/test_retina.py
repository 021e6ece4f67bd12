"""The retina and the coarse context against plain loops over pixels."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from glimpse_env.backend import make_backend
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument
from glimpse_env.sight.retina import Retina

# Multiples of a power of two, so that the formula has no rounding and its ties are exact.
GAZES = [-2.0, -1.0, -0.984375, -0.5, 0.0, 0.03125, 0.75, 1.0, 1.5]
SIZES = [  # height, width, channels, glimpse size, scales
    (28, 28, 1, 8, 1),
    (60, 60, 1, 12, 3),
    (23, 17, 3, 5, 4),
    (10, 31, 1, 3, 5),
    (7, 5, 3, 4, 6),
    (1, 1, 1, 1, 2),
    (33, 12, 1, 1, 9),
    (130, 140, 1, 6, 3),  # large enough to be prepared once for the whole data set
]


def see(
    images: NDArray[np.uint8], gazes: Any, backend: str = "numpy", **sizes: int
) -> dict[str, NDArray[Any]]:
    """What is seen after the first step when row i looks at image i modulo their number."""
    number = len(gazes)
    envs = GlimpseVectorEnv(
        number,
        images=images,
        labels=np.zeros(len(images), np.int64),
        num_classes=1,
        glimpses_per_label=2,
        initial_gaze="none",
        backend=backend,
        **sizes,
    )
    envs.reset(seed=0, options={"index": np.arange(number) % len(images)})
    gaze = np.asarray(gazes, np.float32)
    observation, *_ = envs.step({"gaze": gaze, "label": np.zeros(number, np.int64)})
    return {key: np.asarray(value) for key, value in observation.items()}


def random_images(number: int, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(height * 1000 + width)
    shape = (number, height, width, channels) if channels > 1 else (number, height, width)
    return rng.integers(0, 256, shape, dtype=np.uint8)


def glimpse_in_loops(
    image: NDArray[np.uint8], gaze: tuple[float, float], size: int, scales: int
) -> NDArray[np.float64]:
    """The glimpse as DESIGN writes it: one pixel after the other."""
    height, width = image.shape[:2]
    planes = image.reshape(height, width, -1).transpose(2, 0, 1).tolist()
    x, y = (min(max(float(coordinate), -1.0), 1.0) for coordinate in gaze)
    patches = []
    for k in range(scales):
        cell, side = 2**k, size * 2**k
        left = math.floor((x + 1) / 2 * width - side / 2 + 0.5)
        top = math.floor((y + 1) / 2 * height - side / 2 + 0.5)
        for plane in planes:
            patch = np.zeros((size, size))
            for i, j in itertools.product(range(size), range(size)):
                total = 0
                for row in range(max(top + i * cell, 0), min(top + (i + 1) * cell, height)):
                    for column in range(max(left + j * cell, 0), min(left + (j + 1) * cell, width)):
                        total += plane[row][column]
                patch[i, j] = total / cell**2 / 255
            patches.append(patch)
    return np.array(patches)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_glimpses_are_as_in_plain_loops(size: tuple[int, ...], backend: str) -> None:
    height, width, channels, glimpse_size, scales = size
    images = random_images(2, height, width, channels)
    gazes = list(itertools.product(GAZES, GAZES))[:: 3 if height > 50 else 2]
    sizes = {"glimpse_size": glimpse_size, "num_scales": scales}
    glimpses = see(images, gazes, backend, **sizes)["glimpse"]
    assert glimpses.dtype == np.float32
    for row, gaze in enumerate(gazes):
        expected = glimpse_in_loops(images[row % 2], gaze, glimpse_size, scales)
        np.testing.assert_allclose(glimpses[row], expected, rtol=0, atol=1e-6, err_msg=str(gaze))


@pytest.mark.parametrize("size", SIZES[:6], ids=str)
def test_all_slots_at_once_are_as_slot_by_slot(size: tuple[int, ...], backend: str) -> None:
    height, width, channels, glimpse_size, scales = size
    made = make_backend(backend, "cpu")
    sizes = {"height": height, "width": width, "channels": channels}
    sizes |= {"glimpse_size": glimpse_size, "num_scales": scales}
    one, other = (Retina(made, capacity=3, **sizes) for _ in range(2))
    rng = np.random.default_rng(0)
    shape = (3, channels, height, width)
    first, second = (made.asarray(rng.integers(0, 256, shape), "uint8") for _ in range(2))
    slots, gaze = made.arange(3), made.asarray(rng.uniform(-1, 1, (3, 2)), "float32")

    def seen(retina: Retina) -> NDArray[Any]:
        return made.to_numpy(retina.glimpse(slots, gaze))

    one.write(first, slots)
    other.write(first)
    np.testing.assert_array_equal(seen(one), seen(other))
    one.write(second[1:2], slots[1:2])
    other.write(second, keep=made.asarray([False, True, False], "bool"))
    np.testing.assert_array_equal(seen(one), seen(other))


def test_glimpses_far_larger_than_the_image_take_little_memory() -> None:
    """Cells that are outside the image from everywhere in it are not held."""
    tracemalloc.start()
    sizes = {"channels": 1, "height": 20, "width": 30, "glimpse_size": 256, "num_scales": 8}
    Retina(make_backend("numpy", "cpu"), capacity=2, **sizes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 2 * (256 + 20) * (256 + 30) * 4  # the widest glimpse has 32768 x 32768 pixels


whole = st.integers(-300, 300).map(lambda number: number / 256)


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    channels=st.sampled_from([1, 3]),
    glimpse_size=st.integers(1, 9),
    scales=st.integers(1, 5),
    gaze=st.tuples(whole, whole),
    backend=st.sampled_from(["numpy", "torch"]),
)
@pytest.mark.usefixtures("torch")
def test_any_size_and_gaze(
    height: int,
    width: int,
    channels: int,
    glimpse_size: int,
    scales: int,
    gaze: tuple[float, float],
    backend: str,
) -> None:
    images = random_images(1, height, width, channels)
    sizes = {"glimpse_size": glimpse_size, "num_scales": scales}
    expected = glimpse_in_loops(images[0], gaze, glimpse_size, scales)
    glimpse = see(images, [gaze], backend, **sizes)["glimpse"][0]
    np.testing.assert_allclose(glimpse, expected, rtol=0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(gaze=st.tuples(*[st.floats(-1.125, 1.125, width=32)] * 2))
def test_any_float(gaze: tuple[float, float]) -> None:
    # Where the formula is within a rounding error of the next pixel either answer is right.
    for coordinate, side in zip(gaze, (37, 29), strict=True):
        position = (min(max(coordinate, -1.0), 1.0) + 1) / 2 * side
        assume(all(0.001 < (position - 5 * s + 0.5) % 1 < 0.999 for s in (0.5, 1, 2)))
    images = random_images(1, 29, 37, 1)
    expected = glimpse_in_loops(images[0], gaze, 5, 3)
    glimpse = see(images, [gaze], glimpse_size=5, num_scales=3)["glimpse"][0]
    np.testing.assert_allclose(glimpse, expected, rtol=0, atol=1e-6)


def test_a_ramp_has_its_value_at_the_middle_of_each_cell(backend: str) -> None:
    y, x = np.mgrid[0:60, 0:80]
    ramp = (x + 2 * y).astype(np.uint8)
    gazes = np.array([[0.0, 0.0], [0.25, -0.125], [-0.5, 0.5], [1.0, 1.0]])
    glimpses = see(ramp[None], gazes, backend, glimpse_size=4, num_scales=5)["glimpse"]
    for row, k in itertools.product(range(len(gazes)), range(5)):
        cell = 2**k
        corner = np.floor((gazes[row] + 1) / 2 * [80, 60] - 2 * cell + 0.5)
        first = corner[:, None] + cell * np.arange(4)  # of each cell, (x/y, cell)
        middle = first + (cell - 1) / 2
        inside = (first >= 0) & (first + cell <= [[80], [60]])
        expected = (middle[0][None, :] + 2 * middle[1][:, None]) / 255
        here = inside[1][:, None] & inside[0][None, :]
        assert here.any() or k == 4
        np.testing.assert_allclose(glimpses[row, k][here], expected[here], rtol=0, atol=1e-6)


def test_white_is_one_and_never_more(backend: str) -> None:
    white = np.full((1, 110, 110, 3), 255, np.uint8)
    seen = see(white, [(0.0, 0.0)], backend, glimpse_size=1, num_scales=6, context_size=18)
    np.testing.assert_array_equal(seen["glimpse"], 1.0)
    np.testing.assert_array_equal(seen["context"], 1.0)
    border = see(white, [(1.0, -1.0)], backend, glimpse_size=8, num_scales=9)["glimpse"]
    assert border.max() == 1.0
    assert border.min() == 0.0


def test_the_reset_shows_the_centre_or_what_is_at_the_location(backend: str) -> None:
    images = random_images(3, 40, 30, 1)
    for initial_gaze in ("center", "random"):
        envs = GlimpseVectorEnv(
            6,
            images=images,
            labels=np.zeros(3, np.int64),
            num_classes=1,
            glimpse_size=6,
            num_scales=2,
            initial_gaze=initial_gaze,
            backend=backend,
        )
        observation, _ = envs.reset(seed=4, options={"index": np.arange(6) % 3})
        gazes = np.asarray(observation["location"])
        assert (np.ptp(gazes) > 0.5) if initial_gaze == "random" else not gazes.any()
        for row, gaze in enumerate(gazes.astype(np.float64)):
            expected = glimpse_in_loops(images[row % 3], tuple(gaze), 6, 2)
            glimpse = np.asarray(observation["glimpse"])[row]
            np.testing.assert_allclose(glimpse, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("height", "width", "channels", "size"),
    [
        (54, 54, 1, 18),
        (100, 100, 1, 18),
        (110, 110, 3, 18),
        (23, 17, 3, 5),
        (7, 9, 1, 1),
        (5, 7, 1, 5),
        (140, 131, 1, 12),
    ],
)
def test_the_context_is_the_average_of_boxes(
    height: int, width: int, channels: int, size: int, backend: str
) -> None:
    images = random_images(2, height, width, channels)
    context = see(images, [(0.0, 0.0)] * 2, backend, glimpse_size=1, context_size=size)["context"]
    assert context.shape == (2, channels, size, size)
    for row, image in enumerate(images.reshape(2, height, width, channels).tolist()):
        for channel, i, j in itertools.product(range(channels), range(size), range(size)):
            box = [
                image[y][x][channel]
                for y in range(i * height // size, math.ceil((i + 1) * height / size))
                for x in range(j * width // size, math.ceil((j + 1) * width / size))
            ]
            expected = sum(box) / len(box) / 255
            assert context[row, channel, i, j] == pytest.approx(expected, rel=0, abs=1e-6)


def test_the_context_of_a_large_white_image_is_one(backend: str) -> None:
    white = np.full((1, 1200, 1100), 255, np.uint8)
    context = see(white, [(0.0, 0.0)], backend, glimpse_size=1, context_size=2)["context"]
    np.testing.assert_array_equal(context, 1.0)


def test_the_context_does_not_depend_on_the_precision_of_products() -> None:
    """Nor does what a user sets for her networks: sums above 256 are not of bfloat16."""
    images = random_images(64, 100, 100, 1)
    gaze = [(0.0, 0.0)] * 64
    expected = see(images, gaze, "numpy", glimpse_size=1, context_size=6)["context"]
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        context = see(images, gaze, "torch", glimpse_size=1, context_size=6)["context"]
    finally:
        torch.set_float32_matmul_precision(before)
    np.testing.assert_allclose(context, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("glimpse_size", 0),
        ("glimpse_size", 2.5),
        ("num_scales", 0),
        ("num_scales", 10),
        ("num_scales", 1.5),
        ("context_size", 26),
        ("context_size", -1),
    ],
)
def test_impossible_sizes_are_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument, match=f"{name}={value}"):
        see(random_images(1, 25, 40, 1), [(0.0, 0.0)], **{name: value})
