"""Other people's environments, measured by an interpreter that has them.

`env_throughput.py` calls it: `PEER-PYTHON peer_envs.py DIGITS.npz RATES.json SECONDS`. It needs
NumPy and, for each peer, its package: ap_gym (which forgets to name aiohttp) and envpool.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # `benchmarks` here, from a checkout that nobody has installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from numpy.typing import NDArray

from benchmarks.measuring import Rate, Work, clocked, measure

CATCH_STEPS = 10  # an episode of Catch and its reset
AP_STEPS = 7  # six steps and the reset


def catch(num_envs: int) -> Work:
    """EnvPool's Catch on one thread."""
    import envpool

    envs = envpool.make("Catch-v0", env_type="gymnasium", num_envs=num_envs, num_threads=1)
    envs.reset()
    rng = np.random.default_rng(0)
    actions = [rng.integers(0, 3, num_envs, dtype=np.int32) for _ in range(CATCH_STEPS)]
    return _rounds(envs.step, actions, num_envs)


def ap_gym_mnist(num_envs: int, digits: dict[str, NDArray[Any]]) -> Work:
    """ap_gym's MNIST environment with 8x8 glimpses and 6 steps; the digits are in memory."""
    from ap_gym.envs.image import ImageClassificationDataset, ImagePerceptionConfig
    from ap_gym.envs.image_classification import ImageClassificationVectorEnv

    class Digits(ImageClassificationDataset):  # type: ignore[misc]
        def _get_num_classes(self) -> int:
            return 10

        def _get_num_channels(self) -> int:
            return 1

        def _get_length(self) -> int:
            return len(digits["images"])

        def _get_data_point_batch(self, idx: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
            return digits["images"][idx], digits["labels"][idx]

    config = ImagePerceptionConfig(Digits(), sensor_size=(8, 8), step_limit=6)
    envs = ImageClassificationVectorEnv(num_envs, config)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    actions = [
        {
            "action": rng.uniform(-1, 1, (num_envs, 2)).astype(np.float32),
            "prediction": rng.normal(size=(num_envs, 10)).astype(np.float32),
        }
        for _ in range(AP_STEPS)
    ]
    return _rounds(envs.step, actions, num_envs)


def _rounds(step: Callable[[Any], object], actions: list[Any], num_envs: int) -> Work:
    def work() -> None:
        for action in actions:
            step(action)

    return clocked(num_envs * len(actions), work)


def rate(make: Callable[[], Work], seconds: float) -> Rate | str:
    """The rate, or why there is none."""
    try:
        work = make()
    except ImportError as error:
        return f"{type(error).__name__}: {error}"
    return measure({"it": work}, seconds)["it"]


def main(digits_path: str, rates_path: str, seconds: float) -> None:
    """Measure every peer and write a JSON file."""
    with np.load(digits_path) as file:
        digits = dict(file)
    rates: dict[str, Rate | str] = {
        f"EnvPool Catch-v0, {number}": rate(lambda number=number: catch(number), seconds)  # type: ignore[misc]
        for number in (1, 128, 1024)
    }
    rates["ap_gym MNIST, 128"] = rate(lambda: ap_gym_mnist(128, digits), seconds)
    versions = {}
    for name in ("ap_gym", "envpool", "gymnasium", "numpy"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    Path(rates_path).write_text(json.dumps({"rates": rates, "versions": versions}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
