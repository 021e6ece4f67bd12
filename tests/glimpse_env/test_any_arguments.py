"""Whatever a constructor, a reset or a step is given works, or is refused by an error of ours."""

from __future__ import annotations

import enum
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glimpse_env import CatchEnv, CatchVectorEnv, GlimpseEnv, GlimpseVectorEnv
from glimpse_env.errors import GlimpseError, MissingData
from glimpse_env.tasks.files import downloads
from glimpse_env.wrappers import (
    FlatMultiDiscreteAction,
    VectorFlatBoxAction,
    VectorFlatMultiDiscreteAction,
)

IMAGES = np.arange(5 * 9 * 8, dtype=np.uint8).reshape(5, 9, 8)
INTEGERS = [np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64]
FLOATS = [np.float16, np.float32, np.float64]


class Kind(enum.Enum):
    SOME = "same_step"


OTHERS = [
    *(None, True, False, np.True_, b"x", 1j, Kind.SOME, Kind, len, object(), Path("/"), {1, 2}),
    *(np.datetime64(3, "D"), range(3), slice(2), Ellipsis, {}, [], (), {"index": 0}, [[]]),
]


def tensors() -> list[Any]:
    torch = pytest.importorskip("torch")
    return [
        torch.tensor(3),
        torch.zeros(2, 2),
        torch.zeros(2, 2).to_sparse(),
        torch.zeros(2, 2, device="meta"),
        torch.zeros(2, 2, requires_grad=True),
        torch.device("cpu"),
        torch.float32,
    ]


def anything() -> st.SearchStrategy[Any]:
    """Values of every kind that has been passed by somebody somewhere."""
    number = st.integers(-3, 9)
    huge = st.sampled_from([2**31 - 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30, -(2**70)])
    numpys = st.builds(
        lambda kind, value: kind(value), st.sampled_from(INTEGERS), st.integers(0, 9)
    )
    floats = st.builds(lambda kind, value: kind(value), st.sampled_from(FLOATS), st.floats(-4, 4))
    words = st.sampled_from(
        ["", "\0", "\ud800", "~", "~nobody", "/", "a\0b", "None", "cpu", "meta", "cuda:77", "torch"]
    )
    shape = st.sampled_from([(), (1,), (2,), (3,), (2, 2), (0,), (5,), (5, 1)])
    arrays = st.builds(np.zeros, shape, st.sampled_from([*INTEGERS, *FLOATS, bool, object, "U3"]))
    others = st.sampled_from([*OTHERS, *tensors()])
    return st.one_of(
        number,
        huge,
        numpys,
        floats,
        st.floats(),
        st.text(max_size=4),
        words,
        arrays,
        others,
        st.lists(number, max_size=3),
    )


CHOSEN: dict[str, list[Any]] = {  # what works, so that not all is refused at the first look
    "num_envs": [1, 2, 3, np.uint64(3), np.int8(2)],
    "glimpse_size": [1, 4, np.uint8(3)],
    "num_scales": [1, 3, np.uint32(3)],
    "glimpses_per_label": [0, 1, np.uint16(2)],
    "max_glimpses": [None, np.int16(2)],
    "glimpse_cost": [0, 0.5, np.float16(0.5)],
    "context_size": [0, np.uint8(3)],
    "initial_gaze": ["none", "center"],
    "autoreset_mode": ["same_step", "SameStep", gym.vector.AutoresetMode.DISABLED],
    "backend": ["numpy", "torch"],
    "device": ["cpu"],
    "split": ["train", "test"],
    "screen_size": [9, np.uint8(20)],
    "num_classes": [4, np.uint8(5)],
    "image_size": [0, 7, np.uint16(7), 54, np.int16(60)],
    "canvas_size": [28, np.uint8(60), 100],
    "min_digits": [1, np.uint8(2)],
    "max_digits": [1, 2, np.int8(3)],
    "num_distractors": [0, np.uint8(2)],
    "distractor_size": [8, np.int8(8)],
    "layout": ["independent", "apart", "slope"],
    "target": ["digit", "sum", "combination", "sequence"],
    "num_images": [1, np.uint8(3)],
    "color": [True, np.False_, 1],
    "background": [0, np.uint8(255)],
    "max_pixels": [10**6, np.uint32(10**6)],
    "gaze_bins": [3, np.uint8(9)],
    "action": ["box", "multidiscrete", "discrete"],
}
EYE = "num_envs num_scales glimpse_size context_size initial_gaze split autoreset_mode".split()
EYE += "backend device render_mode zoom".split()
READING = [*EYE, *"glimpses_per_label max_glimpses glimpse_cost stop_on_mistake backward".split()]
READING += ["data_dir", "task", "no_such_keyword"]
DIGITS = "canvas_size min_digits max_digits layout num_distractors distractor_size target".split()
HOUSES = "image_size min_digits max_digits color num_images".split()
FILES = "image_folder label_file image_size color background max_pixels outside_folder".split()
SMALL = {"glimpse_size": 3, "num_scales": 2}


def drawn(data: st.DataObject, names: list[str]) -> dict[str, Any]:
    """Values for a few of these keywords, strange ones and good ones."""
    chosen = data.draw(st.lists(st.sampled_from(names), max_size=3, unique=True))
    return {
        name: data.draw(st.one_of(st.sampled_from(CHOSEN.get(name, [None])), anything()), name)
        for name in chosen
    }


