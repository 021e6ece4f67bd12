"""The single environment: types, checkers, and what it adds to its row of the batch."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.utils.env_match import check_environments_match

from glimpse_env.envs.reading.env import GlimpseEnv
from glimpse_env.errors import InvalidAction, InvalidArgument, UnknownKeyword


@pytest.mark.parametrize("initial_gaze", ["none", "center", "random"])
@pytest.mark.parametrize("zoom", [False, True])
@pytest.mark.usefixtures("no_window")
def test_gymnasiums_checker_has_nothing_to_say(
    initial_gaze: str, zoom: bool, ragged: dict[str, Any], backend: str
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(
            "Glimpse-v0",
            initial_gaze=initial_gaze,
            context_size=4 * zoom,
            zoom=zoom,
            backend=backend,
            **ragged,
        )
        check_env(env.unwrapped)
        passively_checked(env)


def passively_checked(env: gym.Env[Any, Any]) -> None:
    """Play three episodes under the checker that `gym.make` puts around every environment."""
    assert "PassiveEnvChecker" in str(env)
    env.action_space.seed(0)
    for _ in range(3):
        env.reset()
        over = False
        for _ in range(30):
            *_, over, _, _ = env.step(env.action_space.sample())
            if over:
                break
        assert over


def test_the_types_are_those_of_gymnasium(ragged: dict[str, Any], backend: str) -> None:
    env = GlimpseEnv(backend=backend, context_size=3, glimpses_per_label=1, **ragged)
    observation, info = env.reset(seed=3)
    observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
    assert type(reward) is float
    assert type(terminated) is bool
    assert truncated is False
    assert observation in env.observation_space
    assert {key: type(value) for key, value in observation.items()} == {
        "glimpse": np.ndarray,
        "location": np.ndarray,
        "context": np.ndarray,
        "emit": np.int64,
    }
    assert info["labels"].shape == (3,)
    assert not any(key.startswith("_") for key in info)


def test_torch_behaves_as_numpy(ragged: dict[str, Any], torch: Any) -> None:
    first, second = (GlimpseEnv(backend=backend, **ragged) for backend in ("numpy", "torch"))
    # not "equivalence": a return is a float32 on torch and a float64 in NumPy
    check_environments_match(first, second, 60, seed=5, info_comparison="keys-equivalence")


def test_an_action_may_be_a_number_and_a_list(ragged: dict[str, Any], same_tree: Any) -> None:
    results = []
    for action in (
        {"gaze": [0.25, -0.5], "label": 2},
        {"gaze": np.array([0.25, -0.5]), "label": np.int32(2)},
        {"gaze": np.array([0.25, -0.5], np.float32), "label": np.array(2)},
    ):
        env = GlimpseEnv(**ragged)
        env.reset(seed=0)
        results.append(env.step(action))
    same_tree(results[0], results[1])
    same_tree(results[0], results[2])


@pytest.mark.parametrize(
    "action",
    [
        {"gaze": [0.0], "label": 1},
        {"gaze": [[0.0, 0.0]], "label": 1},
        {"gaze": [0.0, np.nan], "label": 1},
        {"gaze": [0.0, 0.0]},
        {"label": 1},
        {"gaze": [0.0, 0.0], "label": 1.5},
        {"gaze": [0.0, 0.0], "label": [1]},
        {"gaze": [0.0, 0.0], "label": 5},
        (0.0, 0.0, 1),
        None,
    ],
    ids=str,
)
def test_wrong_actions_are_named(action: Any, ragged: dict[str, Any], backend: str) -> None:
    env = GlimpseEnv(glimpses_per_label=1, initial_gaze="center", backend=backend, **ragged)
    env.reset(seed=0)
    with pytest.raises(InvalidAction):
        env.step(action)


def test_batch_keywords_are_refused(ragged: dict[str, Any]) -> None:
    for name, value in (("num_envs", 4), ("autoreset_mode", "disabled")):
        with pytest.raises(UnknownKeyword, match=f"{name}={value!r}.*make_vec.*vector_kwargs"):
            GlimpseEnv(**{name: value}, **ragged)
    with pytest.raises(InvalidArgument, match=r"glimpse_sise.*such as glimpse_size, task"):
        GlimpseEnv(glimpse_sise=3, **ragged)


def test_step_comes_after_reset(ragged: dict[str, Any]) -> None:
    with pytest.raises(gym.error.ResetNeeded):
        GlimpseEnv(**ragged).step({"gaze": np.zeros(2), "label": 0})


def test_a_pinned_index_is_shown(ragged: dict[str, Any]) -> None:
    env = GlimpseEnv(**ragged)
    for index in (0, 7, 15):
        _, info = env.reset(options={"index": index})
        assert info["index"] == index
        np.testing.assert_array_equal(info["labels"], ragged["labels"][index])
    for index in (16, -1, 0.5, "a"):
        with pytest.raises(InvalidArgument, match="index"):
            env.reset(options={"index": index})


def test_the_seed_of_gymnasiums_generator(ragged: dict[str, Any]) -> None:
    env = GlimpseEnv(**ragged)
    env.reset(seed=11)
    assert env.np_random_seed == 11
    before = env.np_random.bit_generator.state
    env.reset(seed=11)
    assert env.np_random.bit_generator.state == before


def test_without_a_seed_every_environment_is_another(ragged: dict[str, Any]) -> None:
    drawn = set()
    for _ in range(4):
        env = GlimpseEnv(**ragged)
        drawn.add(tuple(int(env.reset()[1]["index"]) for _ in range(10)))
    assert len(drawn) == 4


OF_A_BATCH = {"np_random", "np_random_seed", "unwrapped", "spec"}  # Gymnasium's own


def public_properties(made: type) -> set[str]:
    names = {
        name
        for one in made.__mro__
        for name, value in vars(one).items()
        if isinstance(value, property) and name[0] != "_"
    }
    return names - OF_A_BATCH


@pytest.mark.parametrize("name", ["Glimpse-v0", "GlimpseCatch-v0"])
def test_properties_of_a_batch_are_those_of_a_single_environment(
    name: str, ragged: dict[str, Any], backend: str
) -> None:
    keywords = {"backend": backend, "zoom": True} | (ragged if name == "Glimpse-v0" else {})
    envs: Any = gym.make_vec(name, 1, autoreset_mode="disabled", **keywords)
    wrapped = gym.make(name, **keywords)
    env: Any = wrapped.unwrapped
    names = public_properties(type(envs))
    assert {"size", "image_shape", "gaze_size", "num_choices", "backend_name"} < names
    assert names <= public_properties(type(env))
    same = names - {"episodes", "backend"} | {"recipe", "choice"}
    for one in same - {"task", "game"}:  # two of the same kind, from the same keywords
        assert repr(getattr(env, one)) == repr(getattr(envs, one)), one
        assert wrapped.get_wrapper_attr(one) is not None
    for one in names & {"task", "game", "episodes", "backend"}:
        assert type(getattr(env, one)) is type(getattr(envs, one))
    assert env.size == (16 if name == "Glimpse-v0" else 2**31)


def test_a_copy_tells_of_its_own_episodes(ragged: dict[str, Any]) -> None:
    env = GlimpseEnv(**ragged)
    env.reset(seed=0)
    other = copy.copy(env)
    assert other.episodes is not env.episodes and other.size == env.size
    assert other.task.num_classes == env.task.num_classes == 4
