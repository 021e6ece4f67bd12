"""Whatever is passed to `step` is played or refused by name, and a refusal changes nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from glimpse_env.envs.reading.env import GlimpseEnv, GlimpseVectorEnv
from glimpse_env.errors import InvalidAction

NUMBER = 3
RIGHT = {"gaze": np.zeros((NUMBER, 2), np.float32), "label": np.array([2, 0, 3])}


def make(backend: str, **arguments: Any) -> GlimpseVectorEnv:
    envs = GlimpseVectorEnv(
        NUMBER,
        images=np.arange(3 * 64, dtype=np.uint8).reshape(3, 8, 8),
        labels=RIGHT["label"],
        num_classes=4,
        glimpse_size=3,
        num_scales=2,
        glimpses_per_label=2,
        initial_gaze="center",
        **{"backend": backend, "autoreset_mode": "disabled", **arguments},
    )
    envs.reset(seed=0, options={"index": np.arange(3)})
    return envs


shapes = st.sampled_from([(NUMBER, 2), (NUMBER,), (2,), (), (NUMBER, 3), (NUMBER, 1, 2), (0, 2)])
dtypes = st.sampled_from(["f2", "f4", "f8", "i8", "u1", "u8", "?", "c8", "U2", "M8[s]", "O"])
anything = st.one_of(
    dtypes.flatmap(lambda dtype: arrays.arrays(dtype, shapes, elements=elements(dtype))),
    st.none(),
    st.text(max_size=3),
    st.integers(),
    st.lists(st.one_of(st.floats(), st.integers(), st.none(), st.lists(st.floats())), max_size=4),
)


def elements(dtype: str) -> Any:
    """Values for an array; objects are numbers or None."""
    return st.one_of(st.none(), st.integers(0, 3)) if dtype == "O" else None


def gaze_is_good(gaze: Any) -> bool:
    """Whether a gaze must be played: real, finite, of the right shape."""
    array = as_array(gaze)
    good = array is not None and array.dtype.kind in "fiu" and array.shape == (NUMBER, 2)
    with np.errstate(over="ignore"):  # numbers beyond float32 are as good as infinite
        return bool(good and np.isfinite(array.astype(np.float32)).all())


def label_is_good(label: Any) -> bool:
    """Whether labels must be judged: integers in the label space, one a row."""
    array = as_array(label)
    good = array is not None and array.dtype.kind in "iu" and array.shape == (NUMBER,)
    return bool(good and (array >= 0).all() and (array < 4).all())


def as_array(values: Any) -> Any:
    """`values` as an array, or None if NumPy makes none of them."""
    try:
        return np.asarray(values)
    except ValueError:
        return None


@settings(max_examples=150, deadline=None)
@given(backend=st.sampled_from(["numpy", "torch"]), gaze=anything, label=anything)
@pytest.mark.usefixtures("torch")
def test_nonsense_is_refused_and_changes_nothing(backend: str, gaze: Any, label: Any) -> None:
    for action, good in (
        ({"gaze": gaze, "label": RIGHT["label"]}, gaze_is_good(gaze)),
        ({"gaze": RIGHT["gaze"], "label": label}, label_is_good(label)),
    ):
        envs, untouched = make(backend), make(backend)
        for one in (envs, untouched):
            one.step(RIGHT)
        try:
            observation, *_ = envs.step(action)
        except InvalidAction:
            assert not good
            assert_equal(envs.step(RIGHT), untouched.step(RIGHT))
            continue
        for key, value in observation.items():
            assert np.asarray(value) in envs.observation_space[key]


def assert_equal(result: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    """Two returns of `step` are equal."""
    for key, value in expected[0].items():
        np.testing.assert_array_equal(np.asarray(result[0][key]), np.asarray(value))
    for value, other in zip(result[1:4], expected[1:4], strict=True):
        np.testing.assert_array_equal(np.asarray(value), np.asarray(other))
    assert result[4].keys() == expected[4].keys()


gazes = st.floats(-3.4e38, 3.4e38)


@settings(max_examples=60, deadline=None)
@given(
    backend=st.sampled_from(["numpy", "torch"]),
    dtype=st.sampled_from([np.float32, np.float64]),
    gaze=st.tuples(gazes, gazes),
)
@pytest.mark.usefixtures("torch")
def test_finite_gazes_are_clipped(backend: str, dtype: Any, gaze: tuple[float, float]) -> None:
    array = np.array([gaze] * NUMBER, dtype)
    observation, *_ = make(backend).step({**RIGHT, "gaze": array})
    expected = np.clip(array, -1, 1).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(observation["location"]), expected)


WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nan": lambda action: {**action, "gaze": np.full((NUMBER, 2), np.nan)},
    "infinity": lambda action: {**action, "gaze": np.array([[0, 0], [0, np.inf], [0, 0]])},
    "label": lambda action: {**action, "label": np.array([0, 4, 0])},
    "negative": lambda action: {**action, "label": np.array([0, 0, -1])},
    "float labels": lambda action: {**action, "label": np.zeros(NUMBER)},
    "columns": lambda action: {**action, "gaze": np.zeros((NUMBER, 3))},
    "rows": lambda action: {**action, "label": np.zeros(NUMBER + 1, int)},
    "no gaze": lambda action: {"label": action["label"]},
    "no label": lambda action: {"gaze": action["gaze"]},
    "array": lambda action: np.zeros((NUMBER, 3)),
    "string": lambda action: {**action, "gaze": [["a", "b"]] * NUMBER},
    "ragged": lambda action: {**action, "label": [[1], [1, 2], []]},
    "huge": lambda action: {**action, "label": [2**70, 0, 0]},
}


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
@pytest.mark.parametrize("how", WRONG)
def test_an_error_leaves_the_state_as_it_was(how: str, mode: str, backend: str) -> None:
    rollouts = []
    for trouble in (False, True):
        envs = make(backend, autoreset_mode=mode)
        results: list[Any] = []
        for _ in range(5):
            if trouble and how not in ("label", "negative"):
                with pytest.raises(InvalidAction):
                    envs.step(WRONG[how](RIGHT))
            elif trouble and results and np.asarray(results[-1][0]["emit"]).any():
                with pytest.raises(InvalidAction):  # read only where it is due
                    envs.step(WRONG[how](RIGHT))
            results.append(envs.step(RIGHT))
        rollouts.append(results)
    for result, expected in zip(*rollouts, strict=True):
        assert_equal(result, expected)


def test_the_message_names_the_value(backend: str) -> None:
    for how, words in (("nan", "nan"), ("columns", r"\(3, 3\)"), ("float labels", "float64")):
        with pytest.raises(InvalidAction, match=words):
            make(backend).step(WRONG[how](RIGHT))
    envs = make(backend)
    envs.step(RIGHT)
    with pytest.raises(InvalidAction, match=r"0 \.\. 3.*4"):
        envs.step(WRONG["label"](RIGHT))


def test_one_wrong_value_among_thousands_is_named(backend: str) -> None:
    images, labels = np.zeros((1, 8, 8), np.uint8), np.zeros(1, int)
    arrays = {"images": images, "labels": labels, "num_classes": 4}
    envs = GlimpseVectorEnv(3000, **arrays, backend=backend, glimpses_per_label=1)
    envs.reset(seed=0)
    gaze, label = np.zeros((3000, 2)), np.zeros(3000, int)
    label[1234] = 77
    with pytest.raises(InvalidAction, match=r"not 77 at \[1234\]"):
        envs.step({"gaze": gaze, "label": label})
    gaze[2345, 1] = np.nan
    with pytest.raises(InvalidAction, match=r"not nan at \[2345, 1\]"):
        envs.step({"gaze": gaze, "label": label})


def test_arrays_however_they_lie_in_memory_are_fine(backend: str) -> None:
    rng = np.random.default_rng(0)
    gaze, label = rng.uniform(-1, 1, (NUMBER, 2)), RIGHT["label"]
    expected = make(backend).step({"gaze": gaze, "label": label})
    turned = np.ascontiguousarray(gaze[:, ::-1])[:, ::-1]  # as (row, column) becomes (x, y)
    for same in (turned, gaze.astype(">f8"), np.asfortranarray(gaze)):
        swapped = label.astype(">i4")
        assert_equal(make(backend).step({"gaze": same, "label": swapped}), expected)


def test_the_action_is_not_changed(backend: str) -> None:
    action = {"gaze": np.full((NUMBER, 2), 5.0, np.float32), "label": np.array([1, 2, 3])}
    before = copy.deepcopy(action)
    envs = make(backend)
    observation, *_ = envs.step(action)
    for key, value in action.items():
        np.testing.assert_array_equal(value, before[key])
    assert not np.shares_memory(np.asarray(observation["location"]), action["gaze"])


def test_a_read_only_action_is_fine(backend: str) -> None:
    action = copy.deepcopy(RIGHT)
    for value in action.values():
        value.setflags(write=False)
    envs = make(backend)
    envs.step(action)
    mask = np.array([True, False, True])
    mask.setflags(write=False)
    envs.reset(options={"reset_mask": mask, "index": 1})


def test_no_gradient_flows_through_an_environment(torch: Any, ragged: dict[str, Any]) -> None:
    envs = GlimpseVectorEnv(2, backend="torch", render_mode="rgb_array", **ragged)
    envs.reset(seed=0)
    gaze = torch.zeros(2, 2, requires_grad=True) * 1
    observation, *_ = envs.step({"gaze": gaze, "label": torch.zeros(2, dtype=torch.int64)})
    assert not any(value.requires_grad for value in observation.values())
    copy.deepcopy(envs)


def test_a_gradient_is_refused_where_arrays_are_numpys(torch: Any, ragged: dict[str, Any]) -> None:
    gaze = torch.zeros(2, requires_grad=True)
    env = GlimpseEnv(**ragged)
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match="grad"):
        env.step({"gaze": gaze, "label": 0})
    envs = GlimpseVectorEnv(1, **ragged)
    envs.reset(seed=0)
    with pytest.raises(InvalidAction, match="grad"):
        envs.step({"gaze": gaze[None], "label": np.zeros(1, int)})
