"""Which preset a command line means, and what a run that goes on says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agents import train_convnet, train_dram
from agents.dram.presets import PRESETS
from agents.trainer.command_line import resolved, tell_schedule


@pytest.mark.parametrize(
    ("env_id", "on_cpu", "on_gpu"),
    [
        (None, "dram_house_numbers_cpu", "dram_house_numbers"),
        ("GlimpseMNIST-v0", "ram_mnist", "ram_mnist"),
        ("GlimpseCatch-v0", "ram_catch", "ram_catch"),
        ("GlimpseMNISTPairs-v0", "dram_pairs_cpu", "dram_pairs"),
        ("GlimpseHouseNumbers110-v0", "dram_house_numbers110_cpu", "dram_house_numbers110_cpu"),
        ("Mine-v0", "dram_house_numbers_cpu", "dram_house_numbers"),
    ],
)
def test_the_preset_that_is_meant_is_the_one_for_the_environment(
    env_id: str | None, on_cpu: str, on_gpu: str
) -> None:
    choice = train_dram.CHOICE
    assert choice.chosen(None, "cpu", env_id, None) == on_cpu
    assert choice.chosen(None, "cuda", env_id, None) == on_gpu
    assert choice.chosen("ram_mnist", "cpu", env_id, None) == "ram_mnist"
    assert choice.chosen(None, "cpu", env_id, "photos") == "dram_image_folder"


def test_the_environment_alone_names_its_preset_and_its_run() -> None:
    config = train_dram.parse(["--env-id", "GlimpseMNIST-v0", "--device", "cpu"]).config
    assert config == PRESETS["ram_mnist"]()
    assert train_dram.CHOICE.run_name(None, "cpu", config) == "ram_mnist"
    other = replace(config, env_id="Mine-v0")
    assert train_dram.CHOICE.run_name("ram_mnist", "cpu", other) == "ram_mnist-Mine-v0"
    whole = train_convnet.parse(["--env-id", "GlimpseMNIST-v0", "--device", "cpu"]).config
    assert whole.env_id == "GlimpseMNIST-v0" and whole.network == "residual"


def test_help_names_every_preset(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train_dram.parse(["--help"])
    text = capsys.readouterr().out
    assert all(name in text for name in PRESETS)


def test_a_control_is_not_the_row_of_the_table() -> None:
    preset = PRESETS["ram_mnist"]()
    assert resolved(preset, preset).published_error
    assert not resolved(replace(preset, gaze="random"), preset).published_error


def test_a_longer_run_says_where_its_learning_rate_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = replace(PRESETS["ram_mnist"](), images=1000, learning_rate=1e-3)
    tell_schedule(config, config, 1000)
    tell_schedule(*[replace(config, schedule="exponential", decay=1.0)] * 2, 500)
    assert not capsys.readouterr().out
    tell_schedule(replace(config, images=2000), config, 1000)
    assert "goes on at 0.0005; it was at 0" in capsys.readouterr().out
