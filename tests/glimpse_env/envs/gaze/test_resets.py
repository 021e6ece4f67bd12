"""A reset that makes the task another one, for a curriculum."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import glimpse_env  # noqa: F401
from glimpse_env.errors import InvalidArgument, UnknownKeyword

Same = Callable[..., None]
NUMBER = 4
NUMBERS = {"num_images": 12, "max_digits": 3, "glimpses_per_label": 1, "glimpse_size": 8}
CLUTTER = {"glimpse_size": 6, "num_scales": 1, "glimpses_per_label": 2}
CHANGES = [
    ("GlimpseHouseNumbers-v0", NUMBERS, {"max_digits": 1}),
    ("GlimpseHouseNumbers-v0", NUMBERS, {"min_digits": 2, "max_digits": 4}),
    ("GlimpseClutteredMNIST60-v0", CLUTTER, {"num_distractors": 1}),
]


@pytest.fixture(autouse=True)
def digits(synthetic_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn digits in the place of MNIST."""
    monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_mnist))


def made(env_id: str, **keywords: Any) -> Any:
    return gym.make_vec(env_id, NUMBER, **keywords)


def actions(envs: Any, steps: int) -> list[Any]:
    """As they come; labels are right more often than not, so that sequences go on."""
    envs.action_space.seed(0)
    return [envs.action_space.sample() for _ in range(steps)]


def stepped(envs: Any, action: Any, turn: int) -> Any:
    if turn % 3:
        target = envs.backend.to_numpy(envs.episodes.target)
        action = {**action, "label": np.maximum(target, 0)}
    return envs.step(action)


@pytest.mark.parametrize(("env_id", "keywords", "change"), CHANGES, ids=str)
def test_all_is_as_in_an_environment_made_with_that_keyword(
    env_id: str, keywords: Any, change: Any, backend: str, same_tree: Same
) -> None:
    """Also in episodes that begin by themselves, in copies, and after a reset without options."""
    keywords = {**keywords, "backend": backend, "autoreset_mode": "same_step"}
    changed, fresh = made(env_id, **keywords), made(env_id, **{**keywords, **change})
    spaces = changed.observation_space, changed.action_space
    changed.reset(seed=3)
    played = actions(changed, 24)
    for turn, action in enumerate(played[:5]):
        stepped(changed, action, turn)
    same_tree(changed.reset(seed=11, options=change), fresh.reset(seed=11))
    ends = 0
    for turn, action in enumerate(played):
        found, expected = stepped(changed, action, turn), stepped(fresh, action, turn)
        same_tree(found, expected)
        ends += int(np.asarray(expected[2]).sum())
        if turn == 11:
            changed = pickle.loads(pickle.dumps(changed))
    assert ends > 4
    same_tree(changed.reset(), fresh.reset())
    assert changed.rules.max_said == fresh.rules.max_said
    assert (changed.observation_space, changed.action_space) == spaces
    before = {name: changed.spec.kwargs.get(name) for name in change}
    assert before == {name: {**gym.spec(env_id).kwargs, **keywords}.get(name) for name in change}
    original = made(env_id, **keywords)
    back = {name: original.recipe.get(name, 1) for name in change}  # the fewest are one
    same_tree(changed.reset(seed=2, options=back), original.reset(seed=2))


def test_episodes_are_counted_on() -> None:
    changed, other = made("GlimpseClutteredMNIST60-v0"), made("GlimpseClutteredMNIST60-v0")
    other.reset(seed=5), changed.reset(seed=5)
    _, first = other.reset()
    _, second = changed.reset(options={"num_distractors": 0})
    assert second["index"].tolist() == first["index"].tolist()
    assert changed.reset()[1]["index"].tolist() == other.reset()[1]["index"].tolist()


def test_a_change_before_any_seed_is_a_first_reset(same_tree: Same) -> None:
    changed = made("GlimpseClutteredMNIST60-v0")
    found = changed.reset(options={"num_distractors": 1})
    fresh = made("GlimpseClutteredMNIST60-v0", num_distractors=1)
    same_tree(found, fresh.reset(seed=changed.np_random_seed))


def test_the_single_environment_and_its_frames_change_too(same_tree: Same) -> None:
    keywords: dict[str, Any] = {"render_mode": "rgb_array", **CLUTTER}
    changed = gym.make("GlimpseClutteredMNIST60-v0", **keywords)
    fresh = gym.make("GlimpseClutteredMNIST60-v0", num_distractors=0, **keywords)
    changed.reset(seed=1)
    changed.render()
    same_tree(changed.reset(seed=1, options={"num_distractors": 0}), fresh.reset(seed=1))
    action = {"gaze": np.array([0.3, -0.2]), "label": 0}
    same_tree(changed.step(action), fresh.step(action))
    np.testing.assert_array_equal(changed.render(), fresh.render())


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"num_distractors": -1}, InvalidArgument, "num_distractors=-1"),
        ({"num_distractors": "many"}, InvalidArgument, "num_distractors='many'"),
        ({"num_distractors": [1, 2, 3, 4]}, InvalidArgument, "num_distractors="),
        ({"num_distractors": np.array([1, 2, 3, 4])}, InvalidArgument, "num_distractors="),
        ({"num_distractors": 4.0}, InvalidArgument, "num_distractors=4.0"),
        ({"max_digits": 0}, InvalidArgument, "max_digits=0"),
        ({"max_digits": 3}, InvalidArgument, "max_digits=3 needs target='sequence'"),
        ({"num_distractors": 1, "index": -1}, InvalidArgument, "index"),
        ({"num_distractors": 1, "seed": 5}, InvalidArgument, "seed"),
        (
            {"num_distractors": 1, "reset_mask": np.ones(NUMBER, bool)},
            InvalidArgument,
            "num_distractors are those of all rows: leave 'reset_mask' out",
        ),
    ],
    ids=str,
)
def test_what_cannot_be_loses_nothing(
    options: Any, error: Any, message: str, same_tree: Same
) -> None:
    envs, twin = (made("GlimpseClutteredMNIST60-v0", num_distractors=4) for _ in range(2))
    for one in (envs, twin):
        one.reset(seed=0)
    played = actions(envs, 14)
    for turn, action in enumerate(played):
        if turn == 3:
            with pytest.raises(error, match=message):
                envs.reset(options=options)
        same_tree(stepped(envs, action, turn), stepped(twin, action, turn))
    same_tree(envs.reset(), twin.reset())


@pytest.mark.parametrize("options", [{"num_distractors": -1}, {"index": -1}], ids=str)
def test_what_cannot_be_leaves_the_generator_of_a_single_environment(options: Any) -> None:
    env = gym.make("GlimpseClutteredMNIST60-v0").unwrapped
    env.reset(seed=1)
    before = env.np_random_seed, env.np_random.bit_generator.state
    with pytest.raises(InvalidArgument):
        env.reset(seed=7, options=options)
    assert (env.np_random_seed, env.np_random.bit_generator.state) == before


def test_tasks_without_it_say_so(ragged: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match="num_distractors"):
        made("GlimpseCatch-v0").reset(options={"num_distractors": 1})
    with pytest.raises(UnknownKeyword, match="max_digits"):
        made("Glimpse-v0", **ragged).reset(options={"max_digits": 1})
