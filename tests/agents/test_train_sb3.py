from __future__ import annotations

import csv
import dataclasses
import json
import runpy
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch

pytest.importorskip("stable_baselines3")

from stable_baselines3 import PPO

from agents import train_sb3
from agents.evaluation.learner import ActorGameReader, ActorReader
from agents.sb3.callback import Companion
from agents.sb3.config import Sb3Config
from agents.sb3.model import (
    load_config,
    load_model,
    make_model,
    save_model,
    training_envs,
)
from agents.sb3.reader import Sb3Actor, evaluate_sb3
from agents.trainer.envs import make_envs, make_reading_envs
from glimpse_env.envs.catch import rules
from glimpse_env.errors import (
    CorruptedData,
    InvalidArgument,
    MissingData,
    MissingPackage,
)
from glimpse_env.wrappers.flat_actions import flat_actions

SCRIPT = Path(train_sb3.__file__)
SMALL = (
    "--num-envs 8 --steps 8 --batch 32 --epochs 1 --features 8 --channels 4 --units 8 "
    "--timesteps 192 --evaluate-every 128 --validation-images 16 --no-test --device cpu"
).split()
NUMBERS = ["--env-id", "GlimpseHouseNumbers-v0", "--options", "num_images", "32"]


def run(folder: Path, *arguments: str, status: int = 0) -> Path:
    parsed = train_sb3.parse(["--runs", str(folder), *SMALL, *arguments])
    assert train_sb3.main(parsed) == status
    return next(path for path in folder.iterdir())


def small(**changes: Any) -> Sb3Config:
    config = train_sb3.parse([*SMALL, *NUMBERS]).config
    return dataclasses.replace(config, **changes)


def rows_of(folder: Path, name: str = "progress.csv") -> list[dict[str, str]]:
    return list(csv.DictReader((folder / name).read_text().splitlines()))


def weights(model: Any) -> torch.Tensor:
    return torch.nn.utils.parameters_to_vector(model.policy.parameters()).detach()


