"""What a picture file declares; what becomes of it is tested with `decoding`."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glimpse_env.tasks.own_images import headers


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".gif", ".tiff", ".ppm", ".webp"])
def test_sizes_are_those_of_the_pixels(suffix: str) -> None:
    content = cv2.imencode(suffix, np.zeros((23, 300, 3), np.uint8))[1].tobytes()
    expected = None if suffix == ".webp" else (300, 23)  # this kind of WebP is small anyway
    assert headers.declared_size(content) == expected


@given(
    st.binary(max_size=80), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0"])
)
def test_no_bytes_are_too_strange(content: bytes, start: bytes) -> None:
    size = headers.declared_size(start + content)
    assert size is None or min(size) >= 0
    assert headers.is_plain(start + content) in (True, False)
    assert 0 <= headers.declared_bits(start + content) <= 64


SIDES = "top-left top-right bottom-right bottom-left".split()
SIDES += "left-top right-top right-bottom left-bottom".split()


@pytest.mark.parametrize("how", range(1, 9))
def test_turning_is_what_exif_says(how: int) -> None:
    """EXIF names which sides of the upright picture row 0 and column 0 of the file are."""
    sides = (
        "top-left top-right bottom-right bottom-left left-top right-top right-bottom left-bottom"
    )
    row, column = sides.split()[how - 1].split("-")
    file = np.arange(12).reshape(3, 4)
    upright = headers.turn(file, how)
    side_of = {
        "top": upright[0],
        "bottom": upright[-1],
        "left": upright[:, 0],
        "right": upright[:, -1],
    }
    assert sorted(side_of[row].tolist()) == sorted(file[0].tolist())
    assert sorted(side_of[column].tolist()) == sorted(file[:, 0].tolist())
