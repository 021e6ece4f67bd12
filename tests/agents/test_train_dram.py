from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import gymnasium as gym
import pytest
import torch
import tyro
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from agents import evaluate, train_dram
from agents.dram.presets import PRESETS
from agents.runs import checkpoint
from agents.runs.folder import RunFolder, read_metrics
from agents.trainer.envs import set_precision
from glimpse_env.errors import CorruptedData, InvalidArgument, MissingData
from tests.forked import Program

SMALL = (
    "--num-images 32 --num-envs 16 --features 16 --units 16 --epoch-images 160 "
    "--validation-images 16 --no-test --device cpu"
).split()
SCRIPT = Path(train_dram.__file__)


def run(folder: Path, *arguments: str, status: int = 0) -> Path:
    parsed = train_dram.parse(["--runs", str(folder), *SMALL, *arguments])
    assert train_dram.main(parsed) == status
    return next(path for path in folder.iterdir())


def test_presets_set_defaults_and_options_change_them() -> None:
    config = train_dram.parse(["--preset", "ram_mnist_4", "--sigma-pixels", "1.5"]).config
    assert config.glimpses_per_label == 4 and config.sigma_pixels == 1.5
    assert config.env_id == PRESETS["ram_mnist"]().env_id
    options = "--env-id GlimpseMNIST-v0 --samples 2 --reinforce-weight 0.5 --optimizer sgd".split()
    config = train_dram.parse([*options, "--schedule", "exponential", "--unit-pixels", "12"]).config
    assert (config.samples, config.reinforce_weight, config.optimizer) == (2, 0.5, "sgd")
    assert (config.schedule, config.unit_pixels) == ("exponential", 12)
    with pytest.raises(InvalidArgument, match="ram_mnist"):
        train_dram.parse(["--preset", "nothing"])


def test_every_option_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        train_dram.parse(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    for option in ("--preset", "--resume", "--learning-rate", "--sigma-pixels", "--num-envs"):
        assert option in text
    assert "Standard deviation of the gaze" in text


def test_a_run_folder_holds_what_a_paper_needs(tmp_path: Path, stripes_id: str) -> None:
    small = "--num-envs 16 --features 16 --units 16 --epoch-images 160 --images 320".split()
    small += ["--env-id", stripes_id, "--glimpses-per-label", "None"]
    train_dram.main(train_dram.parse(["--runs", str(tmp_path), *small]))
    folder = next(tmp_path.iterdir())
    names = {path.name for path in folder.iterdir()}
    wanted = {"config.json", "metrics.jsonl", "checkpoint.pt", "result.json", "glimpses.gif"}
    assert wanted | {"gazes.png"} <= names
    begun, ended = map(json.loads, (folder / "provenance.jsonl").read_text().splitlines())
    assert (begun["images"], begun["processes"], ended["images"]) == (0, 1, 320)
    assert begun["capture"] == "none"  # there is no GPU for a graph
    assert ended["seconds"] >= 0 and begun["commit"] == ended["commit"]
    rows = read_metrics(folder)
    assert [row["images"] for row in rows] == [160, 320]
    assert {"validation/error", "train/cross_entropy", "gradients/emission"} <= set(rows[0])
    events = EventAccumulator(str(folder)).Reload().Tags()
    assert events["images"] == ["glimpses"]
    wanted = "train/reward train/label_accuracy train/cross_entropy train/explained_variance "
    wanted += "train/gaze_spread gradients/glimpse gradients/emission validation/error"
    assert set(wanted.split()) <= set(events["scalars"])
    results = json.loads((folder / "result.json").read_text())
    tests = [(result["gaze"], result["samples"]) for result in results]
    assert tests == [("policy", 1), ("policy", 10), ("random", 1), ("center", 1)]


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    """kill -9 in the middle; the resumed run ends with the same weights, bit for bit."""
    options = [*SMALL, "--images", "480"]
    killed = tmp_path / "killed"
    process = Program([SCRIPT, "--runs", killed, *options], tmp_path).process
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.is_alive():
        time.sleep(0.05)
        # the second epoch has ended, so the first one's checkpoint is there
        if any(len(path.read_text().splitlines()) > 1 for path in killed.glob("*/metrics.jsonl")):
            break
    process.kill()
    process.join()
    folder = next(killed.iterdir())
    done = checkpoint.load(folder / "checkpoint.pt")["updates"]
    assert 0 < done < 30
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        train_dram.main(train_dram.parse(["--resume", str(folder), "--no-test"]))
        whole = run(tmp_path / "whole", "--images", "480")
    finally:
        torch.set_num_threads(threads)
    one, other = (checkpoint.load(path / "checkpoint.pt") for path in (folder, whole))
    assert one["updates"] == other["updates"] == 30
    assert all(torch.equal(one["agent"][key], other["agent"][key]) for key in one["agent"])
    ours, theirs = ((path / "metrics.jsonl").read_text() for path in (folder, whole))
    assert ours == theirs


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_saves_and_says_how_to_go_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    number: signal.Signals,
) -> None:
    update, done = train_dram.Training.update, []

    def interrupted(self: train_dram.Training) -> dict[str, torch.Tensor]:
        done.append(1)
        if len(done) == 3:
            signal.raise_signal(number)
        return update(self)

    monkeypatch.setattr(train_dram.Training, "update", interrupted)
    before = signal.getsignal(number)
    folder = run(tmp_path, "--images", "3200", status=130)
    assert signal.getsignal(number) is before
    assert checkpoint.load(folder / "checkpoint.pt")["updates"] == 3
    assert f"--resume {folder}" in capsys.readouterr().out


