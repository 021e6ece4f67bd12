from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from agents.dram.config import Config
from agents.dram.model.build import load_agent
from agents.dram.readers.agent_reader import label_reader
from agents.image_reader import Found, ImageReader
from agents.runs import checkpoint
from agents.train_dram import make_training
from agents.trainer.envs import make_envs, set_precision
from glimpse_env.errors import CorruptedData, InvalidArgument, MissingData
from tests.agents.conftest import NUMBERS


def run_of(folder: Path, config: Config, updates: int = 0) -> Path:
    """The folder of a run that has taken so many updates."""
    training = make_training(config)
    for _ in range(updates):
        training.update()
    folder.mkdir()
    checkpoint.save(folder / "checkpoint.pt", training.state())
    return folder


def run_on_numbers(
    own_images: tuple[Path, Path], folder: Path, **changes: Any
) -> tuple[Path, Config]:
    """A run on pictures of numbers, and its configuration."""
    config = Config(
        env_id="Glimpse-v0", context_size=6, features=16, units=16, num_envs=16, **changes
    )
    config = config.with_own_images(*own_images)
    return run_of(folder, config, updates=20), config


@pytest.fixture
def sequences(own_images: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Config]:
    """One that looks at each label as often."""
    return run_on_numbers(own_images, tmp_path / "run")


DECIDES = {"glimpses_per_label": 0, "max_glimpses": 5, "glimpse_cost": 0.01}


@pytest.mark.parametrize("pace", [{}, DECIDES, {"zoom": True}])
def test_it_says_what_the_agent_says_in_its_own_environment(
    own_images: tuple[Path, Path], tmp_path: Path, pace: dict[str, Any]
) -> None:
    run, config = run_on_numbers(own_images, tmp_path / "run", **pace)
    agent, _ = load_agent(run)
    index = np.arange(29)  # all that there are
    reader = label_reader(agent, config, "train", num_envs=len(index))
    expected = reader.read(index, seed=0)
    images = reader.images(index)[:, 0]
    found = ImageReader(run).read(list(images))
    end = reader.end
    said = [[label for label in row if label not in (-1, end)] for row in expected.said.tolist()]
    # An initial gaze is drawn for every row, in the order of the rows, as it is there.
    assert [one.labels for one in found] == said
    sure = expected.log_probs.max(2).values.sum(1).exp()
    assert [one.probability for one in found] == pytest.approx(sure.tolist(), rel=1e-5)


def test_a_learned_agent_reads_files_arrays_and_all_sizes(
    stripes_config: Config, tmp_path: Path
) -> None:
    run = run_of(tmp_path / "run", stripes_config, updates=150)
    envs = make_envs(stripes_config, "train", 1)
    images = envs.task.images(np.arange(60))[:, 0]  # type: ignore[attr-defined]
    labels = envs.task.labels(np.arange(60))[:, 0].tolist()  # type: ignore[attr-defined]
    reader = ImageReader(run)

    def right(found: list[Found]) -> float:
        return float(
            np.mean([[label] == one.labels for label, one in zip(labels, found, strict=True)])
        )

    assert right(reader.read(images)) > 0.9
    twice = [np.repeat(np.repeat(image, 2, 0), 2, 1) for image in images]
    assert reader.read(twice) == reader.read(images)  # averaged back to what they were
    mixed = [
        image if number % 2 else large
        for number, (image, large) in enumerate(zip(images, twice, strict=True))
    ]
    assert reader.read(mixed) == reader.read(images)
    colour = [np.dstack([image] * 3) for image in images]
    assert reader.read(colour) == reader.read(images)
    path = tmp_path / "one.png"
    assert cv2.imwrite(str(path), images[0])
    assert reader.read([str(path), path]) == [reader.read(images[:1])[0]] * 2
    assert reader.read([]) == []
    # On black the stripes stay what they are for the eye, if it does not scale them.
    wide = [np.pad(image, ((0, 0), (6, 6))) for image in images]
    assert right(reader.read(wide, scale=False)) > 0.7
    averaged = ImageReader(run, samples=4).read(images)
    assert right(averaged) > 0.9 and all(0 < one.probability <= 1 for one in averaged)


def test_an_output_keeps_its_meaning_in_pixels(stripes_config: Config, tmp_path: Path) -> None:
    config = dataclasses.replace(stripes_config, unit_pixels=6.0)  # images are 24 wide
    reader = ImageReader(run_of(tmp_path / "run", config))
    for width, unit in ((24, 0.5), (48, 0.25), (24, 0.5)):
        reader.read([np.zeros((24, width), np.uint8)], scale=False)
        assert reader.agent.emission.unit.tolist() == [unit, 0.5]


