"""The rules of an episode, told once more in plain Python, against the environments."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glimpse_env.envs.reading import rules as episode
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument

CLASSES = 4
SEQUENCES = [[], [2], [0, 3], [1, 1, 2]]


class Episode:
    """One episode, with a list of labels said and a list of labels that were due."""

    def __init__(self, labels: list[int], rules: episode.Rules, cost: float = 0.0) -> None:
        self.rules, self.cost, self.since = rules, cost, 1 if rules.sees_at_reset else 0
        self.moves = 0
        self.due = [*labels, rules.num_classes] if rules.has_end else list(labels)
        self.seen = 1 if rules.sees_at_reset else 0
        self.said: list[int] = []
        self.rights = 0
        self.steps = 0
        self.over = False

    @property
    def emit(self) -> bool:
        if self.rules.glimpses_per_label == 0:
            return not self.over and self.seen > 0
        needed = self.rules.glimpses_per_label * (len(self.said) + 1)
        return not self.over and self.seen == needed

    @property
    def target(self) -> int:
        left = self.due[len(self.said) :]
        return left[0] if left and not self.over else -1

    def step(self, label: int) -> float:
        """Say a label and look once more; returns the reward."""
        if self.over:
            return 0.0
        reward, self.steps = 0.0, self.steps + 1
        silent = self.rules.glimpses_per_label == 0 and label == self.rules.num_labels
        if self.emit and not (silent and self.since < self.rules.max_glimpses):
            right = label == self.target
            self.said.append(label)
            self.rights += right
            reward = float(right)
            most = self.rules.max_labels + self.rules.has_end
            spoke_end = self.rules.has_end and label == self.rules.num_classes
            mistaken = self.rules.stop_on_mistake and not right
            self.over = spoke_end or mistaken or len(self.said) == most
            self.since = 0
        if self.over:
            return reward
        self.seen, self.since, self.moves = self.seen + 1, self.since + 1, self.moves + 1
        return reward - self.cost

    @property
    def emitted(self) -> list[int]:
        said = [-1 if label >= self.rules.num_classes else label for label in self.said]
        return (said + [-1] * self.rules.max_labels)[: self.rules.max_labels]


def make(has_end: bool, number: int = 4, **arguments: Any) -> GlimpseVectorEnv:
    labels = [[*labels, -1, -1, -1][:3] for labels in SEQUENCES] if has_end else [2, 0, 3, 1]
    return GlimpseVectorEnv(
        number,
        images=np.arange(4 * 64, dtype=np.uint8).reshape(4, 8, 8),
        labels=np.array(labels),
        num_classes=CLASSES,
        glimpse_size=3,
        num_scales=1,
        autoreset_mode="disabled",
        **arguments,
    )


options = st.fixed_dictionaries(
    {
        "has_end": st.booleans(),
        "stop_on_mistake": st.booleans(),
        "initial_gaze": st.sampled_from(["none", "center", "random"]),
        "backend": st.sampled_from(["numpy", "torch"]),
    }
)
fixed = st.fixed_dictionaries({"glimpses_per_label": st.integers(1, 4)})
decided = st.fixed_dictionaries(
    {
        "glimpses_per_label": st.just(0),
        "max_glimpses": st.sampled_from([1, 2, 3, None]),
        "glimpse_cost": st.sampled_from([0, 0.125]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    options=options,
    pace=fixed | decided,
    carefulness=st.floats(0, 1),
    patience=st.floats(0, 1),
    seed=st.integers(0, 2**20),
)
@pytest.mark.usefixtures("torch")
def test_every_step_is_as_the_rules_say(
    options: dict[str, Any], pace: dict[str, Any], carefulness: float, patience: float, seed: int
) -> None:
    envs = make(**options, **pace)
    cost = pace.get("glimpse_cost", 0)
    rng = np.random.default_rng(seed)
    index = rng.integers(0, 4, 4)
    observation, info = envs.reset(seed=seed, options={"index": index})
    single = [[label] for label in (2, 0, 3, 1)]
    labels = SEQUENCES if options["has_end"] else single
    episodes = [Episode(labels[image], envs.rules, cost) for image in index]
    for _ in range(envs.rules.max_steps + 2):
        assert np.asarray(observation["emit"]).tolist() == [one.emit for one in episodes]
        assert np.asarray(info["target"]).tolist() == [one.target for one in episodes]
        target = np.array([one.target for one in episodes])
        label = rng.integers(0, envs.rules.num_labels, 4)
        label = np.where((rng.random(4) < carefulness) & (target >= 0), target, label)
        if envs.rules.agent_decides:
            label = np.where(rng.random(4) < patience, envs.rules.keep_looking, label)
        ended_before = [one.over for one in episodes]
        expected = [one.step(said) for one, said in zip(episodes, label.tolist(), strict=True)]
        gaze = rng.uniform(-1, 1, (4, 2)).astype(np.float32)
        observation, reward, terminated, truncated, info = envs.step({"gaze": gaze, "label": label})
        assert np.asarray(reward).tolist() == expected
        assert np.asarray(terminated).tolist() == [one.over for one in episodes]
        assert not np.asarray(truncated).any()
        for row, one in enumerate(episodes):
            if one.over and not ended_before[row]:
                check_end(one, {key: info[key] for key in info}, row)
            else:
                assert not np.asarray(info.get("_episode", np.zeros(4)))[row]
            if not one.over:
                moved = np.asarray(observation["location"])[row]
                np.testing.assert_array_equal(moved, gaze[row])


def check_end(one: Episode, info: dict[str, Any], row: int) -> None:
    """What the info says of an episode that has just ended."""
    for key in ("emitted", "sequence_correct", "episode"):
        assert np.asarray(info[f"_{key}"])[row]
    assert np.asarray(info["emitted"])[row].tolist() == one.emitted
    assert bool(info["sequence_correct"][row]) == (one.rights == len(one.due))
    assert float(info["episode"]["r"][row]) == one.rights - one.cost * one.moves
    assert int(info["episode"]["l"][row]) == one.steps
    assert np.asarray(info["target"])[row] == -1


@pytest.mark.parametrize("initial_gaze", ["none", "center", "random"])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_right_labels_take_n_steps_each_and_one_more_from_blindness(
    initial_gaze: str, number: int, backend: str
) -> None:
    for has_end, image in itertools.product((False, True), range(4)):
        envs = make(
            has_end, 1, glimpses_per_label=number, initial_gaze=initial_gaze, backend=backend
        )
        _, info = envs.reset(seed=0, options={"index": image})
        steps, total = 0, 0.0
        for _ in range(30):
            label = np.maximum(np.asarray(info["target"]), 0)
            action = {"gaze": np.zeros((1, 2), np.float32), "label": label}
            _, reward, terminated, _, info = envs.step(action)
            steps, total = steps + 1, total + float(reward[0])
            if terminated[0]:
                break
        said = len(SEQUENCES[image]) + 1 if has_end else 1
        assert steps == number * said + (initial_gaze == "none")
        assert total == said
        assert info["sequence_correct"][0]
        assert steps <= envs.rules.max_steps
    assert steps == envs.rules.max_steps  # the last image has the most labels


def test_rows_stay_as_they_are_after_the_end(backend: str) -> None:
    envs = make(True, glimpses_per_label=1, initial_gaze="center", backend=backend)
    envs.reset(seed=0, options={"index": np.arange(4)})
    wrong = {"gaze": np.full((4, 2), 0.5, np.float32), "label": np.array([4, 0, 0, 0])}
    last = envs.step(wrong)
    assert np.asarray(last[2]).tolist() == [True, True, False, True]
    over = np.asarray(last[2])
    other = {"gaze": np.full((4, 2), -0.5, np.float32), "label": np.array([0, 1, 3, 2])}
    for _ in range(5):
        observation, reward, terminated, _, info = envs.step(other)
        for key, value in observation.items():
            np.testing.assert_array_equal(np.asarray(value)[over], np.asarray(last[0][key])[over])
        assert not np.asarray(reward)[over].any()
        assert np.asarray(terminated)[over].all()
        assert not np.asarray(info.get("_episode", np.zeros(4, bool)))[over].any()
        assert (np.asarray(info["target"])[over] == -1).all()


def test_a_label_is_read_only_where_it_is_due(backend: str) -> None:
    envs = make(False, glimpses_per_label=3, initial_gaze="center", backend=backend)
    envs.reset(seed=0, options={"index": np.arange(4)})
    nonsense = {"gaze": np.zeros((4, 2), np.float32), "label": np.full(4, -77)}
    for _ in range(2):  # not even looked at
        observation, reward, terminated, _, _ = envs.step(nonsense)
        assert not np.asarray(reward).any() and not np.asarray(terminated).any()
    assert np.asarray(observation["emit"]).all()
    right = {"gaze": np.zeros((4, 2), np.float32), "label": np.array([2, 0, 3, 1])}
    _, reward, terminated, _, _ = envs.step(right)
    assert np.asarray(reward).all() and np.asarray(terminated).all()


def test_nothing_is_seen_before_the_first_glimpse(backend: str) -> None:
    envs = make(False, initial_gaze="none", context_size=2, backend=backend)
    observation, _ = envs.reset(seed=0)
    assert not np.asarray(observation["glimpse"]).any()
    assert not np.asarray(observation["location"]).any()
    assert np.asarray(observation["context"]).any()


def test_an_agent_that_decides_speaks_when_it_likes(backend: str) -> None:
    envs = make(True, glimpses_per_label=0, max_glimpses=3, initial_gaze="center", backend=backend)
    look = envs.rules.keep_looking
    assert envs.single_action_space["label"].n == CLASSES + 2 == look + 1
    envs.reset(seed=0, options={"index": np.array([2, 2, 2, 2])})  # 0, 3, end
    plans = np.array([[0, 3, 4], [look, 0, 3], [look, look, 0], [look, look, look]])
    rewards = []
    for labels in plans.T:
        action = {"gaze": np.zeros((4, 2), np.float32), "label": labels}
        _, reward, terminated, _, info = envs.step(action)
        rewards.append(np.asarray(reward).tolist())
    assert np.array(rewards).T.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]]
    # the last row has kept looking for too long: it has said nothing, and that is wrong
    assert np.asarray(terminated).tolist() == [True, False, False, True]
    assert np.asarray(info["emitted"])[[0, 3]].tolist() == [[0, 3, -1], [-1, -1, -1]]
    assert np.asarray(info["sequence_correct"])[[0, 3]].tolist() == [True, False]


def test_looking_costs_what_was_agreed(backend: str) -> None:
    envs = make(
        False, glimpses_per_label=0, glimpse_cost=0.25, initial_gaze="none", backend=backend
    )
    look = envs.rules.keep_looking
    envs.reset(seed=0, options={"index": np.arange(4)})
    total = np.zeros(4)
    for labels in ([0, 0, 0, 0], [2, look, look, 0], [0, 0, look, 0], [0, 0, 0, 0]):
        action = {"gaze": np.zeros((4, 2), np.float32), "label": np.array(labels)}
        _, reward, terminated, _, info = envs.step(action)
        total += np.asarray(reward)
    assert np.asarray(terminated).all()
    assert total.tolist() == [1 - 0.25, 1 - 0.5, 0 - 0.75, 0 - 0.25]
    assert float(info["episode"]["r"][2]) == -0.75


@pytest.mark.parametrize(
    "arguments",
    [
        {"glimpses_per_label": -1},
        {"glimpses_per_label": 0, "max_glimpses": 0},
        {"glimpses_per_label": 0, "glimpse_cost": -0.1},
        {"glimpses_per_label": 0, "glimpse_cost": False},
        {"glimpses_per_label": 0, "glimpse_cost": float("nan")},
        {"glimpses_per_label": 0, "glimpse_cost": "0.1"},
        {"glimpses_per_label": 3, "glimpse_cost": 0.1},
        {"glimpses_per_label": 3, "max_glimpses": 4},
    ],
)
def test_a_pace_that_cannot_be_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=list(arguments)[-1]):
        make(False, **arguments)
