from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from glimpse_env.errors import CorruptedData, InvalidArgument, MissingData
from glimpse_env.tasks.own_images.image_files import fit, read_image


def test_grey_and_colour(tmp_path: Path) -> None:
    red = np.zeros((4, 6, 3), np.uint8)
    red[..., 2] = 200  # OpenCV writes blue, green, red
    path = tmp_path / "red.png"
    assert cv2.imwrite(str(path), red)
    colour = read_image(path, color=True)
    assert colour.shape == (4, 6, 3) and colour[0, 0].tolist() == [200, 0, 0]
    grey = read_image(path)
    assert grey.shape == (4, 6) and (abs(grey - 0.299 * 200) <= 1).all()


@pytest.mark.parametrize("depth", ["transparent", "16 bits", "1 bit"])
def test_other_pixels_become_grey_bytes(tmp_path: Path, depth: str) -> None:
    path = tmp_path / "any.png"
    if depth == "transparent":
        assert cv2.imwrite(str(path), np.full((3, 3, 4), (90, 90, 90, 0), np.uint8))
    elif depth == "16 bits":
        assert cv2.imwrite(str(path), np.full((3, 3), 90 * 257, np.uint16))
    else:
        bits = [cv2.IMWRITE_PNG_BILEVEL, 1]
        assert cv2.imwrite(str(path), np.full((3, 3), 255, np.uint8), bits)
    image = read_image(path)
    assert image.dtype == np.uint8 and image.shape == (3, 3)
    assert (image == (90 if depth == "16 bits" else 255)).all()
    if depth == "transparent":
        assert (read_image(path, background=7) == 7).all()


def test_a_guess_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "dark.png"
    assert cv2.imwrite(str(path), np.full((3, 3), 2000, np.uint16))
    with pytest.warns(UserWarning, match=r"dark.png has 16 bits.*below 4096: .*one of 12 bits"):
        assert (read_image(path) == 2000 >> 4).all()


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for name in ("pipe.png", ".", "a\0.png", "\ud800.png"):
        with pytest.raises(MissingData, match="cannot be read"):
            read_image(tmp_path / name)


def test_a_limit_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    assert cv2.imwrite(str(path), np.zeros((3, 5), np.uint8))
    with pytest.raises(InvalidArgument, match=r"large.png has 5 x 3 = 15 pixels, and max_pixels"):
        read_image(path, max_pixels=14)


@pytest.mark.parametrize("damage", ["empty", "text", "cut"])
def test_what_is_no_picture(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "bad.png"
    rng = np.random.default_rng(0)
    assert cv2.imwrite(str(path), rng.integers(0, 256, (20, 20), dtype=np.uint8))
    whole = path.read_bytes()
    path.write_bytes({"empty": b"", "text": b"hello", "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(CorruptedData, match=r"bad.png \([\d,]+ bytes\).*save it as PNG"):
        read_image(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"none.png cannot be read \(No such file"):
        read_image(tmp_path / "none.png")


def test_fit_keeps_the_shape_and_fills_up_with_black() -> None:
    wide = np.full((10, 40), 100, np.uint8)
    fitted = fit(wide, 20, 20)
    assert fitted.shape == (20, 20)
    inside = np.flatnonzero(fitted[:, 10])
    assert inside.tolist() == list(range(7, 12))  # 5 of 20 rows, in the middle
    assert (fitted[7:12] == 100).all() and fitted.sum() == 100 * 5 * 20
    enlarged = fit(wide[:, :10], 20, 30)
    assert (enlarged[:, 5:25] == 100).all() and not enlarged[:, :5].any()
    assert fit(wide, 10, 40) is wide


def test_fit_averages_when_it_shrinks() -> None:
    """A chessboard of single pixels becomes its mean, not a moiré."""
    board = (np.indices((40, 40)).sum(0) % 2 * 200).astype(np.uint8)
    assert (fit(board, 10, 10) == 100).all()
    assert fit(np.dstack([board] * 3), 10, 10).shape == (10, 10, 3)
    assert fit(np.full((1, 1000), 9, np.uint8), 10, 10).sum() > 0  # never thinner than a pixel