def test_a_backward_agent_reads_from_left_to_right_too(
    sequences: tuple[Path, Config], own_images: tuple[Path, Path], tmp_path: Path
) -> None:
    state = checkpoint.load(sequences[0] / "checkpoint.pt")
    state["agent"]["classification.layers.0.weight"] *= 50  # numbers, however wrong
    files, read = sorted(own_images[0].glob("*.png")), []
    for name in ("forward", "backward"):
        state["config"]["backward"] = name == "backward"
        (tmp_path / name).mkdir()
        checkpoint.save(tmp_path / name / "checkpoint.pt", state)
        read.append(ImageReader(tmp_path / name).read(files))
    forward, backward = read
    assert [one.labels[::-1] for one in forward] == [one.labels for one in backward]
    assert any(len(set(one.labels)) > 1 for one in forward)


def test_none_of_the_training_images_are_needed(
    sequences: tuple[Path, Config], own_images: tuple[Path, Path]
) -> None:
    for path in own_images[0].iterdir():
        path.unlink()
    agent, config = load_agent(str(sequences[0]))
    assert config == sequences[1] and agent.context is not None
    assert len(ImageReader(str(sequences[0])).read([np.zeros((50, 50), np.uint8)])) == 1


def test_a_run_without_its_sizes_is_refused(stripes_config: Config, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", stripes_config)
    state = checkpoint.load(run / "checkpoint.pt")
    for sizes in ({"sizes": {"image": (1, 24, 24)}}, {}):
        checkpoint.save(run / "checkpoint.pt", {k: state[k] for k in state if k != "sizes"} | sizes)
        with pytest.raises(InvalidArgument, match="version of this code"):
            load_agent(run)


def test_loading_leaves_the_precision_of_other_networks(
    stripes_config: Config, tmp_path: Path
) -> None:
    run = run_of(tmp_path / "run", dataclasses.replace(stripes_config, matmul_precision="medium"))
    set_precision("high")
    ImageReader(run).read([np.zeros((24, 24), np.uint8)])
    assert torch.get_float32_matmul_precision() == "high"


@pytest.mark.parametrize(
    ("image", "what"),
    [
        (np.zeros((4, 4)), "an array of dtype float64"),
        (np.zeros((4, 4, 4), np.uint8), r"shape \(4, 4, 4\)"),
        (np.zeros((0, 4), np.uint8), r"shape \(0, 4\)"),
        (3, "a int"),
    ],
)
def test_what_is_no_image(stripes_config: Config, tmp_path: Path, image: object, what: str) -> None:
    reader = ImageReader(run_of(tmp_path / "run", stripes_config))
    good = np.zeros((24, 24), np.uint8)
    with pytest.raises(InvalidArgument, match=rf"images\[1\] is .*{what}"):
        reader.read([good, image])  # type: ignore[list-item]
    (tmp_path / "bad.png").write_bytes(b"bad")
    with pytest.raises(CorruptedData, match=r"bad\.png"):
        reader.read([tmp_path / "bad.png"])
    with pytest.raises(MissingData, match=r"none\.png"):
        reader.read([tmp_path / "none.png"])
    with pytest.raises(InvalidArgument, match=r"read\(\['one.png'\]\)"):
        reader.read("one.png")


def test_a_number_is_cut_out_of_its_photograph_as_those_of_svhn_are(tmp_path: Path) -> None:
    """Goodfellow's box is 30 % larger and stretched to 64 x 64, of which the agent sees 54 x 54."""
    reader = ImageReader(run_of(tmp_path / "run", NUMBERS, updates=3))
    photo = np.random.default_rng(0).integers(0, 256, (90, 120), np.uint8)
    left, top, width, height = 30, 20, 40, 20  # grown to 52 x 26, at (24, 17)
    stretched = cv2.resize(photo[17:43, 24:76], (52, 26))
    stretched = cv2.resize(stretched, (64, 64), interpolation=cv2.INTER_LINEAR)
    expected = reader.read([stretched[5:59, 5:59]])
    assert reader.read([photo], boxes=[(left, top, width, height)]) == expected
    colored = np.repeat(photo[..., None], 3, 2)
    assert reader.read([colored], boxes=[(left, top, width, height)]) == expected
    cv2.imwrite(str(tmp_path / "door.png"), photo)
    assert reader.read([tmp_path / "door.png"], boxes=[[30.0, 20.0, 40.0, 20.0]]) == expected


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        ([], "0 boxes for 1 images"),
        ([(1, 2, 3)], r"boxes\[0\]=\(1, 2, 3\) must be left, top"),
        ([(1, 2, 0, 4)], "greater than 0"),
        ([(1, 2, float("nan"), 4)], r"boxes\[0\]"),
    ],
)
def test_what_is_no_box(tmp_path: Path, boxes: Any, message: str) -> None:
    reader = ImageReader(run_of(tmp_path / "run", NUMBERS))
    with pytest.raises(InvalidArgument, match=message):
        reader.read([np.zeros((60, 60), np.uint8)], boxes=boxes)


def test_a_player_of_games_reads_nothing(catch_config: Config, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="plays SmallCatch-v0"):
        ImageReader(run_of(tmp_path / "run", catch_config))
