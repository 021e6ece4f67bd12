from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import numpy as np
import pytest
import torch

from agents.dram.learning.make import make_training
from agents.dram.model.build import make_agent
from agents.dram.presets import PRESETS
from agents.runs.config import OWN_IMAGES, RunConfig
from agents.train_dram import parse
from agents.trainer.envs import make_envs
from glimpse_env.tasks.mnist.layouts import DIGIT, LAYOUTS
from glimpse_env.tasks.mnist.task import MNISTTask


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_takes_an_update(
    name: str,
    synthetic_mnist: Path,
    synthetic_svhn: Path,
    own_images: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = replace(PRESETS[name](), num_envs=8)
    if "SVHN" in config.env_id:
        monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_svhn))
    if "HouseNumbers" in config.env_id:
        config = replace(config, num_images=16)
    if config.env_id == OWN_IMAGES:
        config = config.with_own_images(*own_images)
    metrics = make_training(config).update()
    measure = "move_entropy" if "Catch" in config.env_id else "cross_entropy"
    assert torch.isfinite(metrics[f"train/{measure}"])
    assert metrics["gradients/emission"] > 0
    assert PRESETS[name].__doc__
    assert config.sigma_start_pixels is None or config.sigma_fall_images < config.images
    assert bool(config.published_error) == (config.env_id != OWN_IMAGES)


def test_the_papers_sizes(synthetic_mnist: Path) -> None:
    """What the papers state: glimpses, scales, units."""
    pairs = PRESETS["dram_pairs"]()
    assert (pairs.units, pairs.features) == (512, 256)
    classifiers = {name: PRESETS[name]().classifier_hidden for name in PRESETS}
    assert {name for name, hidden in classifiers.items() if hidden} == {
        name for name in PRESETS if "dram" in name and PRESETS[name]().units >= 256
    }
    envs = make_envs(PRESETS["ram_cluttered100_6"](), "test", 1)
    assert envs.rules.glimpses_per_label == 6
    assert envs.single_observation_space["glimpse"].shape == (4, 12, 12)
    ram = make_agent(PRESETS["ram_mnist_2"](), make_envs(PRESETS["ram_mnist_2"](), "test", 1))
    assert ram.top is None and ram.context is None
    no_context = make_envs(PRESETS["dram_pairs_no_context"](), "test", 1)
    assert "context" not in no_context.single_observation_space.spaces


def test_digits_lie_as_the_command_line_says(synthetic_mnist: Path) -> None:
    offered, _ = get_args(get_type_hints(RunConfig)["layout"])
    assert get_args(offered) == tuple(LAYOUTS)
    config = parse(["--preset", "dram_addition_cpu", "--layout", "apart"]).config
    task = make_envs(config, "validation", 1).task
    assert isinstance(task, MNISTTask)
    corners = np.stack(task.corners(np.arange(200)))
    assert abs(corners[..., 0] - corners[..., 1]).max(0).min() >= DIGIT
