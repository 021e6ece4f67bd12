from __future__ import annotations

import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from agents.dram.config import Config
from agents.dram.learning.training import Training
from agents.dram.model.build import load_agent
from agents.dram.readers.agent_reader import label_reader
from agents.runs.folder import RunFolder
from benchmarks import digit_sizes
from glimpse_env.errors import InvalidArgument


@pytest.fixture
def pictures(tmp_path: Path, synthetic_mnist: Path) -> Path:
    """A folder of 30, 20 and 20 pictures."""
    folder = tmp_path / "pictures"
    digit_sizes.main(digit_sizes.Arguments(folder=folder, train=30, held_out=20))
    return folder


def make_run(folder: Path, pictures: Path, zoom: bool) -> Path:
    """That of an agent that has learned nothing."""
    config = Config(
        env_id="Glimpse-v0",
        image_folder=str(pictures),
        label_file=str(pictures / "labels.csv"),
        num_classes=10,
        num_scales=1,
        glimpse_size=12,
        glimpses_per_label=4,
        initial_gaze="random",
        zoom=zoom,
        features=16,
        units=16,
        num_envs=8,
    )
    run = RunFolder.new(folder, "run", config)
    run.save(Training(config).state())
    run.close()
    return run.path


def test_a_picture_has_its_digit_where_it_is_said_to_be() -> None:
    digit = np.full((28, 28), 200, np.uint8)
    for side, x, y in ((14, 0, 82), (28, 5, 7), (84, 12, 0)):
        expected = np.zeros((96, 96), np.uint8)
        expected[y : y + side, x : x + side] = 200
        assert np.array_equal(digit_sizes.picture(digit, side, x, y), expected)


def test_sizes_are_in_the_names_and_in_the_pictures(pictures: Path) -> None:
    found = digit_sizes.sizes(pictures, "test")
    assert len(found) == 20 and found.min() >= 14 and found.max() <= 84
    for path in (pictures / "test").iterdir():
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        assert image is not None and image.shape == (96, 96)
        ys, xs = np.nonzero(image)
        assert max(np.ptp(ys), np.ptp(xs)) < int(path.stem.split("_")[1])


def test_a_picture_that_cannot_be_written_is_an_error(pictures: Path, tmp_path: Path) -> None:
    (first,) = (pictures / "train").glob("00000_*.png")
    (tmp_path / "other" / "train" / first.name).mkdir(parents=True)
    with pytest.raises(OSError, match=first.name):
        digit_sizes.draw(tmp_path / "other", {"train": 1})


def test_sizes_are_spread_evenly_on_a_logarithmic_scale(
    tmp_path: Path, synthetic_mnist: Path
) -> None:
    digit_sizes.draw(tmp_path, {"test": 1000})
    found = digit_sizes.sizes(tmp_path, "test")
    assert [np.quantile(found, part) for part in (0.25, 0.5, 0.75)] == pytest.approx(
        [14 * 6**part for part in (0.25, 0.5, 0.75)], rel=0.08
    )


def test_widths_are_those_of_the_chosen_zoom(tmp_path: Path, pictures: Path) -> None:
    agent, config = load_agent(make_run(tmp_path, pictures, zoom=True))
    reader = label_reader(agent, config, "test", num_envs=8)
    right, widths = digit_sizes.read(reader)
    assert right.shape == (20,) and widths.shape == (20, 3)
    gaze = reader.play(np.arange(8), 0).gaze.clamp(-1, 1)[:, 2].numpy()
    expected = 12 * 2 ** np.minimum(np.floor((gaze + 1) / 2 * 4), 3)
    assert np.array_equal(np.sort(widths[:8].ravel()), np.sort(expected))


def test_a_table_by_hand() -> None:
    side = np.array([14, 21, 22, 84])
    right = np.array([True, False, True, False])
    widths = np.array([[96, 12], [48, 12], [96, 24], [96, 96]])
    assert digit_sizes.table(side, right, widths).splitlines()[2:] == [
        "| 14 .. 21 px | 2 | 50.0 % | 72, 12 |",
        "| 22 .. 33 px | 1 | 0.0 % | 96, 24 |",
        "| 34 .. 53 px | 0 |  |  |",
        "| 54 .. 84 px | 1 | 100.0 % | 96, 96 |",
    ]


def test_an_agent_with_a_zoom_has_a_row_a_size(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path, pictures, zoom=True)
    digit_sizes.main(digit_sizes.Arguments(folder=pictures, run=run))
    lines = capsys.readouterr().out.splitlines()[2:]
    assert sum(int(line.split("|")[2]) for line in lines) == 20


def test_the_pictures_of_the_folder_are_read_wherever_the_agent_was_trained(
    tmp_path: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path, pictures, zoom=True)
    other = tmp_path / "other"
    digit_sizes.main(digit_sizes.Arguments(folder=other, train=10, held_out=12))
    digit_sizes.main(digit_sizes.Arguments(folder=other, run=run))
    lines = capsys.readouterr().out.splitlines()[2:]
    assert sum(int(line.split("|")[2]) for line in lines) == 12


def test_what_cannot_be_is_refused(tmp_path: Path, pictures: Path) -> None:
    run = make_run(tmp_path, pictures, zoom=False)
    with pytest.raises(InvalidArgument, match="has no zoom: train it with --zoom True"):
        digit_sizes.main(digit_sizes.Arguments(folder=pictures, run=run))
    with pytest.raises(InvalidArgument, match=r"train=50001 must be an integer in 1 \.\. 50000"):
        digit_sizes.main(digit_sizes.Arguments(folder=pictures, train=50_001))


def test_it_runs_as_a_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["digit_sizes.py", str(tmp_path), "--run", str(tmp_path / "nowhere")]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit, match=r"error: .*nowhere"):
        runpy.run_path(digit_sizes.__file__, run_name="__main__")
