"""Every id by name: made, checked by Gymnasium, described in JSON, refused by name if misspelt."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec, registry
from gymnasium.utils.env_checker import check_env

import envs_registry
import glimpse_env

IDS = list(envs_registry.TABLE)
Keywords = Callable[[str], dict[str, Any]]
FILES_ONLY = [name for name in IDS if name != "Glimpse-v0"]  # needs no arrays

CLASSES = (
    (glimpse_env.GlimpseEnv, glimpse_env.GlimpseVectorEnv),
    (glimpse_env.CatchEnv, glimpse_env.CatchVectorEnv),
)
DESIGNED: dict[str, tuple[int, int, int, int, int, int]] = {
    # id: side, labels to choose from, glimpse size, scales, glimpses a label, context
    "GlimpseMNIST-v0": (28, 10, 8, 1, 6, 0),
    "GlimpseTranslatedMNIST-v0": (60, 10, 12, 3, 6, 0),
    "GlimpseClutteredMNIST60-v0": (60, 10, 12, 3, 6, 0),
    "GlimpseClutteredMNIST100-v0": (100, 10, 12, 4, 8, 0),
    "GlimpseMNISTPairs-v0": (100, 55, 16, 2, 4, 18),
    "GlimpseMNISTAddition-v0": (100, 19, 16, 2, 4, 18),
    "GlimpseMNISTSequence-v0": (100, 11, 12, 2, 3, 18),
    "GlimpseSVHN-v0": (54, 11, 12, 2, 3, 18),
    "GlimpseSVHN110-v0": (110, 11, 12, 2, 3, 18),
    "GlimpseHouseNumbers-v0": (54, 11, 12, 2, 3, 18),
    "GlimpseHouseNumbers110-v0": (110, 11, 12, 2, 3, 18),
}


@pytest.mark.parametrize("name", DESIGNED)
def test_the_defaults_are_those_of_the_papers(name: str, keywords_of: Keywords) -> None:
    side, labels, glimpse, scales, per_label, context = DESIGNED[name]
    envs = gym.make_vec(name, 2, **keywords_of(name))
    space = envs.single_observation_space
    assert envs.task.image_shape == (1, side, side)
    assert envs.single_action_space["label"].n == labels
    assert envs.single_action_space["gaze"].shape == (2,)
    assert space["glimpse"].shape == (scales, glimpse, glimpse)
    assert envs.rules.glimpses_per_label == per_label
    assert ("context" in space.spaces) == bool(context)
    if context:
        assert space["context"].shape == (1, context, context)


@pytest.mark.parametrize("name", IDS)
@pytest.mark.usefixtures("no_window")
def test_gymnasiums_checkers_have_nothing_to_say(name: str, keywords_of: Keywords) -> None:
    env: gym.Env[Any, Any] = gym.make(name, **keywords_of(name))  # warnings are errors
    check_env(env.unwrapped)
    assert "PassiveEnvChecker" in str(env)
    env = gym.wrappers.RecordEpisodeStatistics(env)
    env.action_space.seed(0)
    for seed in range(2):
        _, info = env.reset(seed=seed)
        over, steps = False, 0
        while not over and steps < 30:
            _, _, over, truncated, info = env.step(env.action_space.sample())
            steps += 1
            assert not truncated
        assert info["episode"]["l"] == steps
    env.close()


@pytest.mark.parametrize("name", IDS)
def test_all_ways_to_make_it_make_the_same(name: str, keywords_of: Keywords) -> None:
    keywords = keywords_of(name)
    one, other = gym.make(name, **keywords), gym.make(f"glimpse_env:{name}", **keywords)
    envs = gym.make_vec(name, 2, **keywords)
    single, batch = CLASSES[name == "GlimpseCatch-v0"]
    assert type(one.unwrapped) is type(other.unwrapped) is single
    assert type(envs) is batch
    results = [made.reset(seed=3)[0]["glimpse"] for made in (one, other)]
    np.testing.assert_array_equal(*results)
    np.testing.assert_array_equal(results[0], envs.reset(seed=3)[0]["glimpse"][0])


@pytest.mark.parametrize("name", FILES_ONLY)
def test_a_spec_survives_json(name: str, keywords_of: Keywords) -> None:
    settings = {"glimpse_size": 5, "autoreset_mode": "same_step", "initial_gaze": "center"}
    envs = gym.make_vec(name, 2, **keywords_of(name), **settings)
    spec = EnvSpec.from_json(envs.spec.to_json())
    again = gym.make_vec(spec, num_envs=2)
    assert again.metadata["autoreset_mode"] == gym.vector.AutoresetMode.SAME_STEP
    assert again.single_observation_space["glimpse"].shape[-1] == 5
    index = [made.reset(seed=9)[1]["index"] for made in (envs, again)]
    np.testing.assert_array_equal(*index)
    assert again.spec.kwargs == envs.spec.kwargs

    env = gym.make(name, **{**keywords_of(name), "split": "validation"})
    spec = EnvSpec.from_json(env.spec.to_json())
    same = gym.make(spec)
    assert same.reset(seed=1)[1]["index"] == env.reset(seed=1)[1]["index"]


@pytest.mark.parametrize("name", IDS)
def test_every_default_is_flat(name: str) -> None:
    spec = gym.spec(name)
    assert json.loads(json.dumps(spec.kwargs)) == spec.kwargs == envs_registry.TABLE[name]
    assert (spec.entry_point, spec.vector_entry_point) == envs_registry.ENTRY_POINTS[name]
    assert not spec.nondeterministic
    assert spec.max_episode_steps is None
    assert EnvSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("name", IDS)
def test_unknown_keywords_are_named(name: str, keywords_of: Keywords) -> None:
    for make in (gym.make, gym.make_vec):
        with pytest.raises(glimpse_env.InvalidArgument, match="'glimpse_sise'"):
            make(name, glimpse_sise=3, **keywords_of(name))


def test_unknown_ids_are_gymnasiums_to_refuse() -> None:
    with pytest.raises(gym.error.NameNotFound, match="GlimpseMNIST"):
        gym.make("GlimpseMNITS-v0")


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_splits_can_be_chosen(split: str, keywords_of: Keywords) -> None:
    sizes = {"train": 50_000, "validation": 10_000, "test": 10_000}
    envs = gym.make_vec("GlimpseMNIST-v0", 2, **{**keywords_of("GlimpseMNIST-v0"), "split": split})
    assert envs.task.size == sizes[split]
    envs.reset(options={"index": sizes[split] - 1})
    with pytest.raises(glimpse_env.InvalidArgument, match=str(sizes[split])):
        envs.reset(options={"index": sizes[split]})


def test_importing_twice_registers_once() -> None:
    root = Path(envs_registry.__file__).parent
    code = (
        "import warnings; warnings.simplefilter('error'); import runpy, gymnasium, glimpse_env;"
        f"runpy.run_path({str(root / 'envs_registry.py')!r});"
        "print(sum(i.startswith('Glimpse') for i in gymnasium.registry))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert int(result.stdout) == len(IDS)
    assert set(IDS) <= set(registry)