def test_options_reach_the_environment() -> None:
    config = train_sb3.parse(
        "--env-id GlimpseHouseNumbers-v0 --options num_images 32 max_digits 2 glimpse_size 5 "
        "stop_on_mistake False initial_gaze center --action box --num-envs 8 --batch 64".split()
    ).config
    envs = training_envs(config)
    assert envs.num_envs == 8 and envs.action_space.shape == (2 + 11,)
    assert envs.observation_space["glimpse"].shape == (2, 5, 5)
    assert envs.envs.rules.max_labels == 2 and envs.envs.sees_at_reset
    assert envs.envs.rules.stop_on_mistake is False
    decides = [*NUMBERS, *"glimpses_per_label 0 glimpse_cost 0.125".split()]
    assert training_envs(train_sb3.parse(decides).config).envs.glimpse_cost == 0.125
    grid = training_envs(dataclasses.replace(config, action="multidiscrete", gaze_bins=4))
    assert grid.action_space.nvec.tolist() == [4, 4, 11]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--batch", "33"], "batch=33"),
        (["--timesteps", "0"], "timesteps=0"),
        (["--gaze-bins", "0"], "gaze_bins=0"),
        (["--discount", "1.5"], "discount=1.5"),
        (["--entropy-weight", "-1"], "entropy_weight=-1"),
        (["--options", "split", "test"], "'split' is for the trainer"),
    ],
)
def test_impossible_values_are_named(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train_sb3.parse(options)
    assert message in capsys.readouterr().err.replace("\n", " ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--env-id", "MountainCar-v0"], "MountainCar"),
        (["--env-id", "Nowhere-v0"], "'Nowhere-v0' is not registered"),
        (["--options", "glimpses", "3"], "glimpses"),
    ],
)
def test_other_environments_and_keywords_are_refused(
    tmp_path: Path, options: list[str], message: str, synthetic_mnist: Path
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        run(tmp_path, *options)


def test_a_run_in_a_thread(tmp_path: Path, catch_id: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        folder = pool.submit(run, tmp_path, "--env-id", catch_id).result()
    assert load_model(folder, None).num_timesteps == 192


def test_a_run_from_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--runs", str(tmp_path), *SMALL, *NUMBERS])
    monkeypatch.setattr(sys, "path", [*sys.path])  # a script puts the repository first
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert not ended.value.code
    folder = next(tmp_path.iterdir())
    assert folder.name.startswith("ppo-GlimpseHouseNumbers-v0-seed0-")
    names = {path.name.split(".")[0] for path in folder.iterdir() if path.name[0] != "."}
    assert names == {"config", "model", "progress", "events", "provenance"}
    assert "validation error" in "".join(capsys.readouterr())
    assert load_config(folder) == small()


@pytest.mark.parametrize("algo", ["ppo", "a2c", "recurrent-ppo"])
def test_every_algorithm_learns_is_logged_saved_and_read_out(
    algo: str,
    tmp_path: Path,
    stripes_id: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if algo == "recurrent-ppo":
        pytest.importorskip("sb3_contrib")
    make = train_sb3.make_model
    first: list[torch.Tensor] = []

    def remembering(*arguments: Any) -> Any:
        model = make(*arguments)
        first.append(weights(model))
        return model

    monkeypatch.setattr(train_sb3, "make_model", remembering)
    options = ["--env-id", stripes_id, "--algo", algo, "--timesteps", "1280", "--test"]
    folder = run(tmp_path, *options)
    model = load_model(folder, None)
    assert model.num_timesteps == 1280
    assert not torch.equal(weights(model), first[0])
    for name in ("rollout/success_rate", "rollout/ep_rew_mean", "validation/error"):
        found = [float(row[name]) for row in rows_of(folder) if row[name]]
        assert found and all(0 <= value <= 1 for value in found)
    assert rows_of(folder)[-1]["validation/error"]  # of the model that was kept
    results = json.loads((folder / "result.json").read_text())
    assert [(one["gaze"], one["split"]) for one in results] == [
        (gaze, "test") for gaze in ("policy", "random", "center")
    ]
    for one in results:
        assert one["reader"] == algo and one["images"] == 2000
        assert one["interval"][0] <= one["error"] <= one["interval"][1]
        assert one["parameters"] == len(weights(model)) and one["flops_per_image"] > 0
    assert "2000 images" in capsys.readouterr().out


def test_games_are_learned_too(
    tmp_path: Path, catch_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rules._SIZES, "test", 500)  # games, for there are three evaluations
    folder = run(tmp_path, "--env-id", catch_id, "--test", "--timesteps", "512")
    results = json.loads((folder / "result.json").read_text())
    assert results[0]["images"] == 500 and 0 < results[0]["wrong"] < 500


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    with pytest.raises(MissingPackage, match="pip install sb3-contrib"):
        run(tmp_path, *NUMBERS, "--algo", "recurrent-ppo")


def test_without_sb3_one_line_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stable_baselines3.common.base_class", None)
    monkeypatch.setattr(sys, "path", [*sys.path])  # a script puts the repository first
    with pytest.raises(SystemExit, match=r"error: .* needs Stable-Baselines3: pip install"):
        runpy.run_path(str(SCRIPT), run_name="__main__")


def test_a_saved_model_acts_as_before_and_is_sb3s_own(tmp_path: Path) -> None:
    config = small()
    model = make_model(config, training_envs(config)).learn(128)
    save_model(tmp_path, config, model)
    again, plain = load_model(tmp_path, None), PPO.load(tmp_path / "model.zip")
    assert load_config(tmp_path) == config
    envs = training_envs(config)
    seen = envs.reset()
    for _ in range(4):
        actions, _ = model.predict(seen, deterministic=True)
        np.testing.assert_array_equal(actions, again.predict(seen, deterministic=True)[0])
        np.testing.assert_array_equal(actions, plain.predict(seen, deterministic=True)[0])
        seen = envs.step(actions)[0]


def test_damaged_and_missing_models_are_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"config\.json"):
        train_sb3.parse(["--resume", str(tmp_path / "nothing")])
    config = small()
    save_model(tmp_path, config, make_model(config, training_envs(config)))
    path = tmp_path / "model.zip"
    whole = path.read_bytes()
    altered = bytearray(whole)
    altered[len(whole) // 2] ^= 1
    for content in (whole[: len(whole) // 2], bytes(altered), b"nothing"):
        path.write_bytes(content)
        with pytest.raises(CorruptedData, match=r"model\.zip"):
            load_model(tmp_path, None)
    path.unlink()
    with pytest.raises(MissingData, match=r"model\.zip"):
        load_model(tmp_path, None)
    (tmp_path / "config.json").write_text('{"algo": "pp')
    with pytest.raises(CorruptedData, match=r"config\.json is damaged"):
        train_sb3.parse(["--resume", str(tmp_path)])
    (tmp_path / "config.json").write_text('{"layers": 2}')
    with pytest.raises(InvalidArgument, match="another trainer"):
        train_sb3.parse(["--resume", str(tmp_path)])


def test_a_stopped_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    step, taken = Companion._on_step, []

    def interrupted(self: Companion) -> bool:
        taken.append(1)
        if len(taken) == 10:
            signal.raise_signal(signal.SIGINT)
        return step(self)

    monkeypatch.setattr(Companion, "_on_step", interrupted)
    folder = run(tmp_path, *NUMBERS, "--test", "--evaluate-every", "256", status=130)
    assert not (folder / "result.json").exists()
    assert f"--resume {folder}" in capsys.readouterr().out
    stopped = load_model(folder, None)
    assert stopped.num_timesteps == 64  # the steps of a rollout that was cut short taught nothing
    train_sb3.main(train_sb3.parse(["--resume", str(folder), "--timesteps", "1000", "--no-test"]))
    resumed = load_model(folder, None)
    assert 1000 <= resumed.num_timesteps < 1064
    assert not torch.equal(weights(resumed), weights(stopped))
    assert load_config(folder).timesteps == 1000
    assert int(rows_of(folder, "progress_64.csv")[0]["time/total_timesteps"]) > 64
    with pytest.raises(InvalidArgument, match=r"timesteps=500 .* already"):
        train_sb3.main(train_sb3.parse(["--resume", str(folder), "--timesteps", "500"]))
    assert load_config(folder).timesteps == 1000
    with pytest.raises(InvalidArgument, match="may change: timesteps"):
        train_sb3.main(train_sb3.parse(["--resume", str(folder), "--batch", "64"]))


def test_a_run_that_has_hardly_begun_can_go_on_and_belongs_to_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> bool:
        (folder,) = tmp_path.iterdir()
        with pytest.raises(InvalidArgument, match="is training in"):
            train_sb3.main(train_sb3.parse(["--resume", str(folder)]))
        raise OSError("as if by kill -9")

    with monkeypatch.context() as patch:
        patch.setattr(train_sb3, "learn", killed)
        with pytest.raises(OSError, match="kill"):
            run(tmp_path, *NUMBERS)
    (folder,) = tmp_path.iterdir()
    assert load_model(folder, None).num_timesteps == 0
    assert train_sb3.main(train_sb3.parse(["--resume", str(folder), "--no-test"])) == 0


class Scripted:
    """A model that says the right labels, but for what a test tells it to say wrongly.

    It keeps what it has seen, as a recurrent model its state.
    """

    policy = torch.nn.Linear(1, 1)

    def __init__(self, envs: Any, wrong_at: dict[int, int], bins: int = 3) -> None:
        self.envs, self.wrong_at, self.bins = envs, wrong_at, bins
        self.locations: list[Any] = []
        self.firsts: list[Any] = []

    def predict(self, seen: Any, state: Any, first: Any, deterministic: bool) -> Any:
        assert deterministic and (state is None) == first.all()
        self.locations.append(seen["location"])
        self.firsts.append(first)
        rows = self.envs._episodes.rows
        target = np.maximum(np.asarray(self.envs._episodes.target), 0)
        for row, turn in self.wrong_at.items():
            if rows.said[row] == turn:
                target[row] = (target[row] + 1) % 10
        cells = np.tile([self.bins - 1, 0], (len(target), 1))
        return np.concatenate([cells, target[:, None]], 1), "state"


def test_what_is_said_is_read_at_the_right_moments() -> None:
    """Episodes go on after a mistake, and the right label stands where it was said."""
    config = small(gaze_bins=3)
    envs = make_reading_envs(config, "validation", 6, stop_on_mistake=False)
    flat = flat_actions("multidiscrete", envs.single_action_space, 3)
    model = Scripted(envs, wrong_at={1: 0})
    reader = ActorReader(Sb3Actor(model, flat), envs)  # type: ignore[arg-type]
    index = np.arange(6)
    said, due = reader.say(index, 0), reader.targets(index)
    assert reader.end == 10 and said.shape == due.shape == (6, 6)
    right = np.asarray(said == due)
    assert not right[1, 0]
    right[1, 0] = True
    assert right.all() and (due[1] >= 0).sum() > 1
    for locations in model.locations[1:4]:
        np.testing.assert_allclose(locations, np.tile([2 / 3, -2 / 3], (6, 1)), atol=1e-6)
    assert model.firsts[0].all() and not any(first.any() for first in model.firsts[1:])


class Hesitant(Scripted):
    """Keeps looking twice before each right label; one row never speaks."""

    def __init__(self, envs: Any, silent: int) -> None:
        super().__init__(envs, {})
        self.silent, self.looks = silent, 0

    def predict(self, *seen: Any, **others: Any) -> Any:
        action, state = super().predict(*seen, **others)
        self.looks += 1
        patient = np.arange(len(action)) == self.silent
        action[patient | bool(self.looks % 3), 2] = self.envs.rules.keep_looking
        return action, state


def test_a_model_that_decides_is_heard_when_it_speaks() -> None:
    options = {"glimpses_per_label": 0, "max_glimpses": 4, "glimpse_cost": 0.01}
    config = small(gaze_bins=3, options={"num_images": 32, "initial_gaze": "center"} | options)
    envs = make_reading_envs(config, "validation", 6, stop_on_mistake=False)
    assert training_envs(config).action_space.nvec.tolist() == [3, 3, 12]
    flat = flat_actions("multidiscrete", envs.single_action_space, 3)
    actor = Sb3Actor(Hesitant(envs, silent=1), flat)  # type: ignore[arg-type]
    reader = ActorReader(actor, envs)
    said, due = reader.say(np.arange(6), 0), reader.targets(np.arange(6))
    assert (due[:, 1] >= 0).all()
    assert (said[1] == -1).all()  # at the cap it has said nothing
    others = [row for row in range(6) if row != 1]
    assert torch.equal(said[others], due[others])


def test_controls_look_elsewhere_and_are_seen_to() -> None:
    config = small(gaze_bins=3)
    envs = make_reading_envs(config, "validation", 6, stop_on_mistake=False)
    flat = flat_actions("multidiscrete", envs.single_action_space, 3)
    center, random = (Scripted(envs, {}), Scripted(envs, {}))
    ActorReader(Sb3Actor(center, flat), envs, "center").say(np.arange(6), 0)  # type: ignore[arg-type]
    assert not any(locations.any() for locations in center.locations)
    ActorReader(Sb3Actor(random, flat), envs, "random").say(np.arange(6), 0)  # type: ignore[arg-type]
    points = np.concatenate(random.locations[1:4])
    assert len(np.unique(points, axis=0)) == len(points) == 18


class Chaser:
    """Moves the paddle to where the ball will land; in `bad` rows, to the other side."""

    policy = torch.nn.Linear(1, 1)

    def __init__(self, envs: Any, bad: list[int]) -> None:
        self.envs, self.bad = envs, bad

    def predict(self, seen: Any, state: Any, first: Any, deterministic: bool) -> Any:
        rows, game = self.envs._episodes.rows, self.envs.game
        lands = game.ball(rows.start, rows.speed, np.full(len(rows.start), game.steps))
        move = 1 + np.sign(lands - rows.paddle)
        move[self.bad] = np.where(lands[self.bad] < self.envs.image_shape[2] / 2, 2, 0)
        return np.stack([move * 0, move * 0, move], 1), None


def test_games_are_judged_by_whether_they_are_won(catch_id: str) -> None:
    config = small(env_id=catch_id, options={})
    envs = make_envs(config, "test", 8)
    flat = flat_actions("multidiscrete", envs.single_action_space)
    actor = Sb3Actor(Chaser(envs, [2, 5]), flat)  # type: ignore[arg-type]
    reader = ActorGameReader(actor, envs)
    said = reader.say(np.arange(8), 0)
    assert said[:, 0].tolist() == [1, 1, 0, 1, 1, 0, 1, 1]
    assert reader.targets(np.arange(8)).tolist() == [[1]] * 8 and reader.end is None


def test_evaluation_reads_each_image_once_however_it_is_batched() -> None:
    config = small()
    model = make_model(config, training_envs(config))
    model.policy.action_net.bias.data[-11 + 3] += 99  # it says 3
    one = evaluate_sb3(model, config, "validation", images=50, num_envs=50)
    other = evaluate_sb3(model, config, "validation", images=50, num_envs=16)
    assert one.wrong == other.wrong == one.images == 50
    assert one.mean_labels_right == other.mean_labels_right > 0


@pytest.mark.slow
def test_ppo_learns_where_to_look(stripes_id: str) -> None:
    """Well above chance at its own gazes, and not where others look in its stead."""
    gym.spec(stripes_id).kwargs["glimpses_per_label"] = 1
    config = Sb3Config(
        env_id=stripes_id,
        num_envs=64,
        steps=16,
        batch=256,
        gaze_bins=6,
        timesteps=40_000,
        learning_rate=3e-3,
        features=32,
        channels=8,
        units=32,
    )
    model = make_model(config, training_envs(config)).learn(config.timesteps)
    found = {
        gaze: evaluate_sb3(model, config, "test", gaze=gaze, images=1000).error
        for gaze in ("policy", "random")
    }
    assert found["policy"] < 5 and found["random"] > 20, found
