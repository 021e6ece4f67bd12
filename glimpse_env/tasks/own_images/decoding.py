"""From the content of a picture file to pixels: transparency, deep pixels, turned photographs.

OpenCV decodes; what it leaves out or takes too far is done here. It drops transparency, so that
black ink on nothing would be all black; it makes 16 bits into 8 as if all 16 were used; and it
would take gigabytes for a file of a few bytes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glimpse_env.errors import CorruptedData, InvalidArgument
from glimpse_env.opencv import cv2
from glimpse_env.tasks.own_images import headers

Image = NDArray[np.uint8]

WHITE = 255
MAX_PIXELS = 2**27  # such as 11,585 x 11,585: what a bomb may cost, and no camera delivers

_LARGE_JPEG = 2**24  # pixels; larger ones are decoded at half their size or less where that will do
_DEPTHS = (8, 10, 12, 14, 16)  # bits that cameras and scanners deliver
_REDUCED = {
    False: {2: cv2.IMREAD_REDUCED_GRAYSCALE_2, 4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
            8: cv2.IMREAD_REDUCED_GRAYSCALE_8},
    True: {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4,
           8: cv2.IMREAD_REDUCED_COLOR_8},
}  # fmt: skip


class Decoded(NamedTuple):
    """A picture, and what had to be guessed about it."""

    pixels: Image  # (H, W), or (H, W, 3) RGB
    guessed_bits: int  # that its values were taken to have, for want of a declaration; 0 for none


class Wanted(NamedTuple):
    """What a picture is read as."""

    color: bool = False  # RGB instead of grey
    background: int = WHITE  # the grey level seen through transparent pixels, 0 .. 255
    max_pixels: int = MAX_PIXELS  # the most that a file may have
    side: int = 0  # of the square that it will be made to fit; 0 to keep its size


def decode(content: bytes, wanted: Wanted) -> Decoded:
    """Decode a picture.

    Args:
        content: Of the file.
        wanted: What it is read as.

    Raises:
        CorruptedData: It is no picture, or cut short.
        InvalidArgument: It has more pixels than `max_pixels`.
    """
    size = headers.declared_size(content)
    reduction = _reduction(content, size, wanted.side)
    if size:
        _require_few(-(-size[0] // reduction), -(-size[1] // reduction), wanted.max_pixels)
    if reduction > 1:
        pixels = _imdecode(content, _REDUCED[wanted.color][reduction])
        return Decoded(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if wanted.color else pixels, 0)
    if not headers.is_plain(content):
        raw = _imdecode(content, cv2.IMREAD_UNCHANGED)
        _require_few(raw.shape[1], raw.shape[0], wanted.max_pixels)
        if raw.shape[2:] == (4,) and raw.dtype in (np.uint8, np.uint16):
            turned = headers.turn(raw, headers.orientation(content))
            return _see_through(content, turned, wanted)
        if raw.dtype == np.uint16:
            raw = _imdecode(content, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR)  # turned
            shallow, guessed = _shallow(content, raw)
            return Decoded(_as_wanted(shallow, wanted.color), guessed)
    pixels = _imdecode(content, cv2.IMREAD_COLOR_RGB if wanted.color else cv2.IMREAD_GRAYSCALE)
    _require_few(pixels.shape[1], pixels.shape[0], wanted.max_pixels)
    return Decoded(np.asarray(pixels, np.uint8), 0)


def _reduction(content: bytes, size: tuple[int, int] | None, side: int) -> int:
    """By how much a large JPEG may be reduced while it is decoded, which costs a part as much."""
    if not (side and size and headers.is_jpeg(content) and size[0] * size[1] > _LARGE_JPEG):
        return 1
    # Twice the side at least, so that what follows still averages.
    return next((by for by in (8, 4, 2) if max(size) >= 2 * side * by), 1)


def _require_few(width: int, height: int, most: int) -> None:
    if width * height > most:
        raise InvalidArgument(
            f"has {width} x {height} = {width * height:,} pixels, and max_pixels={most:,}: make it "
            "smaller, or raise max_pixels"
        )


def _imdecode(content: bytes, mode: int) -> Any:
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), mode) if content else None
    except cv2.error as error:  # beyond what OpenCV takes: 2**30 pixels, 2**20 on a side
        raise CorruptedData(f"cannot be decoded: {str(error).strip()}") from error
    if pixels is None:
        raise CorruptedData(
            f"({len(content):,} bytes) is no picture that can be read: save it as PNG anew"
        )
    return pixels


def _shallow(content: bytes, raw: Any) -> tuple[Image, int]:
    """Values of 16 bits as bytes, and the bits that they were taken to have if only by guess.

    What the file declares counts (PNG's sBIT, the maximum of a PGM), else the fewest of 8, 10, 12,
    14 and 16 bits that hold its largest value.
    """
    declared = headers.declared_bits(content)
    largest = int(raw.max())
    bits = declared or next(depth for depth in _DEPTHS if largest < 2**depth)
    guessed = bits if bits < 16 and largest and not declared else 0
    return np.minimum(raw >> max(bits - 8, 0), 255).astype(np.uint8), guessed


def _see_through(content: bytes, raw: Any, wanted: Wanted) -> Decoded:
    """A picture with transparency, (H, W, 4) as OpenCV orders it, on its background."""
    guessed = 0
    if raw.dtype == np.uint16:
        raw, guessed = _shallow(content, raw)  # alpha has the same bits
    opaque = raw[..., 3:].astype(np.uint16)
    mixed = raw[..., :3] * opaque + wanted.background * (255 - opaque)
    pixels = ((mixed + 127) // 255).astype(np.uint8)
    return Decoded(_as_wanted(pixels, wanted.color), guessed)


def _as_wanted(pixels: Any, color: bool) -> Image:
    """Grey (H, W) or OpenCV's blue, green, red (H, W, 3) as grey or RGB."""
    if pixels.ndim == 2:
        change = cv2.COLOR_GRAY2RGB if color else None
    else:
        change = cv2.COLOR_BGR2RGB if color else cv2.COLOR_BGR2GRAY
    return np.asarray(pixels if change is None else cv2.cvtColor(pixels, change), np.uint8)
