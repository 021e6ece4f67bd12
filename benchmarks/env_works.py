"""What `env_throughput.py` puts on the clock: our environments, and what they are held against."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import SyncVectorEnv
from numpy.typing import NDArray

import glimpse_env  # noqa: F401  (registers the environment ids)
from benchmarks.measuring import Round, Work, clocked, waiter_for
from glimpse_env.envs.reading.env import GlimpseVectorEnv

# House numbers are drawn when first looked at; so few are all drawn before the clock starts.
FEW_IMAGES = 256
LOOKS = 8  # different batches of positions that a gather goes through


class Setup(NamedTuple):
    """Which environments, how many, and where."""

    env_id: str
    num_envs: int
    backend: str = "numpy"
    device: str = "cpu"
    options: dict[str, Any] | None = None  # over those of `options_of`

    def make(self) -> GlimpseVectorEnv:
        """The environments, with images that are drawn already."""
        options = options_of(self.env_id) | (self.options or {})
        envs = gym.make_vec(
            self.env_id,
            num_envs=self.num_envs,
            backend=self.backend,
            device=self.device,
            **options,
        )
        assert isinstance(envs, GlimpseVectorEnv)
        if self.backend == "numpy" and options.get("num_images") == FEW_IMAGES:
            envs.task.images(np.arange(FEW_IMAGES))
        return envs


def options_of(env_id: str) -> dict[str, Any]:
    """Keywords that let an id start without a download and without drawing in the clock."""
    if env_id == "Glimpse-v0":
        return custom_images(FEW_IMAGES, 64)
    return {"num_images": FEW_IMAGES} if "HouseNumbers" in env_id else {}


def custom_images(number: int, side: int) -> dict[str, Any]:
    """Noise with one of ten labels, as keywords of `Glimpse-v0`."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (number, side, side), dtype=np.uint8)
    return {"images": images, "labels": np.arange(number) % 10, "num_classes": 10}


def vector_steps(setup: Setup, in_phase: bool = True) -> Work:
    """Our vector environment: rounds of one episode and its reset.

    Args:
        setup: Which.
        in_phase: All rows begin at once, as after `reset`; otherwise as many begin at every step.
    """
    envs = setup.make()
    period = _period(envs)
    actions = [_to_backend(setup, action) for action in _actions(envs.action_space, period)]
    envs.reset(seed=0)
    for phase in range(1, 1 if in_phase else period):
        envs.step(actions[0])
        envs.reset(options={"reset_mask": np.arange(setup.num_envs) % period == phase})
    return _rounds(envs.step, actions, setup.num_envs, waiter_for(setup.device))


def episode_steps(setup: Setup) -> tuple[Callable[[], object], int]:
    """One episode of all rows, from `begin` on, that sends nothing to the device; and its steps."""
    options = (setup.options or {}) | {"autoreset_mode": "disabled"}
    envs = setup._replace(options=options).make()
    steps = _period(envs) - 1
    actions = [_to_backend(setup, action) for action in _actions(envs.action_space, steps)]
    seeds = envs.backend.arange(setup.num_envs)
    index = seeds % envs.size

    def episode() -> None:
        envs.begin(seeds, index)
        for action in actions:
            envs.step(action)

    return episode, steps


def sync_steps(setup: Setup) -> Work:
    """Gymnasium's SyncVectorEnv over our single environments, without wrappers."""
    options = options_of(setup.env_id)

    def make() -> gym.Env[Any, Any]:
        return gym.make(setup.env_id, disable_env_checker=True, **options).unwrapped

    envs = SyncVectorEnv([make] * setup.num_envs)
    envs.reset(seed=0)
    actions = _actions(envs.action_space, _period(setup._replace(num_envs=1).make()))
    return _rounds(envs.step, actions, setup.num_envs)


def gathers(setup: Setup) -> dict[str, Work]:
    """Rounds of `bare_copies`."""
    wait = waiter_for(setup.device)
    return {
        name: _rounds(copy, places, setup.num_envs, wait)
        for name, (copy, places) in bare_copies(setup).items()
    }


