"""Catch as an environment: against a plain game, alone and in a batch, on both backends."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from glimpse_env.envs.catch.env import CatchEnv, CatchVectorEnv
from glimpse_env.envs.catch.rules import SUBCELLS
from glimpse_env.errors import InvalidAction, InvalidArgument
from tests.glimpse_env.envs.one_row import Counted, info_row

NUMBER = 5
MODES = ["next_step", "same_step", "disabled"]
GAZES = ["none", "center", "random"]
Same = Callable[..., None]


def actions(rng: np.random.Generator, number: int = NUMBER) -> dict[str, Any]:
    """Gazes that also leave the screen, and any moves."""
    gaze = rng.uniform(-1.2, 1.2, (number, 2)).astype(np.float32)
    return {"gaze": gaze, "move": rng.integers(0, 3, number)}


def host(tree: Any) -> Any:
    """The same tree with NumPy arrays."""
    if isinstance(tree, dict):
        return {key: host(value) for key, value in tree.items()}
    return np.asarray(tree)


def row_of(tree: Any, row: int) -> Any:
    return {key: value[row] for key, value in host(tree).items()}


class PlainCatch:
    """One game, played on a grid by somebody who has read the paper and nothing else."""

    def __init__(self, side: int, column: int, speed: int, paddle: int) -> None:
        self.side, self.paddle, self.row = side, paddle, 0
        self.place, self.speed = column * SUBCELLS + SUBCELLS // 2, speed

    @property
    def column(self) -> int:
        return self.place // SUBCELLS

    def step(self, move: int) -> tuple[float, bool]:
        self.paddle = min(max(self.paddle + (-1, 0, 1)[move], 0), self.side - 2)
        self.row += 1
        self.place += self.speed
        if self.place < 0:
            self.place, self.speed = -1 - self.place, -self.speed
        elif self.place >= self.side * SUBCELLS:
            self.place, self.speed = 2 * self.side * SUBCELLS - 1 - self.place, -self.speed
        over = self.row == self.side - 1
        return float(over and self.column in (self.paddle, self.paddle + 1)), over

    def glimpse(self, gaze: np.ndarray, size: int, scales: int) -> np.ndarray:
        """What the retina must show: means over squares of the screen, cell by cell."""
        far = size * 2**scales
        screen = np.zeros((self.side + 2 * far, self.side + 2 * far))
        screen[far + self.row, far + self.column] = 1
        screen[far + self.side - 1, far + self.paddle : far + self.paddle + 2] = 1
        patches = []
        for cell in 2 ** np.arange(scales):
            width = size * cell
            pixel = (gaze.astype(np.float64) + 1) / 2 * self.side
            left, top = np.floor(pixel - width / 2 + 0.5).astype(int) + far
            patch = screen[top : top + width, left : left + width]
            patches.append(patch.reshape(size, cell, size, cell).mean((1, 3)))
        return np.stack(patches)


@pytest.mark.parametrize("side", [3, 10, 24])
@pytest.mark.parametrize("initial_gaze", GAZES)
def test_as_a_plain_game(side: int, initial_gaze: str, backend: str) -> None:
    envs = CatchVectorEnv(
        40,
        screen_size=side,
        initial_gaze=initial_gaze,
        glimpse_size=5,
        num_scales=3,
        autoreset_mode="disabled",
        backend=backend,
    )
    rng, caught = np.random.default_rng(0), 0
    for seed in range(3):
        observation, info = map(host, envs.reset(seed=seed))
        opening = map(host, envs.game.open(envs._episodes.rows.index))
        start, speed, paddle = opening
        games = [
            PlainCatch(side, *numbers)
            for numbers in zip(start // SUBCELLS, speed, paddle, strict=True)
        ]
        assert (observation["glimpse"] == 0).all() or initial_gaze != "none"
        for _ in range(side - 1):
            action = actions(rng, 40)
            observation, reward, over, truncated, info = map(host, envs.step(action))
            gaze = action["gaze"].clip(-1, 1)
            np.testing.assert_array_equal(observation["location"], gaze)
            assert not truncated.any()
            for row, game in enumerate(games):
                expected = game.step(int(action["move"][row]))
                assert (reward[row], over[row]) == expected
                assert info["ball"][row].tolist() == [game.column, game.row]
                assert info["paddle"][row] == game.paddle
                np.testing.assert_allclose(
                    observation["glimpse"][row], game.glimpse(gaze[row], 5, 3), atol=1e-6
                )
        assert over.all()
        np.testing.assert_array_equal(info["caught"], reward > 0)
        np.testing.assert_array_equal(info["episode"]["r"], reward)
        assert (info["episode"]["l"] == side - 1).all()
        caught += int(reward.sum())
        again, nothing, still, _, after = map(host, envs.step(actions(rng, 40)))
        assert still.all() and (nothing == 0).all()
        for key in ("glimpse", "location"):
            np.testing.assert_array_equal(again[key], observation[key])
        np.testing.assert_array_equal(after["paddle"], info["paddle"])
        assert not np.any(after.get("_episode", False))
    assert 0 < caught < 120


@pytest.mark.parametrize("initial_gaze", GAZES)
def test_a_row_is_the_single_environment(initial_gaze: str, same_tree: Same) -> None:
    arguments = {"screen_size": 7, "initial_gaze": initial_gaze, "context_size": 3}
    envs = CatchVectorEnv(NUMBER, autoreset_mode="disabled", **arguments)
    singles = [Counted(CatchEnv(**arguments)) for _ in range(NUMBER)]
    rng, ends = np.random.default_rng(1), 0
    observation, info = envs.reset(seed=30)
    for row, single in enumerate(singles):
        same_tree(single.reset(seed=30 + row), (row_of(observation, row), info_row(info, row)))
    for _ in range(30):
        action = actions(rng)
        observation, reward, terminated, truncated, info = envs.step(action)
        for row, single in enumerate(singles):
            expected = (
                row_of(observation, row),
                float(reward[row]),
                bool(terminated[row]),
                bool(truncated[row]),
                info_row(info, row),
            )
            same_tree(single.step(row_of(action, row)), expected)
        if terminated.any():
            ends += 1
            observation, info = envs.reset(options={"reset_mask": terminated})
            for row, single in enumerate(singles):
                same_tree(single.reset(), (row_of(observation, row), info_row(info, row)))
    assert ends == 5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.usefixtures("torch")
def test_torch_is_numpy(mode: str, same_tree: Same, same_infos: Same) -> None:
    arguments = {"autoreset_mode": mode, "screen_size": 9, "context_size": 4}
    first = CatchVectorEnv(NUMBER, **arguments)
    second = CatchVectorEnv(NUMBER, backend="torch", **arguments)
    rng = np.random.default_rng(2)

    def compare(ours: Any, theirs: Any) -> None:
        *values, info = ours
        *others, other = map(host, theirs)
        same_tree(values[1:], others[1:])
        same_tree(values[0], others[0], 1e-6)
        np.testing.assert_array_equal(values[0]["location"], others[0]["location"])
        same_infos(info, other, NUMBER, 1e-6)

    results: Any = first.reset(seed=9), second.reset(seed=9)
    compare(*results)
    for step in range(40):
        action = actions(rng)
        results = first.step(action), second.step(action)
        compare(*results)
        ended = np.asarray(results[0][2])
        mask = rng.random(NUMBER) < 0.5
        if mode == "disabled" and ended.any():
            mask = ended
        elif step % 6 != 5 or not mask.any():
            continue
        results = [envs.reset(options={"reset_mask": mask}) for envs in (first, second)]
        compare(*results)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("initial_gaze", GAZES)
def test_autoreset_as_gymnasium_does_it(
    mode: str, initial_gaze: str, same_tree: Same, same_infos: Same
) -> None:
    arguments = {"screen_size": 6, "initial_gaze": initial_gaze}
    ours = CatchVectorEnv(NUMBER, autoreset_mode=mode, **arguments)
    theirs = SyncVectorEnv(
        [lambda: Counted(CatchEnv(**arguments))] * NUMBER,
        autoreset_mode=AutoresetMode[mode.upper()],
    )
    rng = np.random.default_rng(3)
    results: Any = ours.reset(seed=40), theirs.reset(seed=40)
    for number in range(40):
        for values in zip(*(result[:-1] for result in results), strict=True):
            same_tree(*values)
        same_infos(results[0][-1], results[1][-1], NUMBER)
        ended = len(results[0]) == 5 and results[0][2]
        mask = rng.random(NUMBER) < 0.5
        if mode == "disabled" and np.any(ended):
            mask = ended
        elif number % 7 != 3 or not mask.any() or (mode == "disabled" and np.any(ended)):
            action = actions(rng)
            results = ours.step(action), theirs.step(action)
            continue
        index = int(rng.integers(1000))
        results = tuple(
            one.reset(seed=number, options={"reset_mask": mask.copy(), "index": index})
            for one in (ours, theirs)
        )


@pytest.mark.parametrize("mode", MODES)
def test_no_step_waits_for_a_value(mode: str, torch: Any) -> None:
    """Tensors on torch's "meta" device have shapes and no values: whoever asks for one fails."""
    with pytest.raises(RuntimeError):
        bool(torch.zeros(1, device="meta"))
    envs = CatchVectorEnv(
        4, backend="torch", device="meta", autoreset_mode=mode, screen_size=6, context_size=3
    )
    envs.reset(seed=0)
    for step in range(14):
        gaze = torch.zeros(4, 2, device="meta")
        move = torch.zeros(4, dtype=torch.int64, device="meta")
        observation, reward, terminated, truncated, _ = envs.step({"gaze": gaze, "move": move})
        for array in (*observation.values(), reward, terminated, truncated):
            assert array.device.type == "meta"
        if step == 8:
            envs.reset(options={"reset_mask": np.array([True, False, True, False])})


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
@pytest.mark.parametrize("mode", MODES)
def test_copies_made_in_mid_game_go_on_as_the_original(
    how: str, mode: str, backend: str, same_tree: Same
) -> None:
    envs = CatchVectorEnv(
        4, autoreset_mode=mode, backend=backend, screen_size=8, render_mode="rgb_array"
    )
    rng = np.random.default_rng(0)
    envs.reset(seed=6)
    for _ in range(11):
        twin = pickle.loads(pickle.dumps(envs)) if how == "pickle" else copy.deepcopy(envs)
        action = actions(rng, 4)
        same_tree(envs.step(action), twin.step(action))
        same_tree(envs.render(), twin.render())
    assert len(pickle.dumps(envs)) < 100_000


