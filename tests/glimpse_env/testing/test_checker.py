"""The conformance checker: good environments pass, and a bad one is told which rule it breaks."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from gymnasium.wrappers.vector import RecordEpisodeStatistics

from glimpse_env.testing import RULES, ConformanceError, check_vector_env

MODES = list(AutoresetMode)


class Counter(VectorEnv[Any, Any, Any]):
    """A walk on the line that is over after three to six steps; every rule is kept."""

    def __init__(self, mode: AutoresetMode, number: int = 3) -> None:
        self.metadata = {"autoreset_mode": mode}
        self.num_envs = number
        self.mode = mode
        self.single_observation_space = spaces.Box(-100, 100, (2,), np.float32)
        self.single_action_space = spaces.Discrete(5, start=-2)
        self.observation_space = batch_space(self.single_observation_space, number)
        self.action_space = batch_space(self.single_action_space, number)
        self.generators = [np.random.default_rng() for _ in range(number)]
        self.place = np.zeros((number, 2), np.float32)
        self.left = np.zeros(number, np.int64)
        self.done = np.zeros(number, bool)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, Any]:
        mask = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
        if not isinstance(mask, np.ndarray) or mask.dtype != bool:
            raise TypeError("no mask")
        if mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError("no mask")
        seeds = [seed + row for row in range(self.num_envs)] if isinstance(seed, int) else seed
        for row in np.flatnonzero(mask) if seeds is not None else ():
            self.generators[row] = np.random.default_rng(seeds[row])
        self.begin(mask)
        return self.place.copy(), self.infos(mask)

    def begin(self, mask: Any) -> None:
        for row in np.flatnonzero(mask):
            self.place[row] = self.generators[row].uniform(-1, 1, 2)
            self.left[row] = self.generators[row].integers(3, 7)
        self.done &= ~mask

    def infos(self, mask: Any) -> dict[str, Any]:
        return {"left": self.left.copy(), "_left": mask.copy()}

    def step(self, actions: Any) -> tuple[Any, ...]:
        fresh = self.done & (self.mode == AutoresetMode.NEXT_STEP)
        self.place[~self.done] += np.asarray(actions)[~self.done, None]
        self.left -= ~self.done
        rewards = np.where(fresh, 0.0, self.place[:, 0].astype(float))
        self.begin(fresh)
        self.done = self.left <= 0
        ended, final = self.done.copy(), {}
        if self.mode == AutoresetMode.SAME_STEP and ended.any():
            final_obs = np.full(self.num_envs, None, object)
            for row in np.flatnonzero(ended):
                final_obs[row] = self.place[row].copy()
            info = self.infos(ended)
            final = {"final_obs": final_obs, "_final_obs": ended.copy()}
            final |= {"final_info": info, "_final_info": ended.copy()}
            self.begin(ended)
        truncated = np.zeros(self.num_envs, bool)
        infos = self.infos(np.ones(self.num_envs, bool)) | final
        return self.place.copy(), rewards, ended, truncated, infos


class Sabotage(VectorWrapper):  # type: ignore[type-arg]  # generic since 1.4
    """An environment whose returns are spoilt by a function."""

    def __init__(self, envs: VectorEnv[Any, Any, Any], spoil: Callable[[Any, Any], Any]) -> None:
        super().__init__(envs)
        self.spoil = spoil
        self.kept: dict[str, Any] = {}
        self.calls = 0

    def reset(self, **arguments: Any) -> tuple[Any, Any]:
        returned = self.env.reset(**arguments)
        return self._spoilt("reset", ("obs", "infos"), returned, arguments)

    def step(self, actions: Any) -> tuple[Any, ...]:
        names = ("obs", "rewards", "terminations", "truncations", "infos")
        return self._spoilt("step", names, self.env.step(actions), actions)

    def _spoilt(self, call: str, names: Any, returned: Any, given: Any) -> Any:
        self.calls += 1
        values = dict(zip(names, returned, strict=True))
        changed = self.spoil(self, {"call": call, "given": given, **values}) or {}
        return tuple((values | changed)[name] for name in names)


def reuse(envs: Sabotage, moment: dict[str, Any]) -> dict[str, Any]:
    """Return the same array from every call."""
    array = envs.kept.setdefault("obs", moment["obs"])
    array[:] = moment["obs"]
    return {"obs": array}


def alternate(envs: Sabotage, moment: dict[str, Any]) -> dict[str, Any]:
    """Return one of two buffers in turn."""
    array = envs.kept.setdefault(f"obs {envs.calls % 2}", moment["obs"].copy())
    array[:] = moment["obs"]
    return {"obs": array}


def own(envs: Sabotage, moment: dict[str, Any]) -> dict[str, Any]:
    """Hand out the environment's own state, once."""
    return {"obs": envs.env.place} if moment["call"] == "reset" else {}


