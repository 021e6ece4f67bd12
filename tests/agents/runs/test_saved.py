from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from agents import train_convnet, train_dram
from agents.convnets.presets import CONVNET_PRESETS
from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.dram.model.build import load_agent
from agents.runs import checkpoint
from agents.runs.saved import load_run
from glimpse_env.errors import CorruptedData, InvalidArgument, MissingData


@pytest.fixture
def state(stripes_config: Config) -> dict[str, Any]:
    """A checkpoint's content."""
    training = Training(stripes_config)
    training.update()
    return training.state()


def saved(folder: Path, state: dict[str, Any]) -> Path:
    checkpoint.save(folder / "checkpoint.pt", state)
    return folder


def renamed(weights: dict[str, Any]) -> dict[str, Any]:
    return {name.replace("emission.", "where_next."): weight for name, weight in weights.items()}


def test_an_agent_comes_back(tmp_path: Path, state: dict[str, Any], stripes_config: Config) -> None:
    agent, config = load_agent(saved(tmp_path, state))
    assert config == stripes_config
    weights = agent.state_dict()
    assert all(torch.equal(weights[name], weight) for name, weight in state["agent"].items())


def test_the_run_of_a_whole_image_network_is_no_agent(tmp_path: Path) -> None:
    config = CONVNET_PRESETS["convnet_mnist_fc"]()
    run = saved(
        tmp_path,
        {
            "trainer": config.TRAINER,
            "config": dataclasses.asdict(config),
            "network": {},
            "updates": 3,
        },
    )
    remedy = rf"{run} is the run of another trainer.*train_convnet.py --resume {run}"
    with pytest.raises(InvalidArgument, match=remedy):
        load_agent(run)
    for option in ("--start-from", "--share-glimpse"):
        arguments = train_dram.parse(["--runs", str(tmp_path / "runs"), option, str(run)])
        with pytest.raises(InvalidArgument, match=remedy):
            train_dram.main(arguments)
    assert train_convnet.parse(["--resume", str(run)]).config == config


def test_the_run_of_an_agent_is_no_whole_image_network(
    tmp_path: Path, state: dict[str, Any]
) -> None:
    run = saved(tmp_path, state)
    with pytest.raises(InvalidArgument, match=rf"another trainer.*train_dram.py --resume {run}"):
        train_convnet.parse(["--resume", str(run)])


def test_a_model_of_stable_baselines3_is_no_agent(tmp_path: Path) -> None:
    (tmp_path / "model.zip").write_bytes(b"what SB3 writes")
    with pytest.raises(InvalidArgument, match=r"another trainer.*train_sb3.py --resume"):
        load_agent(tmp_path)


@pytest.mark.parametrize("change", ["added", "missing", "not a dictionary", "none"])
def test_configurations_of_other_versions(
    tmp_path: Path, state: dict[str, Any], change: str
) -> None:
    config, error = state["config"], InvalidArgument
    message = "the version of this code that made the run, or train again"
    if change == "added":
        config["glimpse_radius"], message = 3, f"'glimpse_radius' is not known; use {message}"
    elif change == "missing":
        del config["env_id"]
        message = f"env_id.*{message}"
    else:
        state["config"], error = [config], CorruptedData  # type: ignore[assignment]
        message = "has no configuration; train again"
    if change == "none":
        del state["config"]
    with pytest.raises(error, match=message):
        load_agent(saved(tmp_path, state))


@pytest.mark.parametrize("damage", ["renamed", "other sizes", "none"])
def test_weights_of_other_versions_name_their_run(
    tmp_path: Path, state: dict[str, Any], damage: str
) -> None:
    if damage == "renamed":
        state["agent"] = renamed(state["agent"])
    elif damage == "other sizes":
        state["agent"]["emission.linear.weight"] = torch.zeros(2, 7)
    else:
        del state["agent"]
    run = saved(tmp_path, state)
    message = rf"{run} holds networks of other sizes or names.*(?s:.*)version of this code"
    with pytest.raises(InvalidArgument, match=message):
        load_agent(run)
    with pytest.raises(InvalidArgument, match=message):
        train_dram.main(train_dram.parse(["--resume", str(run), "--device", "cpu"]))
    assert [path.name for path in run.iterdir()] == ["checkpoint.pt"]


def test_the_state_of_another_optimizer(tmp_path: Path, state: dict[str, Any]) -> None:
    state["optimizer"]["param_groups"][0]["params"].pop()
    run = saved(tmp_path, state)
    with pytest.raises(InvalidArgument, match=f"{run} holds networks of other sizes"):
        train_dram.main(train_dram.parse(["--resume", str(run), "--device", "cpu"]))


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=str(tmp_path)):
        load_run(tmp_path, Config)
