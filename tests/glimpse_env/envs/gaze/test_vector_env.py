"""Our batch against Gymnasium's own SyncVectorEnv over single environments, in all three modes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from glimpse_env.envs.catch.env import CatchVectorEnv
from glimpse_env.envs.reading.env import GlimpseEnv, GlimpseVectorEnv
from tests.glimpse_env.envs.one_row import Counted

NUMBER = 4
SIZES = {"glimpse_size": 4, "num_scales": 2, "context_size": 5}
DECIDES = {"glimpses_per_label": 0, "max_glimpses": 3}
VARIANTS = [
    {"initial_gaze": gaze, "stop_on_mistake": stop, "glimpses_per_label": glimpses}
    for gaze, stop, glimpses in itertools.product(
        ("none", "center", "random"), (True, False), (1, 3)
    )
] + [{**DECIDES, "glimpse_cost": 0.25}]
Same = Callable[..., None]


def pair(mode: str, arguments: dict[str, Any]) -> tuple[GlimpseVectorEnv, SyncVectorEnv]:
    """The same episodes, by us and by Gymnasium."""
    ours = GlimpseVectorEnv(NUMBER, autoreset_mode=mode, **arguments)
    singles = [lambda: Counted(GlimpseEnv(**arguments))] * NUMBER
    return ours, SyncVectorEnv(singles, autoreset_mode=AutoresetMode[mode.upper()])


def rollout(
    ours: GlimpseVectorEnv, theirs: SyncVectorEnv, play: Any, steps: int
) -> Iterator[tuple[Any, Any]]:
    """What both return, call by call; in DISABLED mode the rows that ended are reset."""
    rng = np.random.default_rng(3)
    results: tuple[Any, Any] = ours.reset(seed=40), theirs.reset(seed=40)
    yield results
    for _ in range(steps):
        action = play(rng, results[0][-1], ours.rules.num_choices)
        results = ours.step(action), theirs.step(action)
        yield results
        ended = results[0][2]
        if ours.autoreset_mode == AutoresetMode.DISABLED and ended.any():
            # each its own dictionary: Gymnasium takes the mask out of it
            results = tuple(one.reset(options={"reset_mask": ended}) for one in (ours, theirs))
            yield results


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_as_gymnasium_does_it(
    mode: str,
    variant: dict[str, Any],
    ragged: dict[str, Any],
    play: Any,
    same_tree: Same,
    same_infos: Same,
) -> None:
    ours, theirs = pair(mode, {**ragged, **variant, **SIZES})
    ends = np.zeros(NUMBER, int)
    for (*values, info), (*others, other) in rollout(ours, theirs, play, 60):
        same_tree(values, others)
        same_infos(info, other, NUMBER)
        if mode != "same_step":  # there Gymnasium has it in final_info alone
            assert info.keys() - {"_episode"} == other.keys() - {"_episode"}
        if len(values) > 1:
            ends += values[2]
    assert ends.min() >= 3


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_single_label_tasks_too(
    mode: str, ragged: dict[str, Any], play: Any, same_tree: Same, same_infos: Same
) -> None:
    labels = np.arange(16) % 4
    ours, theirs = pair(mode, {**ragged, "labels": labels, **SIZES, "glimpses_per_label": 4})
    for (*values, info), (*others, other) in rollout(ours, theirs, play, 25):
        same_tree(values, others)
        same_infos(info, other, NUMBER)


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_partial_resets_in_mid_episode(
    mode: str, ragged: dict[str, Any], play: Any, same_tree: Same, same_infos: Same
) -> None:
    ours, theirs = pair(mode, {**ragged, **SIZES, "stop_on_mistake": False})
    rng = np.random.default_rng(8)
    seeds = iter([None, 7, [9, 8, 7, 6], None, 11, None])
    for number, (first, second) in enumerate(rollout(ours, theirs, play, 40)):
        *values, info = first
        *others, other = second
        same_tree(values, others)
        same_infos(info, other, NUMBER)
        if number % 7 == 3 and (mode != "disabled" or not ended(first)):
            mask = rng.random(NUMBER) < 0.5
            mask[number % NUMBER] = True
            index = int(rng.integers(16))  # Gymnasium passes the same options to every row
            arguments = {"seed": next(seeds), "options": {"reset_mask": mask, "index": index}}
            observation, info = ours.reset(**arguments)
            assert arguments["options"].keys() == {"reset_mask", "index"}
            expected, other = theirs.reset(**arguments)
            same_tree(observation, expected)
            same_infos(info, other, NUMBER)


def ended(result: tuple[Any, ...]) -> bool:
    """Whether a step ended an episode."""
    return len(result) == 5 and bool(result[2].any())


def test_infos_and_final_observations_in_same_step(ragged: dict[str, Any], play: Any) -> None:
    envs = GlimpseVectorEnv(NUMBER, autoreset_mode="same_step", **ragged, **SIZES)
    rng = np.random.default_rng(0)
    _, info = envs.reset(seed=0)
    for _ in range(30):
        old = info["index"]
        observation, _, terminated, _, info = envs.step(play(rng, info, envs.rules.num_choices))
        if not terminated.any():
            assert "final_obs" not in info or not info["_final_obs"].any()
            continue
        final = info["final_info"]
        assert info["final_obs"].dtype == object
        for row in range(NUMBER):
            if not terminated[row]:
                assert info["final_obs"][row] is None
                continue
            assert info["final_obs"][row] in envs.single_observation_space
            assert final["index"][row] == old[row]
            assert final["_episode"][row] and final["episode"]["_l"][row]
            assert observation["emit"][row] == 0
            assert info["_episode"][row] and info["episode"]["_r"][row]
            assert info["episode"]["l"][row] == final["episode"]["l"][row]


@pytest.mark.usefixtures("torch")
def test_torch_keeps_the_final_observations_in_one_batch(ragged: dict[str, Any], play: Any) -> None:
    arguments = {**ragged, **SIZES, "autoreset_mode": "same_step", "backend": "torch"}
    envs = GlimpseVectorEnv(NUMBER, **arguments)
    rng = np.random.default_rng(0)
    _, info = envs.reset(seed=0)
    ends = 0
    for _ in range(30):
        action = play(rng, info, envs.rules.num_choices)
        *_, terminated, _, info = envs.step(action)
        ends += int(terminated.sum())
        if terminated.any():
            assert (info["_final_obs"] == terminated).all()
            shapes = {key: tuple(value.shape) for key, value in info["final_obs"].items()}
            assert shapes == {key: space.shape for key, space in envs.observation_space.items()}
    assert ends > 3


def test_gymnasiums_wrappers_count_as_we_do(ragged: dict[str, Any], play: Any) -> None:
    envs = gym.wrappers.vector.RecordEpisodeStatistics(
        GlimpseVectorEnv(NUMBER, **ragged, **SIZES), stats_key="counted"
    )
    rng = np.random.default_rng(1)
    _, info = envs.reset(seed=2)
    compared = 0
    for _ in range(40):
        *_, terminated, _, info = envs.step(play(rng, info, 5))
        for row in np.flatnonzero(terminated):
            assert info["counted"]["r"][row] == info["episode"]["r"][row]
            assert info["counted"]["l"][row] == info["episode"]["l"][row]
            compared += 1
    assert compared > 5


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
@pytest.mark.parametrize("game", [False, True])
def test_a_return_is_the_sum_of_the_rewards_to_the_bit(
    game: bool, mode: str, backend: str, ragged: dict[str, Any]
) -> None:
    """A cost of 0.1, which no float holds: another order of adding would show."""
    keywords = {"screen_size": 9} if game else {**ragged, **DECIDES, "glimpse_cost": 0.1}
    make = CatchVectorEnv if game else GlimpseVectorEnv
    envs: Any = make(NUMBER, autoreset_mode=mode, backend=backend, **keywords)
    envs.action_space.seed(0)
    envs.reset(seed=0)
    earned, returns = envs.backend.zeros((NUMBER,), envs.backend.float_reward), []
    for _ in range(60):
        *_, reward, terminated, _, info = envs.step(envs.action_space.sample())
        earned = earned + reward
        for row in np.flatnonzero(info.get("_episode", np.zeros(NUMBER, bool))).tolist():
            returns.append(info["episode"]["r"][row].item())
            assert returns[-1] == earned[row].item()
            earned[row] = 0
        if mode == "disabled" and terminated.all():
            envs.reset()
    assert len(set(returns)) > 1


@pytest.mark.parametrize("name", ["next_step", "NextStep", AutoresetMode.NEXT_STEP])
def test_a_mode_has_gymnasiums_name_or_ours(ragged: dict[str, Any], name: Any) -> None:
    assert GlimpseVectorEnv(2, autoreset_mode=name, **ragged).autoreset_mode.value == "NextStep"


def test_the_first_reset_begins_every_row(ragged: dict[str, Any], backend: str) -> None:
    envs = GlimpseVectorEnv(2, backend=backend, **ragged)
    mask = np.array([True, False])
    with pytest.raises(gym.error.ResetNeeded, match="reset_mask"):
        envs.reset(seed=0, options={"reset_mask": mask})
    with pytest.raises(gym.error.ResetNeeded):
        envs.step({"gaze": np.zeros((2, 2)), "label": np.zeros(2, int)})
    envs.reset(seed=0, options={"reset_mask": mask | True})
    envs.reset(options={"reset_mask": mask})


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
def test_steps_in_inference_mode_leave_the_others_as_they_are(
    mode: str, torch: Any, ragged: dict[str, Any], play: Any, same_tree: Same
) -> None:
    envs, others = (
        GlimpseVectorEnv(NUMBER, autoreset_mode=mode, backend="torch", **ragged, **SIZES)
        for _ in range(2)
    )
    rng = np.random.default_rng(0)
    action: dict[str, Any] = {}
    for number in range(40):
        with torch.inference_mode(number % 3 == 0):
            if number % 10 == 0:  # a mask is for episodes that have begun
                options = {"reset_mask": np.arange(NUMBER) % 2 == 0} if number else {}
                _, info = envs.reset(seed=number, options=options)
            else:
                result = envs.step(action)
                info = result[-1]
        if number % 10 == 0:
            others.reset(seed=number, options=options)
        else:
            same_tree(result, others.step(action))
        action = play(rng, info, envs.rules.num_choices)
