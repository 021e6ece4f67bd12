from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import glimpse_env  # noqa: F401
from glimpse_env.errors import InvalidArgument
from glimpse_env.wrappers import VectorFlatObservation, VectorInformationReward


class Written:
    """A reader that knows what a script says, call by call."""

    def __init__(self, number: int) -> None:
        self.script = np.random.default_rng(0).random((200, number))
        self.begins: list[Any] = []
        self.new: list[Any] = []

    def __call__(self, observation: Any, info: Any, begins: Any, new: Any) -> Any:
        assert set(observation) >= {"glimpse", "emit"} and "target" in info
        self.begins.append(np.array(begins))
        self.new.append(np.array(new))
        return self.script[len(self.begins) - 1]


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_what_is_paid_is_the_difference_while_the_same_label_is_due(
    mode: str, ragged: dict[str, Any]
) -> None:
    """Against a plain batch, row by row."""
    keywords = {**ragged, "glimpses_per_label": 3, "autoreset_mode": mode}
    plain = gym.make_vec("Glimpse-v0", 4, **keywords)
    known = Written(4)
    envs = VectorInformationReward(gym.make_vec("Glimpse-v0", 4, **keywords), known, weight=0.5)
    seen, _ = plain.reset(seed=0)
    envs.reset(seed=0)
    plain.action_space.seed(0)
    over, paid, begun = np.zeros(4, bool), 0, 0
    for step in range(1, 40):
        action = plain.action_space.sample()
        action["label"] = np.where(np.arange(4) % 2, action["label"], plain._episodes.target)  # type: ignore[attr-defined]
        action["label"] = np.maximum(action["label"], 0)
        said, was_over = seen["emit"] == 1, over
        seen, expected, over, _, _ = plain.step(action)
        _, reward, _, _, _ = envs.step(action)
        for row in range(4):
            gain = 0.5 * (known.script[step, row] - known.script[step - 1, row])
            if said[row] or over[row] or was_over[row]:
                gain = 0
            assert reward[row] == pytest.approx(expected[row] + gain)
            paid += gain != 0
        begins = {"next_step": was_over, "same_step": over}.get(mode, np.zeros(4, bool))
        np.testing.assert_array_equal(known.begins[-1], begins)
        begun += begins.sum()
        np.testing.assert_array_equal(known.new[-1], ~was_over | (mode != "disabled"))
    assert paid > 8 and (begun > 4 or mode == "disabled")


def test_a_reset_of_some_rows_shows_these_alone_anew(ragged: dict[str, Any]) -> None:
    known = Written(3)
    inner = gym.make_vec("Glimpse-v0", 3, autoreset_mode="disabled", **ragged)
    envs = VectorInformationReward(inner, known)
    envs.reset(seed=0)
    envs.step(envs.action_space.sample())
    envs.reset(options={"reset_mask": np.array([False, True, False])})
    for told in (known.begins, known.new):
        assert told[0].all() and told[2].tolist() == [False, True, False]
    assert known.new[1].all()


def test_games_and_wrapped_batches_are_refused(ragged: dict[str, Any]) -> None:
    wrapped = VectorFlatObservation(gym.make_vec("Glimpse-v0", 2, **ragged))
    for envs in (gym.make_vec("GlimpseCatch-v0", 2), wrapped):
        with pytest.raises(InvalidArgument, match="no labels to know"):
            VectorInformationReward(envs, Written(2))


def test_where_the_agent_decides_nothing_could_be_paid(ragged: dict[str, Any]) -> None:
    envs = gym.make_vec("Glimpse-v0", 2, glimpses_per_label=0, **ragged)
    with pytest.raises(InvalidArgument, match="glimpses_per_label=0"):
        VectorInformationReward(envs, Written(2))


@pytest.mark.parametrize(("first", "steps"), [("none", 4), ("center", 3)])
def test_what_is_paid_for_a_label_adds_up_from_the_reset(first: str, steps: int) -> None:
    """Which shows a glimpse, or none: then the first glimpse is paid, too."""
    known = Written(4)
    arrays: dict[str, Any] = {"images": np.zeros((4, 20, 20), np.uint8), "labels": np.arange(4)}
    inner = gym.make_vec("Glimpse-v0", 4, initial_gaze=first, num_classes=4, **arrays)
    envs = VectorInformationReward(inner, known)
    _, info = envs.reset(seed=0)
    wrong, paid, over = (info["target"] + 1) % 4, np.zeros(4), np.zeros(4, bool)
    for _ in range(steps):
        assert not over.any()
        _, reward, over, _, _ = envs.step({"gaze": np.zeros((4, 2)), "label": wrong})
        paid += reward
    assert over.all()
    np.testing.assert_allclose(paid, known.script[steps - 1] - known.script[0])
