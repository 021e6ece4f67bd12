from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_env.backend import make_backend
from glimpse_env.tasks.backward import BackwardTask
from glimpse_env.tasks.own_images.arrays import ArrayTask


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@given(st.lists(st.lists(st.integers(0, 6), max_size=4), min_size=1, max_size=5))
def test_labels_against_a_loop(backend: str, numbers: list[list[int]]) -> None:
    def padded(rows: list[list[int]]) -> list[list[int]]:
        return [row + [-1] * (4 - len(row)) for row in rows]

    arrays = make_backend(backend, "cpu")
    images = np.arange(len(numbers) * 4, dtype=np.uint8).reshape(-1, 2, 2)
    forward = ArrayTask(arrays, images=images, labels=np.array(padded(numbers)), num_classes=7)
    task = BackwardTask(arrays, forward)
    index = arrays.arange(len(numbers))
    assert task.labels(index).tolist() == padded([row[::-1] for row in numbers])
    assert (task.images(index) == forward.images(index)).all()
    assert (task.size, task.image_shape) == (forward.size, forward.image_shape)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_the_environment_wants_the_last_label_first(backend: str) -> None:
    arguments: dict[str, Any] = {
        "images": np.zeros((2, 8, 8), np.uint8),
        "labels": np.array([[1, 2, 3], [4, -1, -1]]),
        "num_classes": 5,
        "glimpse_size": 4,
        "glimpses_per_label": 1,
        "initial_gaze": "center",
        "backend": backend,
    }
    envs = gym.make_vec("Glimpse-v0", num_envs=2, backward=True, **arguments)
    _, info = envs.reset(seed=0, options={"index": [0, 1]})
    assert info["labels"].tolist() == [[3, 2, 1], [4, -1, -1]]
    total = np.zeros(2)
    for said in ([3, 4], [2, 5], [1, 0], [5, 0]):
        action = {"gaze": np.zeros((2, 2), np.float32), "label": np.array(said)}
        _, reward, *_ = envs.step(action)
        total += np.asarray(reward)
    assert total[0] == 4 and total[1] == 2
