from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from agents import train_dram
from agents.runs import pretrained
from benchmarks import reproduce
from benchmarks.kept_runs import read_results
from benchmarks.reproduce import Arguments, command_of, listing, main, named, train_one
from benchmarks.result_rows import read_rows
from glimpse_env.errors import InvalidArgument

ROWS = read_rows()


def test_every_row_is_listed_with_its_command_and_the_paper() -> None:
    lines = listing(ROWS, read_results()).splitlines()[2:]
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines] == [r.name for r in ROWS]
    assert all(
        row.command in line and row.paper in line for row, line in zip(ROWS, lines, strict=True)
    )
    unmeasured = [line for line in lines if "not yet measured" in line]
    assert len(unmeasured) == sum(not row.run for row in ROWS)


def test_a_row_that_is_none_tells_the_others() -> None:
    with pytest.raises(InvalidArgument, match="no row 'mnist_9'; there are: house_numbers, "):
        main(Arguments(rows=("mnist_9",)))


def test_the_kept_command_is_what_trains() -> None:
    script, *options = command_of(named(ROWS, "mnist_2"))[1:]
    assert Path(script).name == "train_dram.py" and Path(script).is_file()
    assert options[:2] == ["--preset", "ram_mnist_2"]


@pytest.mark.parametrize("name", ["house_numbers_both_ways", "house_numbers110", "adaptive"])
def test_rows_of_several_runs_are_not_trained_halfway(name: str) -> None:
    with pytest.raises(InvalidArgument, match=f"{name} is made of several runs"):
        main(Arguments(rows=(name,), train=True))


def test_a_row_without_an_agent_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "names", list)
    with pytest.raises(InvalidArgument, match=r"reproduce\.py mnist_2 --train"):
        main(Arguments(rows=("mnist_2",)))


def test_a_training_is_a_process_whose_words_are_kept(tmp_path: Path) -> None:
    says = "import sys; print(sys.argv[1:]); sys.exit(3)"
    folder = tmp_path / "row"
    assert train_one([sys.executable, "-c", says], folder, Arguments()) == 3
    assert (folder / "output.txt").read_text() == f"['--runs', '{folder}']\n"


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of train_dram.py run here: starting Python and torch would take all the time."""

    def run(command: list[str], *_: Any) -> int:
        assert Path(command[1]) == reproduce.ROOT / "agents" / "train_dram.py"
        return train_dram.main(train_dram.parse(command[2:]))

    monkeypatch.setattr(reproduce, "run_apart", run)


def test_what_was_stopped_goes_on_and_what_has_ended_stays(
    tmp_path: Path, own_images: tuple[Path, Path], in_this_process: None
) -> None:
    words = (
        f"--image-folder {own_images[0]} --label-file {own_images[1]} --num-envs 16 --features 8 "
        "--units 8 --images 64 --epoch-images 32 --validation-images 4 --no-test --device cpu"
    ).split()
    command = [sys.executable, str(reproduce.ROOT / "agents" / "train_dram.py"), *words]
    folder = tmp_path / "row"
    assert train_one(command, folder, Arguments()) == 0
    (run,) = [path for path in folder.iterdir() if path.is_dir()]
    assert not (run / "result.json").exists()  # as if it had been stopped before the test
    assert train_one([*command, "--no-such-option"], folder, Arguments()) == 0  # --resume alone
    assert [path for path in folder.iterdir() if path.is_dir()] == [run]
    assert (run / "result.json").exists()
    written = (run / "checkpoint.pt").stat().st_mtime_ns
    assert train_one(["no", "command"], folder, Arguments()) == 0
    assert (run / "checkpoint.pt").stat().st_mtime_ns == written
