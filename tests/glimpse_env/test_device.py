"""Nothing waits for a device, or sends to it, from the beginning of an episode to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import envs_registry
import glimpse_env  # noqa: F401
from tests.device_alone import device_alone

torch = pytest.importorskip("torch")


def test_a_copy_and_a_question_are_noticed() -> None:
    there = torch.zeros(3, device="meta")
    place = torch.zeros(1, dtype=torch.int64, device="meta")
    for wrong in (
        lambda: torch.as_tensor([1.0, 2.0], device="meta"),
        lambda: torch.as_tensor(np.zeros(2), device="meta"),
        lambda: there[[0, 1]],
        lambda: there[torch.tensor([0, 1])],
        lambda: torch.tensor(1.0).to("meta"),
        lambda: there.sum().item(),
        lambda: bool(there.any()),
        lambda: there.nonzero(),
        lambda: there[there > 0],
        lambda: there.cpu(),
        lambda: there.__setitem__(place, 1.0),
    ):
        with pytest.raises((AssertionError, RuntimeError)), device_alone():
            wrong()


CASES: list[tuple[str, str, dict[str, Any]]] = [
    *((name, "next_step", {}) for name in envs_registry.TABLE),
    ("Glimpse-v0", "same_step", {}),
    ("Glimpse-v0", "disabled", {}),
    ("Glimpse-v0", "next_step", {"glimpses_per_label": 0, "max_glimpses": 2, "glimpse_cost": 0.1}),
    ("GlimpseMNISTPairs-v0", "next_step", {"layout": "apart"}),
    ("GlimpseCatch-v0", "same_step", {}),
    ("GlimpseCatch-v0", "next_step", {"zoom": True}),
    ("GlimpseMNISTSequence-v0", "next_step", {"zoom": True}),
]


@pytest.mark.parametrize(("name", "mode", "others"), CASES)
def test_no_step_waits_or_sends(
    name: str,
    mode: str,
    others: dict[str, Any],
    keywords_of: Callable[[str], dict[str, Any]],
) -> None:
    keywords = keywords_of(name) | others
    envs = gym.make_vec(name, 3, backend="torch", device="meta", autoreset_mode=mode, **keywords)
    seeds, index = (torch.zeros(3, dtype=torch.int64, device="meta") for _ in range(2))
    action = {
        "gaze": torch.zeros(3, envs.gaze_size, device="meta"),
        envs.choice: torch.zeros(3, dtype=torch.int64, device="meta"),
    }
    with device_alone():
        for _ in range(2):
            envs.begin(seeds, index)
            for _ in range(12):
                envs.step(action)


@pytest.mark.parametrize("name", ["GlimpseCatch-v0", "GlimpseMNIST-v0", "Glimpse-v0"])
def test_begin_is_a_reset(
    name: str,
    backend: str,
    same_tree: Callable[..., None],
    keywords_of: Callable[[str], dict[str, Any]],
) -> None:
    """Whatever went on before, to the bit."""
    keywords = keywords_of(name) | {"initial_gaze": "random", "autoreset_mode": "disabled"}
    ours, theirs = (gym.make_vec(name, 4, backend=backend, **keywords) for _ in range(2))
    seeds, index = (
        ours.backend.asarray(values, "int64") for values in ([5, 6, 7, 8], [3, 0, 3, 1])
    )
    theirs.reset(seed=11)
    for _ in range(2):
        begun = ours.begin(seeds, index)
        reset = theirs.reset(seed=5, options={"index": [3, 0, 3, 1]})
        same_tree(begun, reset)
        for _ in range(7):
            action = ours.action_space.sample()
            same_tree(ours.step(action), theirs.step(action))
