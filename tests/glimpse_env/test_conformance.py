"""Every id, on both backends and in all modes, keeps the rules for vector environments."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import pytest
from gymnasium.vector import AutoresetMode, VectorWrapper

import envs_registry
from glimpse_env.testing import ConformanceError, check_vector_env


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
@pytest.mark.parametrize("name", envs_registry.TABLE)
def test_every_id_keeps_the_rules(name: str, backend: str, mode: str, keywords_of: Any) -> None:
    envs = gym.make_vec(name, 3, backend=backend, autoreset_mode=mode, **keywords_of(name))
    check_vector_env(envs, steps=16)


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
@pytest.mark.parametrize("initial_gaze", ["none", "center", "random"])
def test_every_beginning_keeps_the_rules(
    initial_gaze: str, mode: str, backend: str, ragged: dict[str, Any]
) -> None:
    envs = gym.make_vec(
        "Glimpse-v0",
        4,
        initial_gaze=initial_gaze,
        glimpses_per_label=1,
        stop_on_mistake=False,
        autoreset_mode=mode,
        backend=backend,
        **ragged,
    )
    check_vector_env(envs, steps=12)


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_an_agent_that_decides_when_to_speak_is_kept_to_the_rules(
    mode: str, backend: str, ragged: dict[str, Any]
) -> None:
    envs = gym.make_vec(
        "Glimpse-v0",
        4,
        glimpses_per_label=0,
        max_glimpses=2,
        glimpse_cost=0.25,
        autoreset_mode=mode,
        backend=backend,
        **ragged,
    )
    check_vector_env(envs, steps=16)


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
@pytest.mark.parametrize("name", ["Glimpse-v0", "GlimpseCatch-v0"])
def test_a_zoom_keeps_the_rules(name: str, mode: str, backend: str, keywords_of: Any) -> None:
    keywords = keywords_of(name) | {"zoom": True}
    envs = gym.make_vec(name, 3, backend=backend, autoreset_mode=mode, **keywords)
    check_vector_env(envs, steps=26)


def test_torch_actions_are_taken_too(torch: Any, ragged: dict[str, Any]) -> None:
    def to_action(action: dict[str, Any]) -> dict[str, Any]:
        return {key: torch.from_numpy(value.copy()) for key, value in action.items()}

    envs = gym.make_vec("Glimpse-v0", 3, backend="torch", **ragged)
    check_vector_env(envs, steps=12, to_action=to_action)


class Reusing(VectorWrapper):  # type: ignore[type-arg]  # generic since 1.4
    """Returns the same tensor of rewards from every step, or parts of one tensor."""

    def __init__(self, envs: Any, spoil: Callable[[Any], Any]) -> None:
        super().__init__(envs)
        self.spoil = spoil

    def step(self, actions: Any) -> Any:
        observation, rewards, *others = self.env.step(actions)
        return observation, self.spoil(rewards), *others


def test_shared_tensors_are_found(torch: Any, ragged: dict[str, Any]) -> None:
    envs = gym.make_vec("Glimpse-v0", 3, backend="torch", **ragged)
    whole, starts = torch.zeros(10_000), itertools.count()

    def spoil(rewards: Any) -> Any:
        start = next(starts)  # overlapping parts, none of them like another
        return whole[start : start + 3]

    with pytest.raises(ConformanceError, match=r"copies.*memory"):
        check_vector_env(Reusing(envs, spoil), steps=6, skip=["autoreset"])


@pytest.mark.parametrize("mode", AutoresetMode)
def test_gymnasiums_cartpole(mode: AutoresetMode) -> None:
    arguments = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": mode}}
    envs = gym.make_vec("CartPole-v1", 3, **arguments)
    check_vector_env(envs, skip=["options"])
    with pytest.raises(ConformanceError, match="options: expected reset to leave its options"):
        check_vector_env(envs)


def test_gymnasiums_own_batch_of_cartpoles() -> None:
    envs = gym.make_vec("CartPole-v1", 3, vectorization_mode="vector_entry_point")
    check_vector_env(envs, skip=["seed_list", "reset_mask"])