def test_a_game_that_is_pinned(backend: str, same_tree: Same) -> None:
    """In some rows alone, in the middle of the games of the others."""
    keywords = {"backend": backend, "autoreset_mode": "disabled", "screen_size": 8}
    envs, whole = (CatchVectorEnv(3, **keywords) for _ in range(2))
    mask, rng = np.array([False, True, False]), np.random.default_rng(0)
    envs.reset(seed=0)
    envs.step(actions(rng, 3))
    observation, info = envs.reset(seed=1, options={"reset_mask": mask, "index": [4, 5, 6]})
    expected, known = whole.reset(seed=1, options={"index": [4, 5, 6]})
    for moment in range(7):
        same_tree(row_of(observation, 1), row_of(expected, 1))
        same_tree(info_row(info, 1), info_row(known, 1))
        action = actions(rng, 3)
        observation, _, over, _, info = envs.step(action)
        expected, _, _, _, known = whole.step(action)
        assert np.asarray(over)[[0, 2]].all() == (moment >= 5)
    assert np.asarray(over).all()
    for index in (2**31, -1, 0.5):
        with pytest.raises(InvalidArgument, match="index"):
            envs.reset(options={"index": index})


WRONG: dict[str, Callable[[dict[str, Any]], Any]] = {
    "nan": lambda action: {**action, "gaze": np.full((NUMBER, 2), np.nan)},
    "3": lambda action: {**action, "move": np.full(NUMBER, 3)},
    "-1": lambda action: {**action, "move": np.full(NUMBER, -1)},
    "float": lambda action: {**action, "move": np.zeros(NUMBER)},
    "'move'": lambda action: {"gaze": action["gaze"], "label": action["move"]},
    "shape": lambda action: {**action, "move": np.zeros(NUMBER + 1, int)},
}


