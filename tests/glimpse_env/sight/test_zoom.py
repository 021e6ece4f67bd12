"""The third number of a gaze: which scales it chooses, and that no other pixels are seen by it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glimpse_env.backend import make_backend
from glimpse_env.envs.catch.env import CatchVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidAction, InvalidArgument
from glimpse_env.sight.zoom import Zoom, zoom_steps

NUMBER = 6
PICTURES = np.random.default_rng(0).integers(0, 256, (NUMBER, 41, 60, 3), dtype=np.uint8)
TASK = {"images": PICTURES, "labels": np.zeros(NUMBER, int), "num_classes": 2}


def make(backend: str = "numpy", **changes: Any) -> GlimpseVectorEnv:
    keywords = {**TASK, "glimpse_size": 5, "num_scales": 2, "zoom": True, **changes}
    return GlimpseVectorEnv(NUMBER, backend=backend, initial_gaze="center", **keywords)


def look(envs: Any, gaze: Any) -> dict[str, Any]:
    """What is seen at `gaze` (B, d), on the host."""
    envs.reset(seed=0, options={"index": np.arange(NUMBER)})
    observation, *_ = envs.step({"gaze": gaze, "label": np.zeros(NUMBER, np.int64)})
    return {key: envs.backend.to_numpy(value) for key, value in observation.items()}


@pytest.mark.parametrize(
    ("shape", "glimpse_size", "num_scales", "steps"),
    [
        ((1, 28, 28), 8, 1, 2),  # 8, 16, 32
        ((1, 54, 54), 12, 2, 2),  # 24, 48, 96
        ((3, 110, 110), 12, 2, 3),  # 24, 48, 96, 192
        ((1, 96, 10), 12, 2, 2),  # the longer side counts; 96 are enough
        ((1, 24, 24), 6, 3, 1),  # 24 cover it: one step all the same
        ((1, 8, 8), 12, 1, 1),
        ((1, 4096, 4096), 12, 2, 7),  # 12288 would, but nine scales are all
        ((1, 4096, 4096), 2, 8, 1),
    ],
)
def test_the_coarsest_scale_grows_until_it_covers_the_image(
    shape: tuple[int, int, int], glimpse_size: int, num_scales: int, steps: int
) -> None:
    assert zoom_steps(shape, glimpse_size, num_scales) == steps


def test_equal_parts_of_the_range_choose_equally_many_steps(backend: str) -> None:
    made = make_backend(backend, "cpu")
    zoom = Zoom(made, 9, num_scales=2, steps=3)
    z = [-1, -0.75, -0.51, -0.5, -0.01, 0, 0.49, 0.5, 1]
    gaze = made.asarray([[0.3, 0.3, value] for value in z], "float32")
    finest = made.to_numpy(zoom.scales(gaze))
    np.testing.assert_array_equal(finest[:, 0], [0, 0, 0, 1, 1, 2, 2, 3, 3])
    np.testing.assert_array_equal(finest[:, 1], finest[:, 0] + 1)


@pytest.mark.parametrize("zoom", [False, True])
@pytest.mark.parametrize("glimpse_size", [4, 5])
def test_squares_are_what_is_seen(glimpse_size: int, zoom: bool, backend: str) -> None:
    """Each cell against the mean of the pixels that the square says it covers."""
    envs, rng = make(backend, zoom=zoom, glimpse_size=glimpse_size), np.random.default_rng(0)
    sides = set()
    for _ in range(12):
        gaze = rng.uniform(-1, 1, (NUMBER, envs.gaze_size)).astype(np.float32)
        glimpse = look(envs, gaze)["glimpse"]
        squares = envs.backend.to_numpy(envs._episodes.eye.squares(envs._episodes.rows.gaze))
        assert squares.dtype == np.int64
        around = np.pad(PICTURES.astype(float), [(0, 0), (99, 99), (99, 99), (0, 0)])
        for row, scale in np.ndindex(NUMBER, 2):
            left, top, side = squares[row, scale]
            covered = around[row, 99 + top :, 99 + left :][:side, :side]
            cell = side // glimpse_size
            blocks = covered.reshape(glimpse_size, cell, glimpse_size, cell, 3).mean((1, 3)) / 255
            seen = glimpse[row].reshape(2, 3, glimpse_size, glimpse_size)[scale]
            np.testing.assert_allclose(seen, np.moveaxis(blocks, -1, 0), atol=1e-6)
            sides.add((scale, int(side) // glimpse_size))
    assert sides == {(k, 2 ** (k + n)) for k in range(2) for n in range(4 if zoom else 1)}


def test_zoomed_in_all_is_as_without_a_zoom_to_the_bit(backend: str) -> None:
    near, plain = make(backend), make(backend, zoom=False)
    place = np.random.default_rng(1).uniform(-1, 1, (NUMBER, 2)).astype(np.float32)
    ours = look(near, np.hstack([place, np.full((NUMBER, 1), -1, np.float32)]))
    theirs = look(plain, place)
    np.testing.assert_array_equal(ours["location"][:, :2], theirs["location"])
    np.testing.assert_array_equal(ours["location"][:, 2], -1)
    for key in ("glimpse", "emit"):
        np.testing.assert_array_equal(ours[key], theirs[key])


@pytest.mark.parametrize("initial_gaze", ["none", "center", "random"])
def test_a_reset_looks_where_it_did_and_as_finely(initial_gaze: str, backend: str) -> None:
    keywords: Any = {**TASK, "backend": backend, "initial_gaze": initial_gaze}
    near, plain = (GlimpseVectorEnv(NUMBER, zoom=zoom, **keywords) for zoom in (True, False))
    (ours, _), (theirs, _) = near.reset(seed=4), plain.reset(seed=4)
    expected = np.hstack([theirs["location"], np.full((NUMBER, 1), -1)])
    np.testing.assert_array_equal(ours["location"], expected)
    np.testing.assert_array_equal(ours["glimpse"], theirs["glimpse"])
    assert np.asarray(ours["location"]) in near.observation_space["location"]


def test_the_spaces_have_a_third_number(backend: str) -> None:
    for envs in (make(backend), CatchVectorEnv(NUMBER, backend=backend, zoom=True)):
        assert envs.gaze_size == 3
        assert envs.single_action_space["gaze"].shape == (3,)  # type: ignore[index]
        assert envs.single_observation_space["location"].shape == (3,)  # type: ignore[index]


def test_a_zoom_outside_is_clipped() -> None:
    envs = make()
    for outside, inside in ((-7.0, -1.0), (7.0, 1.0)):
        seen, expected = (look(envs, [[0.1, 0.2, z]] * NUMBER) for z in (outside, inside))
        np.testing.assert_array_equal(seen["glimpse"], expected["glimpse"])
        assert (seen["location"][:, 2] == inside).all()


def test_sizes_may_be_numpys_small_integers() -> None:
    envs = make(glimpse_size=np.uint8(20), num_scales=np.int8(3))
    seen = look(envs, np.ones((NUMBER, 3)))
    np.testing.assert_array_equal(
        seen["glimpse"], look(make(glimpse_size=20, num_scales=3), np.ones((NUMBER, 3)))["glimpse"]
    )


def test_what_cannot_be_zoomed_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"num_scales=9 must be in 1 \.\. 8"):
        make(num_scales=9)
    with pytest.raises(InvalidArgument, match="zoom=3"):
        make(zoom=3)
    for sizes in ({"num_scales": 0}, {"glimpse_size": 0}):
        with pytest.raises(InvalidArgument, match=f"{next(iter(sizes))}=0"):
            make(**sizes)
    with pytest.raises(InvalidAction, match=r"\(6, 3\)"):
        look(make(), np.zeros((NUMBER, 2)))
