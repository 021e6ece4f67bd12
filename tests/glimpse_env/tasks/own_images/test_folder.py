from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import gymnasium as gym
import numpy as np
import pytest

import glimpse_env  # noqa: F401
from glimpse_env.errors import CorruptedData, InvalidArgument, MissingData
from glimpse_env.tasks.own_images.label_file import split_of

ENV = "Glimpse-v0"


def folder_of(
    root: Path,
    rows: Sequence[tuple[str, ...]],
    sizes: Sequence[tuple[int, int]] = ((6, 8),),
    columns: tuple[str, ...] = ("file", "labels"),
) -> dict[str, str]:
    """Write images, the i-th all of brightness i, and their labels; the keywords to read them."""
    root.mkdir(exist_ok=True)
    for number, (name, *_) in enumerate(rows):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(path), np.full(sizes[number % len(sizes)], number, np.uint8))
    table = root / "labels.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    return {"image_folder": str(root), "label_file": str(table)}


COLUMNS = ("file", "labels", "split")
ROWS = [(f"{number}.png", " ".join("12345"[: 1 + number % 3])) for number in range(40)]


def make(keywords: dict[str, Any], **others: Any) -> Any:
    return gym.make_vec(ENV, 2, glimpse_size=2, num_scales=1, **keywords, **others)


def test_images_and_labels_by_split(tmp_path: Path) -> None:
    keywords, seen = folder_of(tmp_path / "images", ROWS), []
    for split in ("train", "validation", "test"):
        task = make(keywords, split=split).task
        everyone = np.arange(task.size)
        numbers = task.images(everyone)[:, 0, 0, 0].tolist()
        assert {split_of(f"{number}.png") for number in numbers} == {split}
        assert numbers == sorted(numbers)  # as in the file
        for number, labels in zip(numbers, task.labels(everyone).tolist(), strict=True):
            count = 1 + number % 3
            assert labels == [1, 2, 3][:count] + [-1] * (3 - count)
        assert task.image_shape == (1, 6, 8)
        assert (task.num_classes, task.max_labels, task.has_end) == (4, 3, True)
        seen += numbers
    assert sorted(seen) == list(range(40))


def test_one_label_an_image_needs_no_end(tmp_path: Path) -> None:
    keywords = folder_of(tmp_path / "images", [(f"{i}.png", str(i % 3)) for i in range(40)])
    envs = make(keywords)
    assert not envs.task.has_end and envs.single_action_space["label"].n == 3
    assert "one label an image, in 0 .. 2" in envs.task.describe()


def test_classes_that_have_no_image_yet(tmp_path: Path) -> None:
    keywords = folder_of(tmp_path / "images", ROWS)
    envs = make(keywords, num_classes=10)
    assert envs.task.num_classes == 10 and envs.single_action_space["label"].n == 10 + 1
    assert make(keywords, num_classes=4).task.num_classes == 4
    with pytest.raises(InvalidArgument, match=r"labels.csv, line 4: label 3 .*num_classes=3"):
        make(keywords, num_classes=3)
    with pytest.raises(InvalidArgument, match="num_classes=-1"):
        make(keywords, num_classes=-1)


def test_a_column_says_the_split(tmp_path: Path) -> None:
    splits = ("train", "train", "validation", "test")
    rows = [(f"{i}.png", "1", split) for i, split in enumerate(splits)]
    keywords = folder_of(tmp_path / "images", rows, columns=("file", "labels", "split"))
    task = make(keywords).task
    assert task.size == 2
    assert task.describe().startswith("2 train, 1 validation, 1 test images, 8x6; one label")
    assert make(keywords, split="test").task.images(np.zeros(1, int)).max() == 3


def test_an_empty_split_says_what_to_do(tmp_path: Path) -> None:
    keywords = folder_of(tmp_path / "images", [("0001.png", "1")])
    assert make(keywords).task.size == 1
    with pytest.raises(
        InvalidArgument, match=r"none of its 1 images is in the test split.*'split'"
    ):
        make(keywords, split="test")


def test_images_of_several_sizes(tmp_path: Path) -> None:
    keywords = folder_of(tmp_path / "images", ROWS, sizes=[(6, 8), (12, 9)])
    message = r"line 3: .*1\.png has 9x12 pixels, 0\.png in line 2 has 8x6.*image_size=8"
    with pytest.raises(InvalidArgument, match=message):
        make(keywords)
    task = make(keywords, image_size=12).task
    assert task.image_shape == (1, 12, 12)
    images = task.images(np.arange(task.size))[:, 0]
    tall = images[images.max((1, 2)) == 1][0]  # 12 x 9 in the middle of 12 x 12
    assert not tall[:, 0].any() and (tall[:, 1:10] == 1).all() and not tall[:, 10:].any()


def test_colour(tmp_path: Path) -> None:
    assert make(folder_of(tmp_path / "images", ROWS), color=True).task.image_shape == (3, 6, 8)