@pytest.mark.parametrize("how", WRONG)
def test_a_wrong_action_is_named_and_changes_nothing(
    how: str, backend: str, same_tree: Same
) -> None:
    envs, untouched = (CatchVectorEnv(NUMBER, backend=backend, screen_size=5) for _ in range(2))
    rng = np.random.default_rng(4)
    with pytest.raises(gym.error.ResetNeeded):
        envs.step(actions(rng))
    for one in (envs, untouched):
        one.reset(seed=0)
    for _ in range(5):
        action = actions(rng)
        if not np.asarray(envs._episodes.rows.over).all():  # where moves are read
            with pytest.raises(InvalidAction, match=how):
                envs.step(WRONG[how](action))
        same_tree(envs.step(action), untouched.step(action))


def test_gymnasiums_checker_has_nothing_to_say(backend: str) -> None:
    for initial_gaze in GAZES:
        for context_size in (0, 4):
            env = gym.make(
                "GlimpseCatch-v0",
                backend=backend,
                initial_gaze=initial_gaze,
                context_size=context_size,
            )
            check_env(env.unwrapped, skip_render_check=True)  # warnings are errors


def test_the_defaults_are_those_of_the_paper() -> None:
    envs = gym.make_vec("GlimpseCatch-v0", 2)
    assert envs.image_shape == (1, 24, 24)
    assert envs.single_observation_space["glimpse"].shape == (3, 6, 6)
    assert set(envs.single_observation_space) == {"glimpse", "location"}
    assert envs.single_action_space["move"].n == 3
    envs.reset(seed=0)
    steps = 1
    while not envs.step(envs.action_space.sample())[2].any():
        steps += 1
    assert steps == 23