def bare_copies(setup: Setup) -> dict[str, tuple[Callable[[Any], Any], list[Any]]]:
    """Copying as many pixels as a glimpse has cells, and nothing else: how, and from where.

    "gather" is `images[rows, ys, xs]`, "take" reads the same pixels through positions in the flat
    array that were computed before. Both give uint8 (n, K * C, g, g).
    """
    envs = setup._replace(num_envs=1, device="cpu", backend="numpy").make()
    shape = cast("tuple[int, int, int]", _glimpse_shape(envs))
    _, height, width = envs.task.image_shape
    rng, number = np.random.default_rng(0), setup.num_envs
    images = rng.integers(0, 256, (number, height, width), dtype=np.uint8)
    rows = np.arange(number)[:, None, None, None]
    ys = _windows(rng, number, shape, height)[..., :, None]
    xs = _windows(rng, number, shape, width)[..., None, :]
    flat = (rows * height + ys) * width + xs
    pixels = _on_device(setup, images)
    looks = [
        tuple(_on_device(setup, axis) for axis in (rows, y, x)) for y, x in zip(ys, xs, strict=True)
    ]
    places = [_on_device(setup, look) for look in flat]
    return {"gather": (pixels.__getitem__, looks), "take": (pixels.reshape(-1).take, places)}


def _windows(
    rng: np.random.Generator, number: int, shape: tuple[int, int, int], length: int
) -> NDArray[np.int64]:
    """Runs of g neighbouring pixels along one axis: (looks, n, K * C, g)."""
    size = (LOOKS, number, shape[0], 1)
    return rng.integers(0, max(length - shape[1], 1), size) + np.arange(shape[1]) % length


def single_steps(env_id: str, *, resets_count: bool) -> Work:
    """One environment from `gym.make`, as it comes: rounds of one episode.

    Args:
        env_id: Ours or Gymnasium's own.
        resets_count: Whether the clock runs during `reset`; if not, around each `step` alone.
    """
    env = gym.make(env_id, **options_of(env_id))
    env.action_space.seed(0)
    actions = itertools.cycle([env.action_space.sample() for _ in range(256)])
    play = _episode if resets_count else _episode_of_steps
    return lambda: play(env, actions)


def _episode(env: gym.Env[Any, Any], actions: Iterator[Any]) -> Round:
    steps, over = 0, False
    start = time.perf_counter()
    env.reset()
    while not over:
        _, _, terminated, truncated, _ = env.step(next(actions))
        steps, over = steps + 1, terminated or truncated
    return Round(steps, time.perf_counter() - start)


def _episode_of_steps(env: gym.Env[Any, Any], actions: Iterator[Any]) -> Round:
    steps, seconds, over = 0, 0.0, False
    env.reset()
    while not over:
        action = next(actions)
        start = time.perf_counter()
        _, _, terminated, truncated, _ = env.step(action)
        seconds += time.perf_counter() - start
        steps, over = steps + 1, terminated or truncated
    return Round(steps, seconds)


def _rounds(
    step: Callable[[Any], object],
    actions: Any,
    num_envs: int,
    wait: Callable[[], object] | None = None,
) -> Work:
    """Rounds of one step for each of the actions."""

    def work() -> None:
        for action in actions:
            step(action)
        if wait:
            wait()

    return clocked(num_envs * len(actions), work)


def _period(envs: GlimpseVectorEnv) -> int:
    """Steps from one beginning to the next of an episode that ends with its first label."""
    return envs.rules.glimpses_per_label + (not envs.rules.sees_at_reset) + 1


def _actions(space: Any, number: int) -> list[dict[str, NDArray[Any]]]:
    space.seed(0)
    return [space.sample() for _ in range(number)]


def _glimpse_shape(envs: GlimpseVectorEnv) -> tuple[int, ...] | None:
    return cast(spaces.Dict, envs.single_observation_space)["glimpse"].shape


def _to_backend(setup: Setup, action: dict[str, NDArray[Any]]) -> dict[str, Any]:
    if setup.backend == "numpy":
        return action
    import torch

    return {key: torch.as_tensor(value, device=setup.device) for key, value in action.items()}


def _on_device(setup: Setup, array: NDArray[Any]) -> Any:
    """NumPy's own array on a CPU, whatever the backend; a tensor on another device."""
    if setup.device == "cpu":
        return array
    import torch

    return torch.as_tensor(array, device=setup.device)
