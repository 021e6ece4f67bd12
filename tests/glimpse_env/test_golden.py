"""Digests of a fixed rollout of every id: nothing that an agent sees changes unnoticed.

After a change that is meant, run this file to write the digests anew, and say in the commit why
they differ:  GLIMPSE_DATA=... python tests/glimpse_env/test_golden.py
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import envs_registry
import glimpse_env  # noqa: F401  (registers the ids)
from benchmarks.svhn_files import contents, some_photos, write_folder

DIGESTS = Path(__file__).with_name("golden_digests.json")
STEPS = 24


def keywords_for(name: str, svhn: Path) -> dict[str, Any]:
    """What an id needs beside its defaults: no random generator, so the same everywhere."""
    if "SVHN" in name:
        return {"data_dir": str(svhn)}
    if name != "Glimpse-v0":
        return {"num_images": 64} if "HouseNumbers" in name else {}
    images = (np.arange(8 * 30 * 33).reshape(8, 30, 33) * 2654435761 >> 9) % 256
    labels = np.where(np.arange(3) < np.arange(8)[:, None] % 4, np.arange(24).reshape(8, 3) % 5, -1)
    return {"images": images.astype(np.uint8), "labels": labels, "num_classes": 5}


# Ids with a zoom; house numbers are not among them, since their pixels may change.
ZOOMED = ("Glimpse-v0", "GlimpseClutteredMNIST100-v0", "GlimpseCatch-v0")


def digests_of(case: str, split: str, svhn: Path) -> dict[str, str]:
    """What a fixed rollout shows: sha256 of numbers of images or games, infos and glimpses."""
    name, *zoom = case.split("+")
    envs = gym.make_vec(
        name, 3, split=split, **keywords_for(name, svhn), **dict.fromkeys(zoom, True)
    )
    scales = envs.single_observation_space["glimpse"].shape[0]
    coarsest = np.arange(scales)[:, None, None] + 2 * len(zoom)
    per_scale = 255 * 4.0**coarsest  # glimpses become whole numbers
    told = ("index", "labels") if envs.choice == "label" else ("index", "ball", "paddle")
    shown: dict[str, list[Any]] = {key: [] for key in (*told, "glimpse", "context")}
    observation, info = envs.reset(seed=2014)
    for step in range(STEPS):
        for key in told:
            shown[key].append(info[key])
        shown["glimpse"].append(np.rint(observation["glimpse"] * per_scale))
        # no mean of a box lies where this rounds up or down by a whisker
        shown["context"].append(np.rint(observation.get("context", np.zeros(3)) * 255 + 0.013))
        angle = np.array([[0.0], [2.0], [4.0]]) + step
        gaze = np.concatenate([np.cos(angle), np.sin(angle)], 1) * (step % 7) / 6
        gaze = np.round(gaze * 64) / 64  # far from any rounding of the sine
        if zoom:
            gaze = np.hstack([gaze, (np.arange(step, step + 3)[:, None] % 5) / 2 - 1])
        chosen = (
            np.maximum(info["target"], 0)
            if envs.choice == "label"
            else np.arange(step, step + 3) // 2 % 3
        )
        observation, *_, info = envs.step({"gaze": gaze, envs.choice: chosen})
    return {key: digest(values) for key, values in shown.items()}


def digest(values: list[Any]) -> str:
    """The first 16 digits of the sha256 of whole numbers."""
    content = np.array(values).astype("<i8").tobytes()
    return hashlib.sha256(content).hexdigest()[:16]


NAMES = [*envs_registry.TABLE, *(f"{name}+zoom" for name in ZOOMED)]
CASES = [(name, split) for name in NAMES for split in ("train", "test")]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        pytest.param(*case, marks=pytest.mark.requires_mnist if "MNIST" in case[0] else ())
        for case in CASES
    ],
)
def test_a_rollout_shows_what_it_always_did(name: str, split: str, synthetic_svhn: Path) -> None:
    recorded = json.loads(DIGESTS.read_text(encoding="utf-8"))
    assert digests_of(name, split, synthetic_svhn) == recorded[f"{name} {split}"]


def test_a_digest_tells_apart() -> None:
    recorded = json.loads(DIGESTS.read_text(encoding="utf-8"))
    assert recorded.keys() == {" ".join(case) for case in CASES}
    glimpses = [one["glimpse"] for one in recorded.values()]
    assert len(set(glimpses)) >= len(glimpses) - 2  # Glimpse-v0 has just one split


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for part in ("train", "test"):
            write_folder(Path(folder) / "svhn" / part, contents(some_photos(40)))
        written = {" ".join(case): digests_of(*case, Path(folder)) for case in CASES}
    DIGESTS.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    print(f"{len(written)} digests in {DIGESTS.name}")