def try_out(env: Any) -> None:
    """What was not refused must work: ten steps, and a spec that is JSON."""
    assert all(type(getattr(env, name, 0)) is int for name in ("num_envs", "size", "num_choices"))
    env.action_space.seed(0)
    observation, _ = env.reset(seed=0)
    assert {type(side) for part in observation.values() for side in part.shape} <= {int}
    for _ in range(4):
        env.step(env.action_space.sample())


def attempt(make: Callable[..., Any], keywords: dict[str, Any]) -> None:
    try:
        env = make(**keywords)
    except GlimpseError as error:
        assert str(error)
        return
    try_out(env)


fuzz = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(autouse=True)
def quiet(recwarn: pytest.WarningsRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Warnings are no errors here, no home is anybody's, and nothing can be downloaded."""

    def unreachable(source: downloads.Source, *_: Any) -> Path:
        raise MissingData(f"{source.folder} cannot be downloaded")

    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.setattr(downloads, "_download", unreachable)


@pytest.mark.parametrize("env_class", [GlimpseVectorEnv, GlimpseEnv])
@fuzz
@given(data=st.data())
def test_environments_of_arrays(env_class: Any, data: st.DataObject) -> None:
    names = [*READING, "images", "labels", "num_classes"]
    given_arrays = {"images": IMAGES, "labels": np.arange(5) % 4, "num_classes": 4}
    attempt(env_class, SMALL | given_arrays | drawn(data, names))


@pytest.mark.parametrize("env_class", [CatchVectorEnv, CatchEnv])
@fuzz
@given(data=st.data())
def test_games(env_class: Any, data: st.DataObject) -> None:
    attempt(env_class, {"screen_size": 9} | SMALL | drawn(data, [*EYE, "screen_size", "task"]))


@pytest.mark.parametrize("task", ["mnist", "house_numbers", "svhn", "image_folder"])
@fuzz
@given(data=st.data())
def test_tasks(
    task: str,
    data: st.DataObject,
    synthetic_mnist: Path,
    synthetic_svhn: Path,
    own_images: tuple[Path, Path],
) -> None:
    names = {
        "mnist": [*READING, *DIGITS],
        "house_numbers": [*READING, *HOUSES],
        "svhn": [*READING, *HOUSES, "border", "extra"],
        "image_folder": [*READING, *FILES, "num_classes"],
    }[task]
    given_files = {
        "mnist": {"data_dir": str(synthetic_mnist)},
        "house_numbers": {"num_images": 3},
        "svhn": {"data_dir": str(synthetic_svhn)},
        "image_folder": {"image_folder": own_images[0], "label_file": str(own_images[1])},
    }[task]
    attempt(GlimpseVectorEnv, {"task": task} | SMALL | given_files | drawn(data, names))


@fuzz
@given(data=st.data())
def test_adapters(data: st.DataObject) -> None:
    pytest.importorskip("stable_baselines3")
    from glimpse_env.sb3 import GlimpseExtractor, GlimpseVecEnv

    single = gym.make("GlimpseCatch-v0", screen_size=9)
    batch = gym.make_vec("GlimpseCatch-v0", 2, screen_size=9)
    space = batch.single_observation_space
    makers: list[tuple[Callable[..., Any], dict[str, Any], list[str]]] = [
        (GlimpseVecEnv, {"env": "GlimpseCatch-v0"}, [*EYE, "gaze_bins", "action", "screen_size"]),
        (FlatMultiDiscreteAction, {"env": single}, ["gaze_bins"]),
        (VectorFlatMultiDiscreteAction, {"env": batch}, ["gaze_bins"]),
        (VectorFlatBoxAction, {"env": batch}, ["no_keyword_at_all"]),
        (
            GlimpseExtractor,
            {"observation_space": space, "features": 4, "channels": 2},
            ["features", "channels", "observation_space"],
        ),
    ]
    make, keywords, names = data.draw(st.sampled_from(makers))
    chosen = drawn(data, names)
    if make is VectorFlatBoxAction:
        chosen = {}
    try:
        made = make(**keywords | chosen)
    except GlimpseError as error:
        assert str(error)
        return
    if hasattr(made, "reset"):
        made.reset()


@pytest.mark.parametrize("single", [False, True])
@fuzz
@given(data=st.data())
def test_resets_and_steps(single: bool, backend: str, data: st.DataObject) -> None:
    keywords = {"images": IMAGES, "labels": np.arange(5) % 4, "num_classes": 4, "backend": backend}
    env: Any = GlimpseEnv(**keywords) if single else GlimpseVectorEnv(2, **keywords)
    env.reset(seed=0)
    options = {name: anything() for name in ("index", "reset_mask", "mask")}
    seed = data.draw(st.one_of(st.none(), anything(), st.lists(anything(), max_size=3)), "seed")
    chosen = data.draw(
        st.one_of(st.none(), anything(), st.fixed_dictionaries({}, optional=options)), "options"
    )
    action = data.draw(
        st.one_of(
            anything(),
            st.fixed_dictionaries({}, optional={"gaze": anything(), "label": anything()}),
        ),
        "action",
    )
    for act in (lambda: env.reset(seed=seed, options=chosen), lambda: env.step(action)):
        try:
            act()
        except GlimpseError as error:
            assert str(error)
    env.reset(seed=0)
    env.step(env.action_space.sample())
