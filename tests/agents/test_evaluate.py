"""The command that evaluates: what it reads, refuses, and how it names what it found."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tyro

from agents import evaluate
from agents.convnets.config import ConvNetConfig
from agents.convnets.training import ConvNetTraining
from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.runs import checkpoint, pretrained
from glimpse_env.errors import InvalidArgument, MissingData
from tests.agents.conftest import NUMBERS


def saved(folder: Path, config: Config, updates: int = 3) -> Path:
    """A run folder after a few updates."""
    training = Training(config)
    for _ in range(updates):
        training.update()
    folder.mkdir(exist_ok=True)
    checkpoint.save(folder / "checkpoint.pt", training.state())
    return folder


def read(run: Path, *options: str) -> None:
    few = ["--images", "20", "--num-envs", "20", "--device", "cpu", "--examples"]
    evaluate.main(tyro.cli(evaluate.Arguments, args=[str(run), *options, *few]))


def test_an_evaluation_knows_how_long_its_agent_had_learned(
    tmp_path: Path, stripes_config: Config
) -> None:
    run = saved(tmp_path / "run", stripes_config)
    read(run)
    file = run / "evaluation_test_samples1_images20.json"
    results = json.loads(file.read_text())
    assert [one["gaze"] for one in results] == ["policy", "random", "center"]
    assert {one["trained_images"] for one in results} == {3 * stripes_config.num_envs}
    saved(run, stripes_config, updates=5)  # it goes on
    read(run)
    assert json.loads(file.read_text())[0]["trained_images"] == 5 * stripes_config.num_envs
    assert len((run / "provenance.jsonl").read_text().splitlines()) == 2


def test_a_control_is_evaluated_as_it_was_trained(tmp_path: Path, stripes_config: Config) -> None:
    run = saved(tmp_path / "run", replace(stripes_config, gaze="center"))
    read(run)
    (one,) = json.loads((run / "evaluation_test_samples1_images20.json").read_text())
    assert one["gaze"] == "center"
    read(run, "--gaze", "policy")
    assert (run / "evaluation_test_samples1_images20_policy.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--num-envs", "0"], "num_envs=0"),
        (["--examples", "3", "2000"], r"examples: 2000 is outside 0 \.\. 1999"),
        (["--gaze", "random", "--focus", "GlimpseHouseNumbers110-v0"], "one agent alone"),
    ],
)
def test_options_that_cannot_be_are_named_before_anything_is_read(
    options: list[str], message: str, tmp_path: Path, stripes_config: Config
) -> None:
    run = saved(tmp_path / "run", stripes_config, updates=0)
    with pytest.raises(InvalidArgument, match=message):
        evaluate.main(tyro.cli(evaluate.Arguments, args=[str(run), *options]))
    assert [path.name for path in run.iterdir()] == ["checkpoint.pt"]


def test_pretrained_agents_are_listed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stripes_config: Config, capsys: Any
) -> None:
    result = {"error": 1.25, "interval": [1.0, 1.5], "parameters": 1234, "split": "test"}
    state = Training(stripes_config).state()
    pretrained.write("stripes", state, {}, [result], tmp_path / "agents")
    monkeypatch.setattr(pretrained.names, "__defaults__", (tmp_path / "agents",))
    monkeypatch.setattr(pretrained.page, "__defaults__", (tmp_path / "agents",))
    monkeypatch.setattr(pretrained.load_state, "__defaults__", (tmp_path / "agents",))
    evaluate.main(tyro.cli(evaluate.Arguments, args=["--pretrained"]))
    listed = capsys.readouterr().out
    assert re.search(r"stripes +Stripes-v0 +1\.25 % \(1\.00 \.\. 1\.50\) +1,234 +none", listed)
    monkeypatch.chdir(tmp_path)
    few = ["--images", "20", "--num-envs", "20", "--device", "cpu", "--examples"]
    evaluate.main(tyro.cli(evaluate.Arguments, args=["--pretrained", "stripes", *few]))
    assert (tmp_path / "runs/pretrained-stripes/evaluation_test_samples1_images20.json").exists()
    with pytest.raises(MissingData, match="there are: stripes"):
        evaluate.main(tyro.cli(evaluate.Arguments, args=["--pretrained", "spots"]))
    with pytest.raises(InvalidArgument, match="name one run, or one agent"):
        evaluate.main(tyro.cli(evaluate.Arguments, args=["--pretrained", "stripes", "spots"]))
    with pytest.raises(InvalidArgument, match="name one run, or one agent"):
        evaluate.main(tyro.cli(evaluate.Arguments, args=[]))


def test_an_agent_reads_an_environment_with_the_same_labels(
    tmp_path: Path, synthetic_svhn: Path
) -> None:
    run = saved(tmp_path / "run", NUMBERS)
    read(run, "--env-id", "GlimpseSVHN-v0", "--data-dir", str(synthetic_svhn))
    file = run / "GlimpseSVHN-v0_evaluation_test_samples1_images20.json"
    assert [one["images"] for one in json.loads(file.read_text())] == [20, 20, 20]


def read_whole(run: Path, *options: str) -> None:
    few = ["--images", "20", "--device", "cpu"]
    evaluate.main(tyro.cli(evaluate.Arguments, args=[str(run), *options, *few]))


def test_a_whole_image_network_is_read_by_the_same_command(
    tmp_path: Path, synthetic_svhn: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = ConvNetConfig(
        env_id="GlimpseHouseNumbers-v0",
        num_images=32,
        network="residual",
        convolutions=(4, 8),
        pooled=2,
        batch=16,
    )
    training = ConvNetTraining(config)
    training.update()
    checkpoint.save(tmp_path / "checkpoint.pt", training.state())
    read_whole(tmp_path, "--env-id", "GlimpseSVHN-v0", "--data-dir", str(synthetic_svhn))
    [found] = json.loads((tmp_path / "GlimpseSVHN-v0_evaluation_test_images20.json").read_text())
    assert (found["images"], found["reader"]) == (20, "whole images")
    assert "objects mistaken" in capsys.readouterr().out
    with pytest.raises(InvalidArgument, match="--samples is for agents that look"):
        read_whole(tmp_path, "--samples", "2")
    read_whole(tmp_path)
    assert (tmp_path / "evaluation_test_images20.json").exists()


@pytest.mark.parametrize(
    ("env_id", "message"),
    [("GlimpseMNIST-v0", "has glimpse"), ("GlimpseHouseNumbers110-v9", "is not registered")],
)
def test_an_environment_with_other_labels_is_refused(
    tmp_path: Path, env_id: str, message: str, synthetic_mnist: Path
) -> None:
    run = saved(tmp_path / "run", NUMBERS, updates=0)
    with pytest.raises(InvalidArgument, match=message):
        read(run, "--env-id", env_id, "--data-dir", str(synthetic_mnist))