def test_the_script_prefers_its_own_agents_package(tmp_path: Path) -> None:
    """Another package on PyPI is called `agents` too."""
    other = tmp_path / "agents"
    other.mkdir()
    (other / "__init__.py").write_text("raise RuntimeError('the wrong package')")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--help"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and "--preset" in done.stdout


def test_a_resumed_run_stays_the_run_it_was(tmp_path: Path) -> None:
    folder = run(tmp_path, "--images", "160")
    rows = (folder / "metrics.jsonl").read_text()
    for options in (["--num-envs", "64"], ["--units", "8"], ["--preset", "ram_mnist"]):
        with pytest.raises(InvalidArgument, match="own configuration"):
            train_dram.main(train_dram.parse(["--resume", str(folder), *options]))
    assert (folder / "metrics.jsonl").read_text() == rows
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"images": 3')  # torn by a crash
    train_dram.main(train_dram.parse(["--resume", str(folder), "--images", "320", "--no-test"]))
    assert [row["images"] for row in read_metrics(folder)] == [160, 320]
    saved = (folder / "config.json").read_text()
    with pytest.raises(InvalidArgument, match=r"images=300 .* 320 .* already"):
        train_dram.main(train_dram.parse(["--resume", str(folder), "--images", "300"]))
    assert (folder / "config.json").read_text() == saved


def test_a_run_ends_with_a_validation(tmp_path: Path) -> None:
    folder = run(tmp_path, "--images", "96", "--epoch-images", "64")
    rows = read_metrics(folder)
    assert [row["images"] for row in rows] == [64, 96]
    assert all("validation/error" in row for row in rows)


def test_another_task_is_not_the_row_of_the_table() -> None:
    assert train_dram.parse(["--preset", "ram_mnist"]).config.published_error
    other = ["--preset", "ram_mnist", "--glimpses-per-label", "2"]
    assert not train_dram.parse(other).config.published_error


def test_two_runs_in_a_second_have_two_folders(tmp_path: Path) -> None:
    config = PRESETS["ram_mnist"]()
    folders = [RunFolder.new(tmp_path, "run", config) for _ in range(3)]
    assert len({folder.path for folder in folders}) == 3
    for folder in folders:
        folder.close()


