"""Pictures are read as they look: transparency, deep pixels, turned photographs, and limits."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest

from glimpse_env.errors import CorruptedData, InvalidArgument
from glimpse_env.tasks.own_images.decoding import MAX_PIXELS, Decoded, Wanted, decode

UPRIGHT = np.arange(1, 25, dtype=np.uint8).reshape(4, 6) * 10


def encoded(pixels: Any, suffix: str = ".png", *options: int) -> bytes:
    return cv2.imencode(suffix, pixels, options)[1].tobytes()


def read(content: bytes, *, color: bool = False, **wanted: Any) -> Decoded:
    return decode(content, Wanted(color=color, **wanted))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def with_chunk(png: bytes, name: bytes, body: bytes) -> bytes:
    """A PNG with a chunk after its header."""
    return png[:33] + chunk(name, body) + png[33:]


def exif(orientation: int) -> bytes:
    """The least that says how a picture is turned."""
    return b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)


@pytest.mark.parametrize(
    ("suffix", "deep"), [(".png", False), (".png", True), (".tiff", True), (".webp", False)]
)
def test_black_ink_on_nothing_is_black_on_white(suffix: str, deep: bool) -> None:
    picture = np.zeros((5, 6, 4), np.uint8)
    picture[1:3, 2:4, 3] = 255
    lossless = (cv2.IMWRITE_WEBP_QUALITY, 101) if suffix == ".webp" else ()
    content = encoded(picture.astype(np.uint16) * 257 if deep else picture, suffix, *lossless)
    expected = np.where(picture[..., 3], 0, 255)
    np.testing.assert_array_equal(read(content).pixels, expected)
    np.testing.assert_array_equal(read(content, color=True).pixels, np.dstack([expected] * 3))
    assert not read(content, background=0).pixels.any()
    assert not read(content).guessed_bits


def test_half_transparent_colours_are_mixed_with_the_background() -> None:
    content = encoded(np.full((2, 2, 4), (0, 100, 200, 51), np.uint8))  # a fifth opaque
    pixels = read(content, color=True, background=50).pixels
    assert pixels[0, 0].tolist() == [200 // 5 + 40, 100 // 5 + 40, 40]
    grey = read(content, background=50).pixels[0, 0]
    assert abs(int(grey) - (0.299 * 80 + 0.587 * 60 + 0.114 * 40)) <= 1


def test_a_palette_with_a_transparent_colour() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 3, 0, 0, 0))
    colours = chunk(b"PLTE", bytes([0, 0, 0, 9, 9, 9])) + chunk(b"tRNS", b"\0")
    rows = chunk(b"IDAT", zlib.compress(bytes([0, 0, 1])))
    content = b"\x89PNG\r\n\x1a\n" + header + colours + rows + chunk(b"IEND", b"")
    assert read(content).pixels.tolist() == [[255, 9]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["opaque", "transparent", "deep"])
def test_a_turned_picture_is_upright_whatever_its_pixels(kind: str, orientation: int) -> None:
    """As OpenCV turns those of 8 bits without transparency."""
    plain = with_chunk(encoded(UPRIGHT), b"eXIf", exif(orientation))
    expected = cv2.imdecode(np.frombuffer(plain, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert expected is not None and expected.shape == ((4, 6) if orientation < 5 else (6, 4))
    pixels: Any = UPRIGHT
    if kind == "transparent":
        pixels = np.dstack([UPRIGHT] * 3 + [np.full_like(UPRIGHT, 255)])
    elif kind == "deep":
        pixels = UPRIGHT.astype(np.uint16) * 257
    content = with_chunk(encoded(pixels), b"eXIf", exif(orientation))
    np.testing.assert_array_equal(read(content).pixels, expected)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_deep_pixels_are_as_bright_as_their_bits(suffix: str, bits: int) -> None:
    deep = (np.arange(256).reshape(16, 16) << (bits - 8)).astype(np.uint16)
    found = read(encoded(deep, suffix))
    np.testing.assert_array_equal(found.pixels, np.arange(256).reshape(16, 16))
    assert found.guessed_bits == (0 if bits == 16 else bits)
    assert read(encoded(deep, suffix), color=True).pixels[0, 5].tolist() == [5, 5, 5]


def test_what_a_file_declares_is_no_guess() -> None:
    dark = np.full((3, 3), 100 << 4, np.uint16)  # by its values alone it could have 11 bits
    png = with_chunk(encoded(dark), b"sBIT", bytes([12]))
    pgm = b"P5\n3 3\n4095\n" + dark.astype(">u2").tobytes()
    for content in (png, pgm):
        found = read(content)
        assert (found.pixels == 100).all() and not found.guessed_bits
    assert read(encoded(dark)).guessed_bits == 12
    black = np.zeros((3, 3), np.uint16)
    assert read(encoded(black)).guessed_bits == 0  # nothing to guess


def huge(width: int, height: int) -> bytes:
    """The header of a PNG and pixels that are not there."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000)))


HEADERS = {
    "png": huge(30_000, 30_000),
    "jpeg": b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08" + struct.pack(">HH", 30_000, 30_000),
    "gif": b"GIF89a" + struct.pack("<HH", 30_000, 30_000),
    "bmp": b"BM" + bytes(16) + struct.pack("<ii", 30_000, -30_000),
    "webp": b"RIFF\0\0\0\0WEBPVP8X" + bytes(8) + (29_999).to_bytes(3, "little") * 2,
    "pgm": b"P5\n# by hand\n30000 30000\n255\n",
    "tiff": b"II*\0\x08\0\0\0\x02\0" + b"".join(
        struct.pack("<HHII", tag, 4, 1, 30_000) for tag in (256, 257)
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", HEADERS)
def test_what_is_too_large_is_refused_by_its_header(kind: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(cv2, "imdecode", None)  # it would take gigabytes
    with pytest.raises(InvalidArgument, match=r"30000 x 30000 = 900,000,000 pixels, and max_pixel"):
        read(HEADERS[kind])


@pytest.mark.parametrize("kind", HEADERS)
def test_headers_that_are_cut_short_are_no_pictures(kind: str) -> None:
    for length in range(len(HEADERS[kind])):
        with pytest.raises((CorruptedData, InvalidArgument)):
            read(HEADERS[kind][:length])


def test_what_opencv_refuses_is_corrupted() -> None:
    with pytest.raises(CorruptedData, match="cannot be decoded"):
        read(huge(2**16, 2**15), max_pixels=2**40)


def test_a_limit_of_ones_own() -> None:
    content = encoded(UPRIGHT)
    assert read(content, max_pixels=24).pixels.shape == (4, 6)
    with pytest.raises(InvalidArgument, match="6 x 4 = 24 pixels, and max_pixels=23"):
        read(content, max_pixels=23)


def test_a_large_photograph_is_reduced_while_it_is_decoded() -> None:
    y, x = np.mgrid[:4200, :4200]
    photograph = ((x + y) // 40 % 200).astype(np.uint8)
    content = encoded(photograph, ".jpg")
    small = read(content, side=100).pixels
    assert small.shape == (525, 525)  # an eighth
    means = photograph[:4200, :4200].reshape(525, 8, 525, 8).mean((1, 3))
    assert abs(small - means).mean() < 2
    colour = read(content, side=100, color=True, max_pixels=525 * 525).pixels
    assert colour.shape == (525, 525, 3) and abs(colour[..., 0] - means).mean() < 2
    assert read(content).pixels.shape == (4200, 4200)
    assert MAX_PIXELS > 4200**2