def test_what_is_seen_through_transparent_pixels(tmp_path: Path) -> None:
    keywords = folder_of(tmp_path / "images", ROWS)
    for number, (name, _) in enumerate(ROWS):
        clear = np.full((6, 8, 4), (number, number, number, 0), np.uint8)
        cv2.imwrite(str(tmp_path / "images" / name), clear)
    everyone = np.arange(2)
    assert (make(keywords).task.images(everyone) == 255).all()
    assert (make(keywords, background=30).task.images(everyone) == 30).all()
    for wrong in (-1, 256, "white", None, 0.5):
        with pytest.raises(InvalidArgument, match="background="):
            make(keywords, background=wrong)


def test_guesses_of_depth_are_warned_of_once(tmp_path: Path) -> None:
    keywords = folder_of(tmp_path / "images", ROWS)
    deep = [name for name, _ in ROWS if split_of(name) == "train"]
    for number, name in enumerate(deep):
        cv2.imwrite(str(tmp_path / "images" / name), np.full((6, 8), 2048 + number, np.uint16))
    with pytest.warns(UserWarning) as caught:
        task = make(keywords).task
    assert (task.images(np.arange(3)) == 2048 >> 4).all()
    (warning,) = caught
    message = str(warning.message)
    assert "labels.csv, line " in message and f"(and {len(deep) - 1} more images)" in message


def test_a_limit_of_pixels_names_the_line(tmp_path: Path) -> None:
    keywords = folder_of(tmp_path / "images", ROWS)
    assert make(keywords, max_pixels=48).task.size
    with pytest.raises(InvalidArgument, match=r"labels.csv, line 2: .*0.png has 8 x 6 = 48 pixels"):
        make(keywords, max_pixels=47)
    for wrong in (0, 2**31, "many"):
        with pytest.raises(InvalidArgument, match="max_pixels="):
            make(keywords, max_pixels=wrong)
    with pytest.raises(
        InvalidArgument, match=r"image_size=100000 must be an integer in 0 \.\. 1638"
    ):
        make(keywords, image_size=100_000)


def test_names_may_lead_out_of_the_folder_where_that_is_meant(tmp_path: Path) -> None:
    keywords = folder_of(tmp_path / "images", [("../a.png", "1", "train")], columns=COLUMNS)
    with pytest.raises(InvalidArgument, match=r"'\.\./a\.png' leads out of the image folder"):
        make(keywords)
    assert make(keywords, outside_folder=True).task.size == 1


def test_files_that_are_not_what_they_must_be(tmp_path: Path) -> None:
    keywords = folder_of(tmp_path / "images", ROWS)
    first = tmp_path / "images" / "0.png"
    first.write_bytes(b"nothing")
    with pytest.raises(CorruptedData, match=r"labels.csv, line 2: .*0.png.*or take the line out"):
        make(keywords)
    first.unlink()
    with pytest.raises(MissingData, match=r"labels.csv, line 2: .*0.png.*or take the line out"):
        make(keywords)
    with pytest.raises(MissingData, match=r"image_folder='.*nowhere' is no folder"):
        make(keywords | {"image_folder": str(tmp_path / "nowhere")})
    with pytest.raises(MissingData, match=r"nothing\.csv"):
        make(keywords | {"label_file": str(tmp_path / "nothing.csv")})
    with pytest.raises(InvalidArgument, match="needs the keyword 'label_file'"):
        make({"image_folder": keywords["image_folder"]})
    with pytest.raises(InvalidArgument, match="or image_folder and label_file"):
        make({})


def test_a_folder_is_the_same_from_whatever_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names are relative to the working folder, and what is kept does not mix two of them up."""
    for name, number in (("one", 1), ("two", 2)):
        (tmp_path / name).mkdir()
        folder_of(tmp_path / name / "images", [(f"{i}.png", str(number)) for i in range(40)])
        monkeypatch.chdir(tmp_path / name)
        task = make({"image_folder": "images", "label_file": "images/labels.csv"}).task
        assert (task.labels(np.arange(task.size)) == number).all()


def test_an_episode_on_both_backends(tmp_path: Path, torch: Any, same_tree: Any) -> None:
    keywords = folder_of(tmp_path / "images", ROWS)
    seen = [make(keywords, backend=name).reset(seed=3)[0] for name in ("numpy", "torch")]
    same_tree(*seen, 1e-6)


def test_a_table_that_changes_disturbs_no_run_and_is_warned_of(tmp_path: Path) -> None:
    keywords = folder_of(tmp_path, ROWS)
    before = make(keywords, split="train").task
    folder_of(tmp_path, [(name, "0 0 0 0") for name, _ in ROWS])
    with pytest.warns(UserWarning, match=r"labels\.csv has changed since"):
        again = make(keywords, split="train").task
    assert again is before and again.labels(np.arange(2))[:, 0].tolist() == [1, 1]