@pytest.mark.parametrize(
    "pace", [[], ["--glimpses-per-label", "0", "--max-glimpses", "4", "--credit", "environment"]]
)
def test_a_backward_reader_shares_the_glimpse_network_and_both_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], pace: list[str]
) -> None:
    forward = run(tmp_path / "forward", "--images", "160", *pace)
    options = ["--images", "160", "--backward", "--share-glimpse", str(forward)]
    backward = run(tmp_path / "backward", *options)
    ours, theirs = (
        checkpoint.load(path / "checkpoint.pt")["agent"] for path in (forward, backward)
    )
    shared = [name for name in ours if name.startswith("glimpse.")]
    assert shared and all(torch.equal(ours[name], theirs[name]) for name in shared)
    assert not torch.equal(ours["emission.linear.weight"], theirs["emission.linear.weight"])
    few = ["--split", "validation", "--images", "20", "--num-envs", "20", "--device", "cpu"]
    both = ["--backward", str(backward), "--samples", "2", "--examples", "0"]
    set_precision("high")
    evaluate.main(tyro.cli(evaluate.Arguments, args=[str(forward), *few, *both]))
    assert torch.get_float32_matmul_precision() == "medium"  # the preset's
    (file,) = forward.glob("evaluation_validation_samples2_images20_forward-backward_with_*.json")
    (result,) = json.loads(file.read_text())
    assert result["reader"] == f"forward-backward with {backward.name}"
    assert (result["images"], result["samples"]) == (20, 2)
    assert sum(map(sum, result["lengths"])) == 20
    assert "too many said" in capsys.readouterr().out
    with pytest.raises(InvalidArgument, match="forward run"):
        evaluate.main(tyro.cli(evaluate.Arguments, args=[str(backward), *few, *both]))
    wide = ["--focus", "GlimpseHouseNumbers110-v0", "--examples", "0"]
    evaluate.main(tyro.cli(evaluate.Arguments, args=[str(forward), *few, *wide]))
    (file,) = forward.glob("evaluation_validation_samples1_images20_focus_on_*.json")
    (result,) = json.loads(file.read_text())
    assert (result["reader"], result["images"]) == ("focus on GlimpseHouseNumbers110-v0", 20)


def test_a_run_can_start_from_another(tmp_path: Path) -> None:
    first = run(tmp_path / "first", "--images", "160")
    options = ["--images", "16", "--learning-rate", "1e-9", "--start-from", str(first)]
    second = run(tmp_path / "second", *options, "--env-id", "GlimpseHouseNumbers110-v0")
    ours, theirs = (checkpoint.load(path / "checkpoint.pt")["agent"] for path in (first, second))
    for name, weight in ours.items():
        torch.testing.assert_close(weight, theirs[name], rtol=0, atol=1e-6)
    with pytest.raises(InvalidArgument, match="other sizes"):
        run(tmp_path / "third", "--units", "8", "--images", "16", "--start-from", str(first))
    with pytest.raises(MissingData):
        run(tmp_path / "fourth", "--images", "16", "--start-from", str(tmp_path / "nowhere"))


def test_a_run_can_start_from_one_that_knows_other_labels(
    tmp_path: Path, own_images: tuple[Path, Path]
) -> None:
    folder, table = map(str, own_images)
    own = ["--image-folder", folder, "--label-file", table, *TINY, "--no-test"]
    given = ["--runs", str(tmp_path / "first"), *own, "--classifier-hidden", "8"]
    train_dram.main(train_dram.parse(given))
    (first,) = (tmp_path / "first").iterdir()
    more = ["--runs", str(tmp_path / "more"), *own, "--num-classes", "26"]
    more += ["--start-from", str(first), "--learning-rate", "1e-9"]
    with pytest.raises(InvalidArgument, match=r"tells 11 labels apart.* 27: add --new-classifier"):
        train_dram.main(train_dram.parse(more))
    train_dram.main(train_dram.parse([*more, "--new-classifier"]))
    (second,) = (tmp_path / "more").iterdir()
    ours, theirs = (checkpoint.load(path / "checkpoint.pt")["agent"] for path in (first, second))
    assert len(theirs["classification.layers.0.bias"]) == 27
    for name, weight in ours.items():
        if not name.startswith("classification."):
            torch.testing.assert_close(weight, theirs[name], rtol=0, atol=1e-6)
    with pytest.raises(InvalidArgument, match="start_from"):
        dataclasses.replace(PRESETS["ram_mnist"](), new_classifier=True)


