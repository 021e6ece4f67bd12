"""Flat actions: what the numbers mean, in single and vector environments, on both backends."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from glimpse_env.backend import make_backend
from glimpse_env.errors import InvalidAction, InvalidArgument
from glimpse_env.testing import check_vector_env
from glimpse_env.wrappers import (
    FlatBoxAction,
    FlatDiscreteAction,
    FlatMultiDiscreteAction,
    VectorFlatBoxAction,
    VectorFlatDiscreteAction,
    VectorFlatMultiDiscreteAction,
)
from glimpse_env.wrappers.flat_actions import BoxActions, MultiDiscreteActions, flat_actions

SINGLE = {
    "box": FlatBoxAction,
    "multidiscrete": FlatMultiDiscreteAction,
    "discrete": FlatDiscreteAction,
}
VECTOR = {
    "box": VectorFlatBoxAction,
    "multidiscrete": VectorFlatMultiDiscreteAction,
    "discrete": VectorFlatDiscreteAction,
}


@pytest.mark.parametrize("bins", [1, 2, 5, 9])
def test_grid_cells_against_a_loop(bins: int, backend: str) -> None:
    """Every cell is looked at in its middle: measured in cells, half a cell from its left edge."""
    flat = MultiDiscreteActions("label", 3, 2, bins)
    made = make_backend(backend, "cpu")
    actions = np.array([[x, y, c] for x in range(bins) for y in range(bins) for c in range(3)])
    found = flat.decode(made, actions, (len(actions),))
    gaze, label = made.to_numpy(found["gaze"]), made.to_numpy(found["label"])
    assert gaze.dtype == np.float32
    for (x, y, choice), looked, said in zip(actions.tolist(), gaze, label, strict=True):
        in_cells = (looked.astype(float) + 1) / 2 * bins
        np.testing.assert_allclose(in_cells, [x + 0.5, y + 0.5], atol=1e-6)
        assert said == choice
    assert len(np.unique(gaze, axis=0)) == bins**2
    assert not bins % 2 or [0, 0] in gaze.tolist()


@pytest.mark.parametrize("kind", ["multidiscrete", "discrete"])
def test_a_step_makes_no_spaces(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    space = spaces.Dict(gaze=spaces.Box(-1, 1, (2,)), label=spaces.Discrete(5))
    flat, backend = flat_actions(kind, space, 3), make_backend("numpy", "cpu")
    actions = np.array([flat.space.sample() for _ in range(4)])
    for name in ("Space", "Discrete", "MultiDiscrete"):
        monkeypatch.setattr(f"gymnasium.spaces.{name}", None)
    assert flat.decode(backend, actions, (4,))["label"].shape == (4,)


def test_a_zoom_is_one_more_column_of_cells(ragged: dict[str, Any]) -> None:
    env = FlatMultiDiscreteAction(gym.make("Glimpse-v0", zoom=True, **ragged), gaze_bins=4)
    assert env.action_space == spaces.MultiDiscrete([4, 4, 4, 5])
    action = env.action(np.array([0, 1, 3, 2]))
    np.testing.assert_array_equal(action["gaze"], np.float32([-0.75, -0.25, 0.75]))
    assert action["label"] == 2
    assert FlatBoxAction(gym.make("Glimpse-v0", zoom=True, **ragged)).action_space.shape == (3 + 5,)


def test_numbers_are_the_parts_counted_through(backend: str) -> None:
    made = make_backend(backend, "cpu")
    space = spaces.Dict(gaze=spaces.Box(-1, 1, (3,)), label=spaces.Discrete(5))
    flat, parts = (flat_actions(kind, space, 4) for kind in ("discrete", "multidiscrete"))
    number = np.arange(4 * 4 * 4 * 5)
    columns = np.stack(np.unravel_index(number, (4, 4, 4, 5)), 1)
    found, expected = (
        flat.decode(made, number, number.shape),
        parts.decode(made, columns, number.shape),
    )
    for key, values in expected.items():
        np.testing.assert_array_equal(made.to_numpy(found[key]), made.to_numpy(values))
    for wrong in (-1, len(number)):
        with pytest.raises(InvalidAction, match=r"0 \.\. 319"):
            flat.decode(made, np.full(2, wrong), (2,))
    with pytest.raises(InvalidArgument, match="can be numbered"):
        flat_actions("discrete", spaces.Dict({**space.spaces, "label": spaces.Discrete(8)}), 2**20)


def test_both_backends_look_at_the_same_points(torch: Any) -> None:
    for bins in range(1, 40):
        flat = MultiDiscreteActions("label", 1, 2, bins)
        actions = np.stack([np.arange(bins), np.arange(bins), np.zeros(bins, int)], 1)
        one, other = (
            make_backend(name, "cpu").to_numpy(
                flat.decode(make_backend(name, "cpu"), actions, (bins,))["gaze"]
            )
            for name in ("numpy", "torch")
        )
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("size", [2, 3])
def test_the_highest_score_is_said(size: int, backend: str) -> None:
    rng, made = np.random.default_rng(0), make_backend(backend, "cpu")
    actions = rng.normal(size=(50, size + 7)).astype(np.float32)
    found = BoxActions("move", 7, size).decode(made, actions, (50,))
    for row, gaze, move in zip(
        actions.tolist(), made.to_numpy(found["gaze"]), made.to_numpy(found["move"]), strict=True
    ):
        assert gaze.tolist() == row[:size]
        assert move == row[size:].index(max(row[size:]))


def test_clipping_to_the_bounds_favours_no_label() -> None:
    """What a fresh Gaussian policy says; with scores held to -1 .. 1 it would mostly say 0."""
    flat = BoxActions("label", 10, 2)
    noise = np.random.default_rng(0).normal(size=(20_000, 12)).astype(np.float32)
    numpy = make_backend("numpy", "cpu")

    def chance_of_0(low: Any, high: Any) -> float:
        clipped = np.clip(noise, low, high)
        return float((flat.decode(numpy, clipped, (len(noise),))["label"] == 0).mean())

    assert chance_of_0(flat.space.low, flat.space.high) == pytest.approx(0.1, abs=0.01)
    assert chance_of_0(-1, 1) > 0.15


@pytest.mark.parametrize("kind", SINGLE)
def test_a_wrapped_environment_plays_as_with_dictionaries(
    kind: str, ragged: dict[str, Any], same_tree: Any
) -> None:
    plain = gym.make("Glimpse-v0", context_size=3, glimpses_per_label=1, **ragged)
    flat = SINGLE[kind](gym.make("Glimpse-v0", context_size=3, glimpses_per_label=1, **ragged))
    flat.action_space.seed(0)
    same_tree(plain.reset(seed=1), flat.reset(seed=1))
    over, episodes = False, 0
    while episodes < 4:
        if over:
            episodes += 1
            same_tree(plain.reset(), flat.reset())
        numbers = flat.action_space.sample()
        if kind == "box":
            action = {"gaze": numbers[:2], "label": int(np.argmax(numbers[2:]))}
        else:
            parts = np.array(
                np.unravel_index(numbers, (9, 9, 5)) if kind == "discrete" else numbers
            )
            action = {"gaze": (2 * parts[:2] + 1) / 9 - 1, "label": int(parts[2])}
        expected = plain.step(action)
        same_tree(expected, flat.step(numbers))
        assert flat.action(numbers) in plain.action_space
        over = expected[2]


@pytest.mark.parametrize("kind", SINGLE)
def test_single_environments_can_be_made_again(kind: str, ragged: dict[str, Any]) -> None:
    env = SINGLE[kind](gym.make("Glimpse-v0", **ragged))
    again = gym.make(env.spec)
    assert isinstance(again, SINGLE[kind]) and again.action_space == env.action_space
    grid = FlatMultiDiscreteAction(gym.make("Glimpse-v0", **ragged), gaze_bins=4)
    assert gym.make(grid.spec).action_space == spaces.MultiDiscrete([4, 4, 5])
    numbered = FlatDiscreteAction(gym.make("Glimpse-v0", **ragged), gaze_bins=4)
    assert gym.make(numbered.spec).action_space == spaces.Discrete(4 * 4 * 5)


@pytest.mark.parametrize("kind", SINGLE)
@pytest.mark.parametrize("name", ["Glimpse-v0", "GlimpseCatch-v0"])
def test_wrapped_batches_keep_the_rules(
    kind: str, name: str, backend: str, keywords_of: Any
) -> None:
    for mode in ("next_step", "same_step", "disabled"):
        keywords = keywords_of(name) | {"zoom": name == "Glimpse-v0"}
        envs = gym.make_vec(name, 3, backend=backend, autoreset_mode=mode, **keywords)
        flat = VECTOR[kind](envs)
        assert flat.autoreset_mode == envs.autoreset_mode
        check_vector_env(flat, steps=12)


def test_a_batch_of_single_environments_can_be_wrapped(ragged: dict[str, Any]) -> None:
    envs = gym.make_vec("Glimpse-v0", 2, vectorization_mode="sync", **ragged)
    native = gym.make_vec("Glimpse-v0", 2, **ragged)
    wrapped = [VectorFlatMultiDiscreteAction(one, gaze_bins=3) for one in (envs, native)]
    seen = []
    for flat in wrapped:
        flat.reset(seed=0)
        seen.append(flat.step(np.array([[0, 1, 2], [2, 2, 0]]))[0]["glimpse"])
    np.testing.assert_array_equal(*seen)


def test_wrapped_batches_are_pickled_in_the_middle(ragged: dict[str, Any], same_tree: Any) -> None:
    flat = VectorFlatBoxAction(gym.make_vec("Glimpse-v0", 3, **ragged))
    flat.reset(seed=0)
    flat.action_space.seed(0)
    flat.step(flat.action_space.sample())
    again = pickle.loads(pickle.dumps(flat))
    for _ in range(8):
        action = flat.action_space.sample()
        same_tree(flat.step(action), again.step(action))


@pytest.mark.parametrize(
    "actions",
    [
        np.zeros((2, 3), int),
        np.zeros((3, 4), int),
        np.zeros(3, int),
        np.zeros((3, 3)),
        [[0, 0, 5]] * 3,
        [[0, 9, 0]] * 3,
        [[-1, 0, 0]] * 3,
        "nothing",
        None,
    ],
)
def test_bad_integers_are_named(actions: Any, ragged: dict[str, Any], backend: str) -> None:
    flat = VectorFlatMultiDiscreteAction(gym.make_vec("Glimpse-v0", 3, backend=backend, **ragged))
    flat.reset(seed=0)
    with pytest.raises(InvalidAction, match="flat action"):
        flat.step(actions)
    flat.step(np.array([[8, 0, 4]] * 3))  # nothing is broken


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        (np.zeros(6), "shape"),
        (np.zeros((1, 7)), "shape"),
        (np.array(["x"] * 7), "real numbers"),
        ([0, 0, 1, 2, np.nan, 3, 4], "scores must be finite"),
        ([np.inf, 0, 1, 2, 3, 4, 5], "gaze"),
    ],
)
def test_bad_numbers_are_named(actions: Any, message: str, ragged: dict[str, Any]) -> None:
    env = FlatBoxAction(gym.make("Glimpse-v0", **ragged))
    env.reset(seed=0)
    with pytest.raises(InvalidAction, match=message):
        env.step(actions)


@pytest.mark.parametrize("bins", [0, -3, 2.5, True])
def test_a_grid_needs_cells(bins: Any, ragged: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=f"gaze_bins={bins}"):
        FlatMultiDiscreteAction(gym.make("Glimpse-v0", **ragged), gaze_bins=bins)


def test_only_glimpse_environments_have_flat_actions() -> None:
    with pytest.raises(InvalidArgument, match="has no gaze"):
        FlatBoxAction(gym.make("CartPole-v1"))
    with pytest.raises(InvalidArgument, match="has no gaze"):
        VectorFlatMultiDiscreteAction(gym.make_vec("CartPole-v1", 2))
    gaze = spaces.Box(-1, 1, (2,))
    several = {"gaze": gaze, "label": spaces.Discrete(2), "move": spaces.Discrete(2)}
    for parts in ({"gaze": gaze}, {"gaze": gaze, "label": gaze}, several):
        with pytest.raises(InvalidArgument, match="has no gaze"):
            flat_actions("box", spaces.Dict(parts))
    with pytest.raises(InvalidArgument, match="'continuous' is unknown"):
        flat_actions("continuous", spaces.Dict({"gaze": gaze, "label": spaces.Discrete(2)}))
