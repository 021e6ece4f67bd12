from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from agents import train_dram
from agents.dram.presets import PRESETS
from agents.runs import checkpoint
from agents.runs.files import FolderUnwritable
from agents.runs.folder import RunFolder, new_folder
from agents.runs.folder.metrics import read_metrics
from tests.agents.conftest import small_disk

SMALL = (
    "--num-images 32 --num-envs 16 --features 16 --units 16 --epoch-images 80 "
    "--schedule exponential --decay 1 "
    "--validation-images 16 --no-test --device cpu"
).split()


def test_metrics_beyond_the_checkpoint_and_torn_lines_are_dropped(tmp_path: Path) -> None:
    rows = [{"images": images, "train/error": 0.5} for images in (10, 20, 30)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "metrics.jsonl").write_text(text + '{"images": 4')
    (tmp_path / "checkpoint.pt.77.partial").write_text("by a process that was killed")
    folder = RunFolder(tmp_path, 20)
    assert read_metrics(tmp_path) == rows[:2]
    folder.record(40, {"train/error": 0.25})
    assert read_metrics(tmp_path) == [*rows[:2], {"images": 40, "train/error": 0.25}]
    folder.close()
    assert not list(tmp_path.glob("*.partial"))


def train(*arguments: str) -> None:
    train_dram.main(train_dram.parse([*arguments, "--no-test", "--device", "cpu"]))


def trained(runs: Path, images: int) -> Path:
    """The folder of a small run."""
    train("--runs", str(runs), *SMALL, "--images", str(images))
    (folder,) = runs.iterdir()
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing has disturbed."""
    return trained(tmp_path_factory.mktemp("whole"), images=160)


@pytest.fixture(scope="module")
def half(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has come half as far."""
    return trained(tmp_path_factory.mktemp("half"), images=80)


@pytest.mark.parametrize("what", ["checkpoint.pt", "metrics.jsonl", "glimpses.gif"])
def test_a_run_on_a_full_disk_ends_and_goes_on_when_there_is_room(
    tmp_path: Path,
    what: str,
    whole: Path,
    half: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],  # or what is printed would go to a file, which is too small
) -> None:
    folder = Path(shutil.copytree(half, tmp_path / "run"))
    before = (folder / "checkpoint.pt").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(train_dram, "ANIMATE_EVERY", 2)
        if what == "metrics.jsonl":
            size = (folder / what).stat().st_size + 100  # as it is, but not with another line
            patch.setattr("agents.trainer.run.sign", lambda *_, **__: None)  # its file is larger
        elif what == "checkpoint.pt":
            size = len(before) - 300
        else:
            size = 10_000
            patch.setattr(checkpoint, "save", lambda *_: None)  # only the picture is too large
        with (
            small_disk(size),
            pytest.raises(FolderUnwritable, match=f"{what} cannot be written"),
        ):
            train("--resume", str(folder), "--images", "160")
    assert (folder / "checkpoint.pt").read_bytes() == before
    assert not list(folder.glob("*.partial"))
    train("--resume", str(folder), "--images", "160")
    assert (folder / "metrics.jsonl").read_text() == (whole / "metrics.jsonl").read_text()
    one, other = (checkpoint.load(path / "checkpoint.pt")["agent"] for path in (folder, whole))
    assert all(torch.equal(one[name], other[name]) for name in other)


def test_events_that_do_not_fit(tmp_path: Path) -> None:
    """In a process of its own, since TensorBoard's thread tells of it too."""
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from agents.runs.files import FolderUnwritable; from agents.runs.folder import RunFolder\n"
        "folder = RunFolder(Path(sys.argv[1]), 0)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "try:\n"
        "    for images in range(100_000): folder.log(images, {'a': 1.0})\n"
        "except FolderUnwritable as error: print(error)\n"
        "try: folder.close()\n"
        "except FolderUnwritable: print('closed')\n"
    )
    root = Path(train_dram.__file__).parents[1]
    command = [sys.executable, "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, timeout=100)
    assert done.returncode == 0 and f"{tmp_path} cannot be written" in done.stdout, done.stderr
    RunFolder(tmp_path, 0).close()


def test_an_id_with_a_namespace_names_one_folder(tmp_path: Path) -> None:
    folder = new_folder(tmp_path, "ppo-mine/Wide-v0", 3)
    assert folder.parent == tmp_path and folder.name.startswith("ppo-mine-Wide-v0-seed3-")


def test_a_folder_for_runs_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FolderUnwritable, match="file cannot be written"):
        RunFolder.new(tmp_path / "file", "run", PRESETS["ram_mnist"]())