def test_an_id_of_something_else_is_refused(tmp_path: Path) -> None:
    for nothing in ("Mine-v0", "GlimpseMNIST", "a b", "no_module:Mine-v0"):
        message = rf"'{nothing}' is not registered.*envs_registry\.py"
        with pytest.raises(InvalidArgument, match=message):
            run(tmp_path, "--env-id", nothing)
    with pytest.raises(InvalidArgument, match="MountainCar"):
        run(tmp_path, "--env-id", "MountainCar-v0")


def test_an_id_of_a_module_of_ones_own_is_trained_and_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `module:id`, as in gym.make; what lies in a run folder imports nothing by itself."""
    (tmp_path / "my_numbers.py").write_text(
        "import gymnasium as gym\n"
        "gym.register('Mine/Numbers-v1', 'glimpse_env:GlimpseEnv', kwargs=dict(\n"
        "    task='house_numbers', glimpse_size=10, num_scales=1, glimpses_per_label=1),\n"
        "    vector_entry_point='glimpse_env.envs.reading.env:GlimpseVectorEnv')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    options = ["--env-id", "my_numbers:Mine/Numbers-v1", "--images", "32"]
    options += ["--glimpse-size", "None", "--num-scales", "None", "--glimpses-per-label", "None"]
    folder = run(tmp_path / "runs", *options)
    assert folder.name.startswith("dram_house_numbers_cpu-my_numbers-Mine-Numbers-v1-seed0")
    few = ["--images", "20", "--split", "validation", "--num-envs", "20", "--examples"]
    named = ["--env-id", "my_numbers:Mine/Numbers-v1"]
    more = ["--resume", str(folder), "--images", "64", "--no-test", "--device", "cpu"]
    for imported in (True, False):
        if not imported:  # as in another process
            gym.registry.pop("Mine/Numbers-v1")
            sys.modules.pop("my_numbers")
            for again in (
                lambda: evaluate.main(tyro.cli(evaluate.Arguments, args=[str(folder), *few])),
                lambda: train_dram.main(train_dram.parse(more)),
            ):
                with pytest.raises(
                    InvalidArgument, match=r"imports none.* add --env-id my_numbers:"
                ):
                    again()
            assert "my_numbers" not in sys.modules
            train_dram.main(train_dram.parse([*more, *named]))
        here = [] if imported else named
        evaluate.main(tyro.cli(evaluate.Arguments, args=[str(folder), *few, *here]))
    assert len(list(folder.glob("evaluation_validation_*.json"))) == 1
    gym.registry.pop("Mine/Numbers-v1")
    sys.modules.pop("my_numbers")


TINY = (
    "--num-envs 16 --features 16 --units 16 --epoch-images 32 --images 32 --device cpu "
    "--validation-images 4"
).split()


def test_own_images_are_trained_on_and_read_again_after_they_have_moved(
    tmp_path: Path,
    own_images: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder, table = own_images
    monkeypatch.chdir(tmp_path)
    given = ["--image-folder", folder.name, "--label-file", table.name]
    train_dram.main(train_dram.parse(["--runs", "runs", *TINY, *given]))
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("dram_image_folder-")
    printed = capsys.readouterr().out
    assert "own images: 29 train, 6 validation, 5 test images, 30x20; 1 to 3 labels" in printed
    assert "same images in every split" not in printed
    assert json.loads((run / "config.json").read_text())["image_folder"] == str(folder)
    train_dram.main(train_dram.parse(["--runs", "back", *TINY, *given, "--backward", "--no-test"]))
    (backward,) = (tmp_path / "back").iterdir()
    eleven = ["--backward", "--no-test", "--num-classes", "11"]
    train_dram.main(train_dram.parse(["--runs", "more", *TINY, *given, *eleven]))
    (more_classes,) = (tmp_path / "more").iterdir()
    monkeypatch.chdir(run)  # the run knows where its images are
    more = ["--resume", str(run), "--images", "64", "--no-test", "--device", "cpu"]
    train_dram.main(train_dram.parse(more))
    moved = folder.rename(tmp_path / "moved")
    build_module = sys.modules["glimpse_env.tasks.build"]
    build_module._shared.cache_clear()  # as in a new process
    few = ["--split", "validation", "--num-envs", "6", "--device", "cpu", "--examples", "0"]
    with pytest.raises(MissingData, match="name that of the images"):
        evaluate.main(tyro.cli(evaluate.Arguments, args=[str(run), *few]))
    there = ["--image-folder", str(moved)]
    evaluate.main(tyro.cli(evaluate.Arguments, args=[str(run), *few, *there]))
    results = json.loads((run / "evaluation_validation_samples1.json").read_text())
    assert [result["images"] for result in results] == [6, 6, 6]
    both = ["--backward", str(backward)]
    evaluate.main(tyro.cli(evaluate.Arguments, args=[str(run), *few, *there, *both]))
    for labels, wrong in (
        ("3", "up to 1 labels an image, the run 3"),
        ("1 2 10", r"line 2: label 10 .*num_classes=10"),
        ("1 2 3", None),  # of ten classes, three
    ):
        other = tmp_path / f"{labels}.csv"
        other.write_text(f"file,labels,split\n5.png,{labels},validation\n")
        args = [str(run), *few, *there, "--label-file", str(other)]
        refused = pytest.raises(InvalidArgument, match=wrong) if wrong else nullcontext()
        with refused:
            evaluate.main(tyro.cli(evaluate.Arguments, args=args))
    again = json.loads((run / "evaluation_validation_samples1.json").read_text())
    assert again == results  # other images have a file of their own
    (others,) = run.glob("1 2 3_evaluation_validation_samples1.json")
    assert [result["images"] for result in json.loads(others.read_text())] == [1, 1, 1]
    evaluate.main(tyro.cli(evaluate.Arguments, args=[*args, *both]))
    with pytest.raises(InvalidArgument, match=r"knows 10 classes and .* 11: .*--num-classes"):
        both = ["--backward", str(more_classes)]
        evaluate.main(tyro.cli(evaluate.Arguments, args=[*args, *both]))
    train_dram.main(train_dram.parse([*more, "--images", "96", *there]))
    assert checkpoint.load(run / "checkpoint.pt")["config"]["image_folder"] == str(moved)
    assert [row["images"] for row in read_metrics(run)] == [32, 64, 96]


def test_held_out_images_are_read_before_training(
    tmp_path: Path, own_images: tuple[Path, Path]
) -> None:
    folder, table = own_images
    given = ["--image-folder", str(folder), "--label-file", str(table), "--runs", str(tmp_path)]
    (folder / "23.png").write_bytes(b"")  # in the test split
    with pytest.raises(CorruptedData, match=r"line 25: .*23\.png"):
        train_dram.main(train_dram.parse([*TINY, *given]))
    train_dram.main(train_dram.parse([*TINY, *given, "--no-test"]))


def test_options_of_own_images_that_do_not_fit_together(
    own_images: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, table = map(str, own_images)
    with pytest.raises(InvalidArgument, match="give both, or none"):
        PRESETS["dram_image_folder"]().with_own_images(own_images[0], None)
    with pytest.raises(InvalidArgument, match="add --env-id Glimpse-v0"):
        PRESETS["ram_mnist"]().with_own_images(*own_images)
    with pytest.raises(SystemExit):
        train_dram.parse(["--image-folder", folder])
    assert "label_file=None" in capsys.readouterr().err
    with pytest.raises(InvalidArgument, match="add --image-folder DIR"):
        train_dram.parse(["--env-id", "Glimpse-v0"])
    both = ["--image-folder", folder, "--label-file", table]
    config = train_dram.parse(["--preset", "ram_mnist", "--env-id", "Glimpse-v0", *both]).config
    assert (config.layers, config.env_id, config.published_error) == (1, "Glimpse-v0", "")
