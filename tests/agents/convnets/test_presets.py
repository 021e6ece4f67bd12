from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from agents.convnets.config import ConvNetConfig
from agents.convnets.networks import ConvNet
from agents.convnets.presets import CONVNET_PRESETS
from agents.convnets.training import ConvNetTraining, Images
from agents.dram.model.build import make_agent
from agents.dram.presets import PRESETS
from agents.evaluation.flops import counting, parameters_of
from agents.runs.config import OWN_IMAGES
from agents.trainer.envs import make_envs


def preset(name: str) -> ConvNetConfig:
    config = CONVNET_PRESETS[name]()
    return replace(config, num_images=16) if "HouseNumbers" in config.env_id else config


@pytest.mark.parametrize("name", CONVNET_PRESETS)
def test_every_preset_takes_an_update(
    name: str,
    synthetic_mnist: Path,
    synthetic_svhn: Path,
    own_images: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At a fraction of its width."""
    config = replace(preset(name), batch=8)
    if config.env_id == OWN_IMAGES:
        config = config.with_own_images(*own_images)
    if "SVHN" in config.env_id:
        monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_svhn))
    narrow = replace(config, width_factor=min(config.width_factor, 1 / 8))
    metrics = ConvNetTraining(narrow).update()
    assert torch.isfinite(metrics["train/cross_entropy"])
    assert CONVNET_PRESETS[name].__doc__
    assert bool(config.published_error) == (config.env_id != OWN_IMAGES)


@pytest.mark.parametrize(
    ("modern", "agent"),
    [
        ("modern_mnist", "ram_mnist_lstm"),
        ("modern_translated", "ram_translated"),
        ("modern_cluttered60", "ram_cluttered60"),
        ("modern_cluttered100", "ram_cluttered100"),
        ("modern_pairs", "dram_pairs"),
        ("modern_addition", "dram_addition"),
        ("modern_house_numbers", "dram_house_numbers"),
        ("modern_house_numbers_cpu", "dram_house_numbers_cpu"),
        ("modern_house_numbers110", "dram_house_numbers"),
        ("modern_house_numbers110_cpu", "dram_house_numbers_cpu"),
    ],
)
def test_modern_networks_have_the_agents_parameters(
    modern: str, agent: str, synthetic_mnist: Path
) -> None:
    config = PRESETS[agent]()
    seen = make_agent(config, make_envs(config, "test", 1))
    shown = preset(modern)
    network = ConvNet(shown, Images(shown, "test", "cpu").task)
    assert parameters_of(network) == pytest.approx(parameters_of(seen), rel=0.1)


@pytest.mark.parametrize(
    ("name", "parameters", "multiply_adds"),
    [("convnet_house_numbers", 32e6, 2.1e9), ("convnet_house_numbers110", 90e6, 8.5e9)],
)
def test_the_ten_layers_cost_what_the_paper_says(
    name: str, parameters: float, multiply_adds: float
) -> None:
    """Multiply-adds as in DRAM, table 5; parameters are fewer. Nothing is computed here."""
    config = preset(name)
    task = Images(config, "test", "cpu").task
    with torch.device("meta"):
        network = ConvNet(config, task)
        with counting() as counter:
            network(torch.zeros(1, *task.image_shape))
    assert counter.get_total_flops() / 2 == pytest.approx(multiply_adds, rel=0.04)
    assert parameters_of(network) == pytest.approx(parameters, rel=0.02)
