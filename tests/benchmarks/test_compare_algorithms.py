"""The comparison end to end: every entrant, what is not made again, and what was killed."""

from __future__ import annotations

import dataclasses
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

pytest.importorskip("sb3_contrib")

from benchmarks import apart, compare_algorithms
from benchmarks.compare import ours, tasks
from benchmarks.compare.contenders import training_envs
from benchmarks.compare.entrants import ENTRANTS, takes_part
from benchmarks.compare.fan_out import LOST
from benchmarks.compare.looks import PICTURED
from benchmarks.compare.outcomes import Run, read_outcomes
from benchmarks.compare.run import Watch, read_result, run_one
from benchmarks.compare.tasks import TASKS, Task, steps_of_episode, task_named
from benchmarks.compare_algorithms import Arguments, main, wanted
from glimpse_env.errors import InvalidArgument

BUDGET = 256


@pytest.fixture
def digits(synthetic_mnist: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Drawn digits in the place of MNIST, also for who reads whole images."""
    monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_mnist))
    return synthetic_mnist


@pytest.mark.parametrize("task", ["mnist", "catch12"])
@pytest.mark.parametrize("name", ENTRANTS)
def test_every_entrant_learns_tests_and_is_kept(
    name: str, task: str, digits: Path, tmp_path: Path
) -> None:
    del digits
    if not takes_part(name, TASKS[task]):
        pytest.skip("is not for this task")
    found = run_one(Run(task, name, BUDGET, 0), tmp_path / "run", 20, 40)
    outcome, curve = found["outcome"], found["curve"]
    assert BUDGET <= outcome["steps"] < BUDGET + 8192  # to the end of an update
    assert outcome["n"] == 40 and 0 <= outcome["error"] <= 100 and outcome["cpu_seconds"] > 0
    assert outcome["parameters"] > 1000 and curve[-1]["images"] == outcome["steps"]
    looks_at = PICTURED if task == "mnist" and name != "whole-image" else 0
    assert len(read_result(tmp_path / "run")["looks"]) == looks_at


def test_a_run_is_made_once_and_a_killed_one_comes_to_the_same(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del digits
    run, sizes = Run("mnist", "hybrid", 2000, 1), (20, 40)
    whole = run_one(run, tmp_path / "whole", *sizes)

    def killed(self: Watch, steps: int) -> None:
        if steps > 1000:
            raise OSError("as if by kill -9")

    with monkeypatch.context() as patch:
        patch.setattr(Watch, "__call__", killed)
        with pytest.raises(OSError, match="kill"):
            run_one(run, tmp_path / "killed", *sizes)
    again = run_one(run, tmp_path / "killed", *sizes)
    same = ("steps", "wrong", "error", "options", "parameters")
    assert [again["outcome"][key] for key in same] == [whole["outcome"][key] for key in same]
    errors = [[row["validation/error"] for row in one["curve"]] for one in (again, whole)]
    assert errors[0] == errors[1] and len(errors[0]) > 1
    monkeypatch.setattr(ours, "ours", None)  # nothing is learned any more
    assert run_one(run, tmp_path / "killed", *sizes) == again == read_result(tmp_path / "killed")


def test_what_is_there_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def arguments(**given: Any) -> Arguments:
        paths = {"outcomes": tmp_path / "o.csv", "curves": tmp_path / "c.csv.xz"}
        return Arguments(tasks=("catch12",), runs=tmp_path / "runs", budget=64, **paths, **given)

    started: list[str] = []
    inner = subprocess.run

    def counted(command: list[str], **keywords: Any) -> Any:
        started.append(command[4])
        if command[4] == "a2c":  # is killed
            return subprocess.CompletedProcess(command, -9)
        return inner(command, **keywords)

    monkeypatch.setattr(apart.subprocess, "run", counted)
    one = {"workers": 2, "validation_images": 5, "test_images": 10, "seeds": (0,)}
    assert main(arguments(learners=("ram", "a2c"), **one)) == -9
    assert sorted(started) == ["a2c", "ram"]
    assert "a2c-64-seed0: stopped (-9); ask for it again" in capsys.readouterr().out
    assert [kept.learner for kept in read_outcomes(tmp_path / "o.csv")] == ["ram"]
    started.clear()
    assert main(arguments(learners=("ram", "a2c"), **one)) == -9
    assert started == ["a2c"] and "2 runs, of which 1 are there" in capsys.readouterr().out


@pytest.mark.parametrize("sizes", [{"test_images": 10}, {"validation_images": 5}])
@pytest.mark.parametrize("place", ["runs", "outcomes", "curves"])
def test_smaller_runs_are_not_kept_with_whole_ones(
    place: str, sizes: dict[str, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare_algorithms, "run_apart", None)  # nothing is run
    places = {name: tmp_path / name for name in ("runs", "outcomes", "curves")}
    usual = getattr(Arguments(), place)
    for same in (usual, usual.absolute()):
        name = next(iter(sizes))
        with pytest.raises(InvalidArgument, match=f"{name}=.*give --{place} of"):
            main(Arguments(**(places | {place: same}), **sizes))  # type: ignore[arg-type]


def test_workers_elsewhere_are_given_an_absolute_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And of one that was lost, no output is promised."""
    monkeypatch.chdir(tmp_path)
    asked: list[Path] = []

    def elsewhere(runs: list[Run], apart: Any, workers: int) -> Iterator[tuple[Run, int]]:
        del workers
        asked.append(apart.keywords["arguments"].runs)
        yield runs[0], LOST
        yield runs[1], 1

    monkeypatch.setattr(compare_algorithms, "with_ray", elsewhere)
    files = {"outcomes": tmp_path / "o.csv", "curves": tmp_path / "c.csv.xz"}
    some = {"tasks": ("catch12",), "learners": ("ram",), "seeds": (0, 1), "budget": 64}
    assert main(Arguments(ray=True, runs=Path("here"), **files, **some)) == 1  # type: ignore[arg-type]
    assert asked == [tmp_path / "here"]
    lost, stopped = capsys.readouterr().out.splitlines()[1:]
    assert "worker was lost" in lost and "output.txt" not in lost
    assert stopped.endswith(f"{tmp_path / 'here' / 'catch12-ram-64-seed1' / 'output.txt'} says why")


def test_learners_see_the_same_environment_and_budgets_are_equal() -> None:
    runs = wanted(Arguments(tasks=("mnist", "catch", "cluttered60"), seeds=(0, 1)))
    assert len(runs) == len(set(runs)) and runs[0].seed == 0 and runs[-1].seed == 1
    assert {run.budget for run in runs if run.task == "catch"} == {TASKS["catch"].steps}
    assert {run.learner for run in runs} == set(ENTRANTS)
    for run in runs:
        entrant = ENTRANTS[run.learner]
        assert not (entrant.labels and run.task == "catch" and run.learner == "hybrid")
    task = dataclasses.replace(TASKS["catch12"])
    made = [ENTRANTS[name].make(task, 0, 100) for name in ("ram", "ppo", "dqn", "sac")]  # type: ignore[misc]
    spaces = {str(training_envs(task, learner).single_observation_space) for learner in made}
    assert len(spaces) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tasks": ("chess",)}, "no task 'chess'; there are: catch12"),
        ({"learners": ("alphago",)}, "no learner 'alphago'; there are: hybrid"),
        ({"tasks": ("catch",), "learners": ("hybrid",)}, "can learn task 'catch'"),
    ],
)
def test_names_that_cannot_be_are_refused(options: Any, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        wanted(Arguments(**options))


@pytest.mark.parametrize("first", ["none", "center"])
@pytest.mark.parametrize("name", ["catch12", "house-numbers-1", "house-numbers-2"])
def test_steps_of_an_episode_against_playing_one(name: str, first: str) -> None:
    """With right labels, over images of every length."""
    task = task_named(name)
    options: dict[str, Any] = {"initial_gaze": first} | ({} if task.is_game else {"num_images": 60})
    task = Task(**(vars(task) | {"options": task.env_options() | options}))
    envs = task.envs("train", 60)
    envs.reset(seed=0, options={"index": np.arange(60) % envs.size})
    longest, running = 0, np.ones(60, bool)
    while running.any():
        action = envs.action_space.sample()
        if not task.is_game:
            action["label"] = np.maximum(np.asarray(envs._episodes.target), 0)
        running = ~envs.step(action)[2]
        longest += 1
    assert longest == steps_of_episode(envs)


@pytest.mark.parametrize(("name", "seen"), [("catch12", 6), ("house-numbers-2", 7)])
def test_ppo_that_stacks_sees_the_whole_episode(name: str, seen: int) -> None:
    """Of two digits and the end, two glimpses each, and what is seen before; games are longer."""
    make = ENTRANTS["ppo-stack"].make
    assert make is not None
    learner: Any = make(TASKS[name], 0, 1000)
    assert learner.config.stack == seen


def test_tasks_are_made_of_environments_that_exist() -> None:
    for name, task in TASKS.items():
        assert task.name == name and task.env_id in gym.registry
        assert 0 < task.goal < 100 and task.steps >= 1_000_000
    assert tasks.TASKS["house-numbers-1"].env_options()["max_digits"] == 1
