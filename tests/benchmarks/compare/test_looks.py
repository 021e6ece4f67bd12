from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from agents.evaluation.learner import Arrays
from benchmarks.compare.looks import PICTURED, look_on
from benchmarks.compare.tasks import TASKS, Task


class Scripted:
    """Looks further to the right with every step, and says what a script says."""

    networks: tuple[nn.Module, ...] = ()

    def __init__(self, script: Any) -> None:
        self.script = script  # (PICTURED, S)

    def begin(self, rows: int) -> None:
        self.step, self.turn = 0, np.zeros(rows, int)

    def act(self, observation: Arrays) -> Arrays:
        self.step += 1
        label = self.script[np.arange(PICTURED), self.turn.clip(max=self.script.shape[1] - 1)]
        self.turn += observation["emit"]
        gaze = np.zeros((PICTURED, 2), np.float32)
        gaze[:, 0] = self.step / 10
        return {"gaze": gaze, "label": label}


def rendered(first: str) -> Task:
    options = {"min_digits": 1, "max_digits": 2, "glimpses_per_label": 2, "initial_gaze": first}
    about: dict[str, Any] = {"name": "numbers", "about": "", "steps": 1, "goal": 50}
    return Task(env_id="GlimpseHouseNumbers-v0", options=options, **about)


@pytest.mark.parametrize("first", ["none", "center"])
def test_gazes_and_labels_are_those_of_every_episode(first: str) -> None:
    task = rendered(first)
    truth: Any = task.envs("validation", 1).task.labels(np.arange(PICTURED))  # type: ignore[attr-defined]
    script = np.where(truth < 0, 10, truth)
    script = np.concatenate([script, np.full((PICTURED, 1), 10)], 1)
    script[0, 0] = (script[0, 0] + 1) % 10  # and one mistake, after which it reads on
    found = look_on(Scripted(script), task, "policy")
    assert {int((row >= 0).sum()) for row in truth} == {1, 2}
    for row, one in enumerate(found):
        digits = [str(label) for label in script[row] if label < 10]
        assert [word for word, _ in one["said"]] == [*digits, "end"]
        assert [right for _, right in one["said"]] == [row > 0] + [True] * len(digits)
        began = 0.0 if first == "center" else 0.1  # nothing is seen before the first gaze
        across = began + np.arange(2 * (len(digits) + 1)) / 10
        np.testing.assert_allclose(one["gazes"], np.stack([across, 0 * across], 1), atol=1e-4)


def test_controls_look_elsewhere_and_games_have_no_images() -> None:
    task = rendered("none")
    script = np.zeros((PICTURED, 1), int)
    centre = look_on(Scripted(script), task, "center")
    assert all(place == [0, 0] for one in centre for place in one["gazes"])
    assert look_on(Scripted(script), TASKS["catch12"], "policy") == []
