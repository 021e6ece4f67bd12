"""What frames show, and that looking at them changes nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

import glimpse_env
from glimpse_env.frames import drawing, window
from glimpse_env.frames import frame as rendering
from glimpse_env.frames import labels as frame_labels

MARGIN = 20  # left and above the image
GREY = np.random.default_rng(0).integers(0, 256, (6, 60, 60), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (6, 20, 50, 3), dtype=np.uint8)
SEQUENCES = np.array([[3, 1, 2], [2, -1, -1], [0, 0, -1], [-1, -1, -1], [3, 3, -1], [1, 2, -1]])
TASKS: dict[str, dict[str, Any]] = {
    "grey": dict(images=GREY, labels=np.arange(6) % 4, num_classes=4, num_scales=3),
    "colour": dict(
        images=COLOUR, labels=SEQUENCES, num_classes=4, context_size=8, initial_gaze="none"
    ),
}


def make(task: str = "grey", **arguments: Any) -> gym.Env[Any, Any]:
    return gym.make("Glimpse-v0", **{"render_mode": "rgb_array", **TASKS[task], **arguments})


def make_vec(task: str = "grey", **arguments: Any) -> Any:
    arguments = {"num_envs": 3, "render_mode": "rgb_array", **TASKS[task], **arguments}
    return gym.make_vec("Glimpse-v0", **arguments).unwrapped


def play(env: gym.Env[Any, Any], seed: int = 0, render: bool = True) -> tuple[list[Any], list[Any]]:
    """What a right-answering agent with a roving eye observes in one episode, and the frames."""
    rng = np.random.default_rng(seed)
    observation, info = env.reset(seed=seed)
    observations, frames, over = [observation], [env.render()] if render else [], False
    while not over:
        gaze = rng.uniform(-1.2, 1.2, 2).astype(np.float32).clip(-1, 1)
        action = {"gaze": gaze, "label": max(0, int(info["target"]))}
        observation, _, over, _, info = env.step(action)
        observations.append(observation)
        frames += [env.render()] if render else []
    return observations, frames


def draw(**changes: Any) -> NDArray[np.uint8]:
    """A frame of a mid-grey 60 x 60 image: enlarged six times, it takes 360 x 360 pixels."""
    arguments: dict[str, Any] = {
        "image": np.full((1, 60, 60), 100),
        "glimpse": np.full((2, 12, 12), 0.5, np.float32),
        "path": np.zeros((1, 2), np.float32),
    }
    return rendering.draw_frame(**{**arguments, **changes})


def has_colour(frame: NDArray[np.uint8], colour: Sequence[int]) -> bool:
    return bool((frame == np.array(colour)).all(-1).any())


@pytest.mark.parametrize("task", TASKS)
def test_frames_of_an_episode_have_one_shape(task: str) -> None:
    _, first = play(make(task), seed=0)
    _, second = play(make(task), seed=5)
    for frame in first + second:
        assert frame.dtype == np.uint8
        assert frame.shape == first[0].shape
        assert frame.shape[2] == 3
    assert len({frame.tobytes() for frame in first}) == len(first)


@pytest.mark.parametrize("task", TASKS)
def test_frames_are_deterministic_and_alike_on_torch(task: str) -> None:
    pytest.importorskip("torch")
    _, expected = play(make(task), seed=2)
    for again in (make(task), make(task, backend="torch")):
        _, frames = play(again, seed=2)
        np.testing.assert_array_equal(frames, expected)


@pytest.mark.parametrize("task", TASKS)
def test_rendering_changes_nothing(task: str) -> None:
    watched, unwatched = make(task), make(task, render_mode=None)
    for seed in range(3):
        seen, _ = play(watched, seed)
        expected, _ = play(unwatched, seed, render=False)
        for ours, theirs in zip(seen, expected, strict=True):
            for key in theirs:
                np.testing.assert_array_equal(ours[key], theirs[key])


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_rendering_changes_nothing_in_a_vector(mode: str) -> None:
    watched, unwatched = (
        make_vec("colour", autoreset_mode=mode, render_mode=render_mode)
        for render_mode in ("rgb_array", None)
    )
    watched.reset(seed=3)
    unwatched.reset(seed=3)
    watched.action_space.seed(0)
    for _ in range(20):
        action = watched.action_space.sample()
        watched.render()
        ours, theirs = watched.step(action), unwatched.step(action)
        for key in theirs[0]:
            np.testing.assert_array_equal(ours[0][key], theirs[0][key])
        np.testing.assert_array_equal(ours[2], theirs[2])


def test_a_vector_gives_a_frame_a_row() -> None:
    envs = make_vec()
    envs.reset(seed=4)
    gaze = np.linspace(-1, 1, 6, dtype=np.float32).reshape(3, 2)
    envs.step({"gaze": gaze, "label": np.zeros(3, np.int64)})
    frames = envs.render()
    assert isinstance(frames, tuple)
    assert len(frames) == 3
    for row, frame in enumerate(frames):
        single = make()
        single.reset(seed=4 + row)
        single.step({"gaze": gaze[row], "label": 0})
        np.testing.assert_array_equal(frame, single.render())


def test_frames_belong_to_the_caller() -> None:
    env = make()
    env.reset(seed=0)
    frame: Any = env.render()
    expected = frame.copy()
    frame[:] = 0
    np.testing.assert_array_equal(env.render(), expected)


def test_boxes_are_where_the_retina_looks() -> None:
    envs = make_vec("grey", num_envs=6, glimpse_size=5, initial_gaze="center")
    observation, _ = envs.reset(seed=0, options={"index": np.arange(6)})
    rng = np.random.default_rng(0)
    for _ in range(2):
        for i, squares in enumerate(rendering.boxes(observation["location"], (60, 60), 5, 3)):
            around = np.pad(GREY[i].astype(float), 60)
            for scale, (left, top, side) in enumerate(squares + np.array([60, 60, 0])):
                covered = around[top : top + side, left : left + side]
                cells = covered.reshape(5, 2**scale, 5, 2**scale).mean((1, 3)) / 255
                np.testing.assert_allclose(observation["glimpse"][i, scale], cells, atol=1e-6)
        gaze = rng.uniform(-1, 1, (6, 2)).astype(np.float32)
        observation, *_ = envs.step({"gaze": gaze, "label": np.zeros(6, np.int64)})


def test_boxes_frame_the_pixels_they_cover() -> None:
    frame = draw()
    for scale, (first, last) in enumerate(
        [(24, 36), (18, 42)]
    ):  # 12 and 24 pixels about the middle
        near, far = MARGIN + 6 * first, MARGIN + 6 * last - 1
        for x, y in ((near, near), (far, near), (near, far), (far, far), (near, 200), (200, far)):
            assert tuple(frame[y, x]) == rendering.SCALE_COLOURS[scale]


def test_a_box_beyond_the_image_is_cut_off() -> None:
    frame = draw(path=np.array([[-1.0, -1.0]], np.float32))
    assert tuple(frame[MARGIN, MARGIN + 36 - 1]) == rendering.SCALE_COLOURS[0]
    assert tuple(frame[5, 5]) == drawing.BACKGROUND


def test_no_box_and_no_glimpse_before_the_first() -> None:
    frame = draw(path=np.zeros((0, 2)))
    image = frame[MARGIN : MARGIN + 360, MARGIN : MARGIN + 360]
    assert (image == 100).all()
    assert not has_colour(frame, (128, 128, 128))
    assert has_colour(draw(), (128, 128, 128))


def test_the_path_joins_fixations_and_fades() -> None:
    frame = draw(path=np.array([[-0.9, 0.9], [-0.3, 0.9], [0.3, 0.9], [0.9, 0.9]]))
    y = round(MARGIN + 360 * 1.9 / 2)
    dots = [frame[y + 5, round(MARGIN + 180 * (1 + x))].mean() for x in (-0.9, -0.3, 0.3, 0.9)]
    lines = [frame[y - 2 : y + 2, MARGIN + 180 + x].max() for x in (-108, 0, 108)]
    assert 100 < dots[0] < dots[1] < dots[2] < dots[3]
    assert 100 < lines[0] < lines[1] < lines[2]


def test_right_and_wrong_are_told_apart() -> None:
    right, wrong = draw(said=[("3", True)]), draw(said=[("3", False)])
    assert has_colour(right, frame_labels.RIGHT)
    assert not has_colour(right, frame_labels.WRONG)
    assert has_colour(wrong, frame_labels.WRONG)
    assert not has_colour(wrong, frame_labels.RIGHT)
    assert right.shape == wrong.shape == draw().shape


def test_the_label_said_last_is_always_shown() -> None:
    said = [("a long name", True)] * 30 + [("x", False)]
    assert has_colour(draw(said=said, labels=["a long name"] * 40), frame_labels.WRONG)


def test_the_environment_shows_its_labels() -> None:
    env = make("colour", initial_gaze="center", glimpses_per_label=1, stop_on_mistake=False)
    env.reset(seed=0, options={"index": 1})
    env.step({"gaze": np.zeros(2, np.float32), "label": 0})
    observation, *_ = env.step({"gaze": np.zeros(2, np.float32), "label": 4})
    expected = rendering.draw_frame(
        np.moveaxis(COLOUR[1], -1, 0),
        observation["glimpse"],
        observation["context"],
        path=np.zeros((2, 2)),
        labels=["2", "end"],
        said=[("0", False), ("end", True)],
    )
    np.testing.assert_array_equal(env.render(), expected)


@pytest.mark.parametrize("mode", ["next_step", "same_step"])
def test_a_new_episode_begins_a_new_path(mode: str) -> None:
    envs, fresh = (
        make_vec(initial_gaze="center", glimpses_per_label=2, autoreset_mode=mode) for _ in range(2)
    )
    _, info = envs.reset(seed=0)
    for _ in range(3 if mode == "next_step" else 2):
        action = {"gaze": np.ones((3, 2), np.float32), "label": np.zeros(3, np.int64)}
        *_, info = envs.step(action)
    fresh.reset(seed=0, options={"index": info["index"]})
    np.testing.assert_array_equal(envs.render(), fresh.render())


@pytest.mark.parametrize(
    ("shape", "glimpse_size", "num_scales"),
    [((1, 8, 8), 1, 1), ((3, 200, 300), 64, 4), ((1, 3, 900), 5, 9), ((1, 1500, 700), 800, 1)],
)
def test_frames_of_any_size_fit_a_screen(
    shape: tuple[int, ...], glimpse_size: int, num_scales: int
) -> None:
    glimpse = np.ones((num_scales * shape[0], glimpse_size, glimpse_size))
    context = np.ones((shape[0], 2, 2))
    frame = rendering.draw_frame(np.ones(shape, int), glimpse, context, path=[[0.2, 0.1]])
    assert 320 < frame.shape[0] < 900
    assert 320 < frame.shape[1] < 1200


def test_rendering_without_a_mode_warns() -> None:
    for env in (make(render_mode=None).unwrapped, make_vec(render_mode=None)):
        env.reset()
        with pytest.warns(UserWarning, match="render_mode"):
            assert env.render() is None


def test_rendering_needs_a_reset() -> None:
    with pytest.raises(gym.error.ResetNeeded, match="reset"):
        make_vec().render()


def test_opencv_is_loaded_only_to_draw() -> None:
    code = "import sys, glimpse_env.envs.reading.env; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class FakeWindow:
    """Counts what it is shown."""

    def __init__(self, name: str) -> None:
        self.name, self.open = name, True
        self.shown: list[tuple[int, float]] = []

    def show(self, frames: Sequence[Any], fps: float) -> None:
        self.shown.append((len(frames), fps))

    def close(self) -> None:
        self.open = False


def test_a_window_shows_every_reset_and_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "Window", FakeWindow)
    env: Any = make(render_mode="human").unwrapped
    env.reset(seed=0)
    for steps in range(1, 4):
        env.step({"gaze": np.zeros(2, np.float32), "label": 0})
        shown = env._vector._viewer.window.shown
        assert shown == [(1, 4)] * (1 + steps)
    assert env.render() is None
    env.close()
    assert not env._vector._viewer.window.open


def test_a_window_shows_the_first_rows_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "Window", FakeWindow)
    envs = make_vec(render_mode="human", num_envs=20)
    envs.reset(seed=0)
    assert envs._viewer.window.shown == [(window.MOST_FRAMES, 4)]
    assert envs._viewer.window.name == "Glimpse-v0"


def test_tiles_keep_every_frame_and_fit_a_screen() -> None:
    frames = [np.full((300, 400, 3), value, np.uint8) for value in (10, 20, 30)]
    picture = window.arrange(frames)
    assert picture.shape == (600, 800, 3)
    assert [picture[0, 0, 0], picture[0, -1, 0], picture[-1, 0, 0]] == [10, 20, 30]
    assert window.arrange(frames * 5).shape <= (900, 1600, 3)


needs_x = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="about X and Wayland")


@needs_x
@pytest.mark.parametrize("display", [None, ":987"])
def test_no_display_is_an_error_and_no_crash(
    monkeypatch: pytest.MonkeyPatch, display: str | None
) -> None:
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    if display:
        monkeypatch.setenv("DISPLAY", display)
    for env in (make(render_mode="human"), make_vec(render_mode="human")):
        with pytest.raises(glimpse_env.DisplayUnavailable, match=r"DISPLAY.*rgb_array"):
            env.reset(seed=0)
        env.close()


def test_opencv_without_windows_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def imshow(*_: Any) -> None:
        raise cv2.error("The function is not implemented")

    monkeypatch.setattr(window, "require_display", lambda: None)
    monkeypatch.setattr(cv2, "imshow", imshow)
    env = make(render_mode="human")
    with pytest.raises(glimpse_env.DisplayUnavailable, match="not implemented"):
        env.reset(seed=0)
    env.close()


def test_a_window_waits_only_for_something_new(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []
    monkeypatch.setattr(window, "require_display", lambda: None)
    monkeypatch.setattr(cv2, "imshow", lambda title, picture: None)
    monkeypatch.setattr(cv2, "waitKey", waits.append)
    monkeypatch.setattr(cv2, "destroyWindow", lambda title: None)
    shown = window.Window("test")
    for value in (1, 1, 2):
        shown.show([np.full((5, 5, 3), value, np.uint8)], fps=4)
    shown.close()
    assert waits == [250, 250]
