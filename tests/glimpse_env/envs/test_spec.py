"""The spec of an environment: it makes the same one again, and copies of it cost nothing."""

from __future__ import annotations

import copy
import json
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

import glimpse_env  # noqa: F401
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.own_images.shared_array import SharedArray, is_mapped

SIDE = 60


def arrays(number: int = 2000) -> dict[str, Any]:
    images = np.random.default_rng(0).integers(0, 256, (number, SIDE, SIDE), dtype=np.uint8)
    return {"images": images, "labels": np.arange(number) % 7, "num_classes": 7}


def test_images_are_held_once_whatever_asks_for_the_spec() -> None:
    given = arrays()
    size = given["images"].nbytes
    tracemalloc.start()
    env: Any = gym.make("Glimpse-v0", **given)
    for _ in range(3):
        env = gym.wrappers.TimeLimit(env, 5)
    specs = [env.spec, copy.deepcopy(env.spec), copy.deepcopy(env).spec]
    others = [gym.make(spec) for spec in specs]
    taken, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < taken < peak < 1.5 * size
    held = {id(spec.kwargs["images"]) for spec in specs}
    assert len(held) == 1
    observation = env.reset(seed=0)[0]
    for other in others:
        np.testing.assert_array_equal(other.reset(seed=0)[0]["glimpse"], observation["glimpse"])


def test_a_batch_can_be_made_from_its_spec() -> None:
    envs = gym.make_vec("Glimpse-v0", 3, **arrays(20))
    again = gym.make_vec(envs.spec)  # type: ignore[arg-type]
    assert again.num_envs == 3 and again.spec == envs.spec
    assert again.spec.kwargs["images"].array is envs.spec.kwargs["images"].array  # type: ignore
    np.testing.assert_array_equal(
        again.reset(seed=1)[0]["glimpse"], envs.reset(seed=1)[0]["glimpse"]
    )


def test_specs_with_arrays_compare() -> None:
    env, other = (gym.make("Glimpse-v0", **arrays(20)) for _ in range(2))
    different = gym.make("Glimpse-v0", **arrays(21))
    assert env.spec == other.spec == pickle.loads(pickle.dumps(env.spec)) != different.spec
    assert len(pickle.dumps(env)) < 20 * SIDE * SIDE + 20_000  # with its spec


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_json_of_arrays_says_what_to_do(make: Any) -> None:
    spec = make("Glimpse-v0", **arrays(20)).spec
    with pytest.raises(InvalidArgument, match=r"images and labels are arrays.*spec\.kwargs"):
        spec.to_json()
    del spec.kwargs["images"], spec.kwargs["labels"]
    again = EnvSpec.from_json(spec.to_json())
    assert again.kwargs["num_classes"] == 7
    assert make(again, **arrays(20)).unwrapped.size == 20


def test_all_else_is_plain() -> None:
    mode = AutoresetMode.SAME_STEP
    envs = gym.make_vec(
        "GlimpseCatch-v0", np.int64(3), autoreset_mode=mode, screen_size=np.int64(9)
    )
    spec = EnvSpec.from_json(envs.spec.to_json())  # type: ignore[union-attr]
    again = gym.make_vec(spec)
    assert again.metadata["autoreset_mode"] == mode and again.num_envs == 3
    assert json.loads(envs.spec.to_json())["kwargs"]["screen_size"] == 9  # type: ignore[union-attr]


def test_mapped_images_are_never_read_as_a_whole(tmp_path: Path) -> None:
    given = arrays() | {"images": np.zeros((2000, SIDE, SIDE, 3), np.uint8)}
    np.save(tmp_path / "images.npy", given["images"])
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    tracemalloc.start()
    env = gym.make_vec("Glimpse-v0", 2, **given | {"images": mapped})
    twin = pickle.loads(pickle.dumps(env))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < mapped.nbytes / 4
    assert is_mapped(twin.spec.kwargs["images"].array)
    assert np.shares_memory(env.unwrapped.task.images(slice(None)), mapped)  # type: ignore


def test_environments_and_registered_ids_can_share_arrays(monkeypatch: Any) -> None:
    given = arrays(20)
    given["images"] = SharedArray("images", given["images"])
    monkeypatch.setattr("gymnasium.envs.registration.registry", dict(gym.registry))
    gym.register("Shared-v0", "glimpse_env:GlimpseEnv", kwargs=given)
    envs = [
        gym.make(name, **keywords) for name, keywords in (("Shared-v0", {}), ("Glimpse-v0", given))
    ]
    envs += gym.vector.SyncVectorEnv([lambda: gym.make("Shared-v0")] * 2).envs
    held = [env.spec.kwargs["images"].array for env in envs]  # type: ignore[union-attr]
    assert all(one is given["images"].array for one in held)
