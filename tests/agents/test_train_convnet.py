from __future__ import annotations

import json
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from agents import train_convnet, train_dram
from agents.convnets.presets import CONVNET_PRESETS
from agents.runs import checkpoint
from agents.runs.folder import read_metrics
from glimpse_env.errors import CorruptedData, InvalidArgument

SCRIPT = Path(train_convnet.__file__)
SMALL = (
    "--preset convnet_house_numbers_cpu --num-images 32 --batch 16 --width-factor 0.03125 "
    "--epoch-images 80 --images 160 --validation-images 16 --no-test --device cpu"
).split()


def run(folder: Path, *arguments: str, status: int = 0) -> Path:
    parsed = train_convnet.parse(["--runs", str(folder), *SMALL, *arguments])
    assert train_convnet.main(parsed) == status
    return next(path for path in folder.iterdir())


def test_presets_set_defaults_and_options_change_them() -> None:
    config = train_convnet.parse(["--preset", "convnet_mnist_conv", "--hidden", "64"]).config
    assert (config.kernels, config.stride, config.hidden) == ((10,), 5, (64,))
    assert config.published_error.endswith("1.21 %")
    other = ["--preset", "convnet_mnist_conv", "--env-id", "GlimpseTranslatedMNIST-v0"]
    assert not train_convnet.parse(other).config.published_error
    default = CONVNET_PRESETS["modern_house_numbers_cpu"]()
    assert train_convnet.parse(["--device", "cpu"]).config == default
    with pytest.raises(InvalidArgument, match="modern_mnist"):
        train_convnet.parse(["--preset", "nothing"])


def test_a_run_from_the_shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), "--runs", str(tmp_path), *SMALL])
    monkeypatch.setattr(sys, "path", [*sys.path])  # a script puts the repository first
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    assert not ended.value.code
    folder = next(tmp_path.iterdir())
    assert {"config.json", "metrics.jsonl", "checkpoint.pt"} <= {p.name for p in folder.iterdir()}
    signed = map(json.loads, (folder / "provenance.jsonl").read_text().splitlines())
    assert [line["images"] for line in signed] == [0, 160]
    rows = read_metrics(folder)
    assert [row["images"] for row in rows] == [80, 160]
    assert {"validation/error", "train/error", "train/cross_entropy"} <= set(rows[0])


def test_an_impossible_value_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train_convnet.parse(["--preset", "convnet_mnist_fc", "--dropout", "2"])
    assert "dropout=2" in capsys.readouterr().err


def test_the_test_split_is_read_at_the_end(
    tmp_path: Path, stripes_id: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--env-id", stripes_id, "--num-images", "None", "--test", "--images", "800"]
    options += ["--learning-rate", "3e-3", "--epoch-images", "400"]
    folder = run(tmp_path, *options)
    (result,) = json.loads((folder / "result.json").read_text())
    assert result["split"] == "test" and result["images"] == 2000
    assert result["interval"][0] <= result["error"] <= result["interval"][1]
    assert result["parameters"] == sum(
        p.numel()
        for p in train_convnet.ConvNetTraining(
            train_convnet.parse(["--resume", str(folder)]).config
        ).network.parameters()
    )
    shown = capsys.readouterr().out
    assert f"{result['flops_per_image'] / 2e6:.2f} million multiply-adds" in shown
    assert "published" not in shown and "same images in every split" in shown


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = run(tmp_path / "whole")
    update, done = train_convnet.ConvNetTraining.update, []

    def interrupted(self: train_convnet.ConvNetTraining) -> dict[str, torch.Tensor]:
        done.append(1)
        if len(done) == 7:
            signal.raise_signal(signal.SIGINT)
        return update(self)

    monkeypatch.setattr(train_convnet.ConvNetTraining, "update", interrupted)
    folder = run(tmp_path / "stopped", status=130)
    assert checkpoint.load(folder / "checkpoint.pt")["updates"] == 7
    assert f"--resume {folder}" in capsys.readouterr().out
    train_convnet.main(train_convnet.parse(["--resume", str(folder), "--no-test"]))
    one, other = (checkpoint.load(path / "checkpoint.pt") for path in (folder, whole))
    assert one["updates"] == other["updates"] == 10
    assert all(torch.equal(one["network"][key], other["network"][key]) for key in one["network"])


def test_a_resumed_run_stays_the_run_it_was(tmp_path: Path) -> None:
    folder = run(tmp_path)
    for options in (["--batch", "8"], ["--preset", "convnet_mnist_fc"]):
        with pytest.raises(InvalidArgument, match="own configuration"):
            train_convnet.main(train_convnet.parse(["--resume", str(folder), *options]))
    with pytest.raises(InvalidArgument, match=r"images=1 .* already"):
        train_convnet.main(train_convnet.parse(["--resume", str(folder), "--images", "1"]))


@pytest.mark.parametrize("ours", [True, False])
def test_the_run_of_another_trainer_is_refused(
    tmp_path: Path, stripes_config: Any, ours: bool
) -> None:
    if ours:
        folder, trainer = run(tmp_path), train_dram
    else:
        folder, trainer = tmp_path, train_convnet  # type: ignore[assignment]
        checkpoint.save(folder / "checkpoint.pt", train_dram.Training(stripes_config).state())
    with pytest.raises(InvalidArgument, match="another trainer"):
        trainer.parse(["--resume", str(folder)])


def test_held_out_images_are_read_before_training(
    tmp_path: Path, own_images: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, table = own_images
    (folder / "23.png").write_bytes(b"")  # in the test split
    runs = tmp_path / "runs"
    given = f"--image-folder {folder} --label-file {table} --runs {runs} --device cpu".split()
    tiny = "--images 8 --batch 4 --epoch-images 8 --validation-images 4".split()
    with pytest.raises(CorruptedData, match=r"line 25: .*23\.png"):
        train_convnet.main(train_convnet.parse([*given, *tiny]))
    assert "own images: 29 train" in capsys.readouterr().out
    assert train_convnet.main(train_convnet.parse([*given, *tiny, "--no-test"])) == 0
    assert {path.name.split("-seed")[0] for path in runs.iterdir()} == {"modern_image_folder"}


def test_an_id_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="MountainCar"):
        run(tmp_path, "--env-id", "MountainCar-v0", "--num-images", "None")