def twice(envs: Sabotage, moment: dict[str, Any]) -> dict[str, Any]:
    """Return an array under two names."""
    infos = moment["infos"]
    return {"infos": {**infos, "again": infos["left"], "_again": infos["_left"].copy()}}


def trample(envs: Sabotage, moment: dict[str, Any]) -> None:
    """Change the action."""
    if moment["call"] == "step":
        moment["given"][:] = 0


def pop(envs: Sabotage, moment: dict[str, Any]) -> None:
    """Take the mask out of the caller's options, as Gymnasium does."""
    if moment["call"] == "reset":
        (moment["given"].get("options") or {}).pop("reset_mask", None)


def drift(envs: Sabotage, moment: dict[str, Any]) -> dict[str, Any]:
    """Let something else than the seed decide."""
    return {"obs": moment["obs"] + np.float32(envs.calls / 1000)}


def reset_all(envs: Sabotage, moment: dict[str, Any]) -> dict[str, Any]:
    """Reset all rows whatever the mask."""
    if moment["call"] == "reset" and moment["given"].get("options"):
        envs.env.begin(np.ones(envs.num_envs, bool))
        return {"obs": envs.env.place.copy()}
    return {}


def on_steps(**changes: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Change named parts of what a step returns."""

    def spoil(envs: Sabotage, moment: dict[str, Any]) -> dict[str, Any]:
        steps = moment["call"] == "step"
        return {name: change(moment[name]) for name, change in changes.items() if steps}

    return spoil


def infos(**changes: Callable[[dict[str, Any]], Any]) -> Callable[[Any, Any], Any]:
    """Change named infos of steps that end an episode; None leaves one out."""

    def change(values: dict[str, Any]) -> dict[str, Any]:
        if not values["_left"].all() or "final_obs" not in values:
            return values
        changed = values | {name: change(values) for name, change in changes.items()}
        return {name: value for name, value in changed.items() if value is not None}

    return on_steps(infos=change)


NEXT, SAME, DISABLED = AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED
SABOTAGES: list[tuple[str, AutoresetMode, Callable[[Any, Any], Any]]] = [
    ("returns", NEXT, on_steps(obs=lambda obs: obs.astype(float))),
    ("returns", NEXT, on_steps(obs=lambda obs: obs[:2])),
    ("returns", NEXT, on_steps(obs=lambda obs: obs + 1000)),
    ("returns", NEXT, on_steps(obs=lambda obs: list(obs))),
    ("returns", NEXT, on_steps(rewards=lambda rewards: rewards.astype(int))),
    ("returns", NEXT, on_steps(rewards=lambda rewards: rewards[:, None])),
    ("returns", NEXT, on_steps(terminations=lambda ends: ends.astype(int))),
    ("returns", DISABLED, on_steps(truncations=lambda ends: ends[:1])),
    ("infos", SAME, infos(_left=lambda infos: None)),
    ("infos", SAME, infos(left=lambda infos: None)),
    ("infos", SAME, infos(_left=lambda infos: [True] * 3)),
    ("infos", SAME, infos(left=lambda infos: infos["left"][:1].copy())),
    ("infos", SAME, infos(final_info=lambda infos: {"left": np.ones(3)})),
    ("infos", SAME, infos(left=lambda infos: np.array([np.True_, None, None], object))),
    ("actions", NEXT, trample),
    ("copies", NEXT, reuse),
    ("copies", SAME, alternate),
    ("copies", DISABLED, own),
    ("copies", NEXT, twice),
    ("seeds", NEXT, drift),
    ("autoreset", NEXT, on_steps(rewards=lambda rewards: rewards + 1)),
    ("autoreset", NEXT, on_steps(terminations=lambda ends: ends & False)),
    ("autoreset", SAME, infos(final_obs=lambda infos: None, _final_obs=lambda infos: None)),
    ("autoreset", SAME, infos(_final_info=lambda infos: ~infos["_final_info"])),
    ("autoreset", SAME, infos(final_obs=lambda infos: np.full(3, None, object))),
    ("options", NEXT, pop),
    ("reset_mask", NEXT, reset_all),
]


@pytest.mark.parametrize("mode", AutoresetMode)
def test_a_good_environment_passes(mode: AutoresetMode) -> None:
    check_vector_env(Counter(mode))
    check_vector_env(Counter(mode, number=1))
    check_vector_env(Sabotage(Counter(mode), lambda envs, moment: None), steps=20, seed=5)
    clocked = ("options", "seeds", "copies", "seed_list", "autoreset")
    check_vector_env(RecordEpisodeStatistics(Counter(mode)), skip=clocked)
    for rule in RULES:
        check_vector_env(Counter(mode), skip=RULES.keys() - {rule})


@pytest.mark.parametrize(("rule", "mode", "spoil"), SABOTAGES)
def test_a_bad_one_breaks_the_rule(rule: str, mode: AutoresetMode, spoil: Any) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_vector_env(Sabotage(Counter(mode), spoil))
    assert caught.value.rule == rule, str(caught.value)


class SeedBlind(Counter):
    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, Any]:
        return super().reset(seed=None if seed is None else 0, options=options)


class Restarting(Counter):
    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, Any]:
        self.last = self.last if seed is None else seed
        return super().reset(seed=self.last, options=options)


class Crossed(Counter):
    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, Any]:
        seed = seed[::-1] if isinstance(seed, list) else seed
        return super().reset(seed=seed, options=options)


class Obedient(Counter):
    def step(self, actions: Any) -> tuple[Any, ...]:
        fresh = self.done.copy()
        observation, *others = super().step(actions)
        self.place[fresh] += actions[fresh, None]
        return self.place.copy() if fresh.any() else observation, *others


class Stale(Counter):
    def step(self, actions: Any) -> tuple[Any, ...]:
        observation, *others = super().step(actions)
        for row in np.flatnonzero(others[-1].get("_final_obs", [])):
            observation[row] = others[-1]["final_obs"][row]
        return observation, *others


class Lenient(Counter):
    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, Any]:
        mask = np.asarray((options or {}).get("reset_mask", [True] * 3), bool)
        return super().reset(seed=seed, options={"reset_mask": mask})


class Asserting(Counter):
    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, Any]:
        try:
            return super().reset(seed=seed, options=options)
        except (TypeError, ValueError) as error:
            raise AssertionError from error


class Loose(Counter):
    def __init__(self, mode: AutoresetMode) -> None:
        super().__init__(mode)
        self.action_space = self.single_action_space  # not batched


@pytest.mark.parametrize(
    ("rule", "mode", "bad"),
    [
        ("chance", NEXT, SeedBlind),
        ("chance", SAME, Restarting),
        ("seed_list", DISABLED, Crossed),
        ("autoreset", NEXT, Obedient),
        ("autoreset", SAME, Stale),
        ("reset_mask", NEXT, Lenient),
        ("reset_mask", NEXT, Asserting),
        ("spaces", NEXT, Loose),
    ],
)
def test_bad_manners_are_found_out(rule: str, mode: AutoresetMode, bad: type[Counter]) -> None:
    with pytest.raises(ConformanceError) as caught:
        check_vector_env(bad(mode))
    assert caught.value.rule == rule, str(caught.value)


def test_the_error_says_what_and_can_be_pickled() -> None:
    envs = Sabotage(Counter(NEXT), on_steps(rewards=lambda rewards: rewards.astype(int)))
    with pytest.raises(AssertionError) as caught:
        check_vector_env(envs)
    message = "returns: expected step 0: rewards of dtype float; found ndarray of dtype int64"
    assert str(caught.value).startswith(message)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_arguments_that_cannot_be() -> None:
    with pytest.raises(ValueError, match=r"'sedes'.*seeds"):
        check_vector_env(Counter(NEXT), skip=["sedes"])
    with pytest.raises(ValueError, match="steps=3"):
        check_vector_env(Counter(NEXT), steps=3)
