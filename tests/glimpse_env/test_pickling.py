"""Environments that are pickled or copied in mid-episode go on as the original does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
import pytest

import envs_registry
from glimpse_env.envs.reading.env import GlimpseEnv, GlimpseVectorEnv
from glimpse_env.tasks import build


def through_shared_memory(env: Any) -> Any:
    """As Ray's arguments and joblib's memory maps arrive: in buffers that cannot be written to."""
    buffers: list[pickle.PickleBuffer] = []
    packed = pickle.dumps(env, protocol=5, buffer_callback=buffers.append)
    return pickle.loads(packed, buffers=[bytes(buffer.raw()) for buffer in buffers])


COPIES: dict[str, Callable[[Any], Any]] = {
    "pickle": lambda envs: pickle.loads(pickle.dumps(envs)),
    "shared memory": through_shared_memory,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}
Same = Callable[..., None]


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_a_batch(
    how: str, mode: str, backend: str, ragged: dict[str, Any], play: Any, same_tree: Same
) -> None:
    envs = GlimpseVectorEnv(
        4, autoreset_mode=mode, backend=backend, context_size=4, initial_gaze="none", **ragged
    )
    rng = np.random.default_rng(0)
    _, info = envs.reset(seed=6)
    for step in range(10):
        if step % 3 == 0:
            twin = COPIES[how](envs)
            after = copy.deepcopy(rng)
            infos = info
            for _ in range(12):
                action = play(after, infos, 5)
                result = envs.step(action)
                same_tree(result, twin.step(action))
                infos = result[-1]
            same_tree(envs.reset(), twin.reset())
            same_tree(envs.reset(seed=1), twin.reset(seed=1))
            # back to where the copy was made
            envs.reset(seed=6)
            rng, info = np.random.default_rng(step), envs.reset()[1]
        info = envs.step(play(rng, info, 5))[-1]


@pytest.mark.parametrize("how", COPIES)
def test_a_single_environment(
    how: str, backend: str, ragged: dict[str, Any], same_tree: Same
) -> None:
    env = GlimpseEnv(backend=backend, context_size=3, glimpses_per_label=2, **ragged)
    env.action_space.seed(0)
    env.reset(seed=1)
    for _ in range(12):
        twin = COPIES[how](env)
        for _ in range(20):
            action = env.action_space.sample()
            result = env.step(action)
            same_tree(result, twin.step(action))
            if result[2]:
                break
        same_tree(env.reset(), twin.reset())
        env.step(env.action_space.sample())


@pytest.mark.parametrize("how", ["shared memory", "copy"])
@pytest.mark.parametrize("name", envs_registry.TABLE)
def test_every_id_goes_on_by_itself(
    name: str, how: str, backend: str, keywords_of: Any, same_tree: Same
) -> None:
    """Neither what becomes of the original nor memory that is read-only disturbs a copy."""
    batch = gym.make_vec(name, 3, backend=backend, **keywords_of(name))
    single = gym.make(name, backend=backend, disable_env_checker=True, **keywords_of(name))
    for env in (batch, single.unwrapped):
        env.action_space.seed(0)
        env.reset(seed=1)
        actions = [env.action_space.sample() for _ in range(25)]
        env.step(actions[0])
        twin, third = COPIES[how](env), COPIES["pickle"](env)
        expected = [run(env, actions[1:]), run(third, actions[1:])]
        same_tree(*expected)
        same_tree(expected[0], run(twin, actions[1:]))


def run(env: Any, actions: list[Any]) -> list[Any]:
    """What these actions lead to, with a reset wherever all episodes have ended."""
    results = []
    for action in actions:
        results.append(env.step(action))
        if np.asarray(results[-1][2]).all():
            results.append(env.reset())
    return results


def test_an_environment_that_has_not_begun(backend: str, ragged: dict[str, Any]) -> None:
    envs = pickle.loads(pickle.dumps(GlimpseVectorEnv(2, backend=backend, **ragged)))
    with pytest.raises(gym.error.ResetNeeded):
        envs.step(envs.action_space.sample())
    envs.reset(seed=0)


@pytest.mark.parametrize(
    "name",
    [
        "GlimpseMNIST-v0",
        "GlimpseClutteredMNIST100-v0",
        "GlimpseHouseNumbers110-v0",
        "GlimpseSVHN110-v0",
    ],
)
def test_pixels_are_not_pickled(name: str, backend: str, keywords_of: Any, same_tree: Same) -> None:
    envs = gym.make_vec(name, 4, backend=backend, **keywords_of(name))
    envs.reset(seed=0)
    envs.step(envs.action_space.sample())
    packed = pickle.dumps(envs)
    assert len(packed) < 100_000
    twin = pickle.loads(packed)
    assert twin.spec == envs.spec
    action = envs.action_space.sample()
    same_tree(envs.step(action), twin.step(action))


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_has_the_pixels_of_its_original(how: str, ragged: dict[str, Any]) -> None:
    """Whatever has become of the arrays that it was made from."""
    given = ragged | {key: ragged[key].copy() for key in ("images", "labels")}
    envs = GlimpseVectorEnv(4, initial_gaze="center", **given)
    given["images"][:] = 0
    given["labels"][:] = 1
    twin = COPIES[how](envs)
    assert np.shares_memory(twin.task.images(slice(None)), twin._recipe["images"])
    observation, info = envs.reset(seed=3)
    same, known = twin.reset(seed=3)
    assert observation["glimpse"].any()
    np.testing.assert_array_equal(observation["glimpse"], same["glimpse"])
    np.testing.assert_array_equal(info["labels"], ragged["labels"][info["index"]])
    np.testing.assert_array_equal(info["labels"], known["labels"])


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_finds_its_files_from_another_folder(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "labels.csv").write_text("file,labels,split\na.png,1,train\nb.png,0,train\n")
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(tmp_path / name), np.full((9, 9), 200, np.uint8))
    monkeypatch.chdir(tmp_path)
    envs = GlimpseVectorEnv(2, image_folder=".", label_file="labels.csv")
    monkeypatch.chdir("/")
    build._shared.cache_clear()
    observation, _ = COPIES[how](envs).reset(seed=0)
    np.testing.assert_array_equal(observation["glimpse"], envs.reset(seed=0)[0]["glimpse"])