def test_who_knows_where_the_ball_lands_catches_it() -> None:
    envs = CatchVectorEnv(500, split="test", autoreset_mode="disabled")
    _, info = envs.reset(seed=0)
    rows = envs._episodes.rows
    landing = envs.game.ball(rows.start, rows.speed, np.full(500, envs.game.steps))
    for _ in range(envs.game.steps):
        move = np.sign(landing - info["paddle"] - (landing > info["paddle"])) + 1
        *_, info = envs.step({"gaze": np.zeros((500, 2)), "move": move})
    assert info["caught"].all()


def test_frames_show_moves_and_outcome() -> None:
    envs = CatchVectorEnv(
        2, screen_size=6, render_mode="rgb_array", autoreset_mode="disabled", initial_gaze="center"
    )
    envs.reset(seed=1)
    seen = set()
    for _ in range(5):
        frames = envs.render()
        assert frames is not None and {frame.dtype for frame in frames} == {np.dtype(np.uint8)}
        seen.add(frames[0].tobytes())
        envs.step({"gaze": np.zeros((2, 2)), "move": np.array([0, 2])})
    assert len(seen) == 5
    captions = envs._episodes.captions(envs._viewer.trace.said(0))  # type: ignore[union-attr]
    assert [word for word, _ in captions[:-1]] == ["left"] * 5
    caught = bool(envs._episodes.rows.caught[0])
    assert captions[-1] == ("caught" if caught else "missed", caught)
    assert all(right is None for _, right in captions[:-1])


@pytest.mark.parametrize(
    "wrong",
    [
        {"split": "all"},
        {"screen_size": 2},
        {"glimpse_size": 0},
        {"num_scales": 0},
        {"context_size": -1},
        {"initial_gaze": "left"},
        {"glimpses_per_label": 3},
        {"device": "cuda"},
        {"num_envs": 0},
    ],
    ids=str,
)
def test_arguments_that_cannot_work_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(wrong))):
        CatchVectorEnv(**wrong)
