"""What the first bytes of a picture file declare, read without decoding it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from glimpse_env.opencv import cv2

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_TIFF = {b"II*\0": "<", b"MM\0*": ">"}  # and the order of their bytes
_ORIENTATION, _WIDTH, _HEIGHT = 0x0112, 0x0100, 0x0101  # tags of TIFF, and so of EXIF
_PNM = re.compile(rb"P[2-6]\s+(?:#.*\s+)*(\d+)\s+(?:#.*\s+)*(\d+)\s+(?:#.*\s+)*(\d+)\s")


def is_jpeg(content: bytes) -> bool:
    """Whether it begins as a JPEG does."""
    return content.startswith(_JPEG)


def is_plain(content: bytes) -> bool:
    """Whether it has at most 8 bits a value and no transparency, so far as is known at once."""
    if is_jpeg(content):
        return True
    if not content.startswith(_PNG) or len(content) < 26:
        return False
    depth, kind = content[24], content[25]
    return depth <= 8 and not kind & 4 and not any(name == b"tRNS" for name, _ in _chunks(content))


def declared_size(content: bytes) -> tuple[int, int] | None:
    """Width and height, or None if they are not found."""
    try:
        return _size(content)
    except (struct.error, IndexError):  # cut short
        return None


def _size(content: bytes) -> tuple[int, int] | None:
    if content.startswith(_PNG):
        width, height = struct.unpack(">II", content[16:24])
    elif is_jpeg(content):
        return _size_of_jpeg(content)
    elif content[:4] in _TIFF:
        tags = _tags(content)
        if not {_WIDTH, _HEIGHT} <= tags.keys():
            return None
        width, height = tags[_WIDTH], tags[_HEIGHT]
    elif content[:4] == b"GIF8":
        width, height = struct.unpack("<HH", content[6:10])
    elif content[:2] == b"BM":
        width, height = struct.unpack("<ii", content[18:26])
    elif content[8:16] == b"WEBPVP8X":
        width, height = (1 + int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
    elif found := _PNM.match(content[:200]):
        width, height = int(found[1]), int(found[2])
    else:
        return None
    return width, abs(height)  # BMPs may stand on their head


def _size_of_jpeg(content: bytes) -> tuple[int, int] | None:
    place = 2
    while content[place] == 0xFF:
        marker = content[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        place += 2 + struct.unpack(">H", content[place + 2 : place + 4])[0]
    return None


def declared_bits(content: bytes) -> int:
    """The bits a value of a 16-bit file is declared to have; 0 where it says nothing."""
    if found := _PNM.match(content[:200]):
        maximum = int(found[3])
        return 0 if maximum == 2**16 - 1 else maximum.bit_length()
    if content.startswith(_PNG):
        for name, body in _chunks(content):
            if name == b"sBIT" and body and 8 <= max(body) <= 16:
                return max(body)
    return 0


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and bodies of the chunks of a PNG before its pixels."""
    place = len(_PNG)
    while place + 8 <= len(content):
        length, name = struct.unpack(">I4s", content[place : place + 8])
        if name == b"IDAT":
            return
        yield name, content[place + 8 : place + 8 + length]
        place += length + 12


def orientation(content: bytes) -> int:
    """How EXIF says that the picture is turned: 1, not at all, to 8.

    Not of a TIFF, which OpenCV turns as it decodes.
    """
    _, _, metadata = cv2.imdecodeWithMetadata(
        np.frombuffer(content, np.uint8), flags=cv2.IMREAD_UNCHANGED
    )
    exif = b"" if content[:4] in _TIFF or not len(metadata) else np.asarray(metadata[0]).tobytes()
    try:
        found = _tags(exif).get(_ORIENTATION, 1)
    except struct.error:
        return 1
    return found if 1 <= found <= 8 else 1


def turn(pixels: Any, how: int) -> Any:
    """Pixels (H, W, ...) upright, by EXIF's number."""
    if how >= 5:
        pixels = pixels.swapaxes(0, 1)  # 5 is that; then 6 is 5 mirrored, 8 upside down, 7 both
    across = how in (2, 3, 6, 7)
    down = how in (3, 4, 7, 8)
    return np.ascontiguousarray(pixels[:: -1 if down else 1, :: -1 if across else 1])


def _tags(content: bytes) -> dict[int, int]:
    """The integers of the first directory of a TIFF, by their tags."""
    order = _TIFF.get(content[:4])
    if order is None:
        return {}
    (start,) = struct.unpack(order + "I", content[4:8])
    (count,) = struct.unpack(order + "H", content[start : start + 2])
    tags = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind = struct.unpack(order + "HH", content[place : place + 4])
        if kind in (3, 4):  # of 16 bits, of 32
            form, size = ("H", 2) if kind == 3 else ("I", 4)
            (tags[tag],) = struct.unpack(order + form, content[place + 8 : place + 8 + size])
    return tags
