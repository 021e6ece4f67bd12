"""The shapes of rendered digits: typefaces of open licences, and strokes of a pen for the rest.

House numbers come in every face there is: grotesques, slab and thick-and-thin serifs, rounded,
condensed, stencilled, painted by hand. `FAMILIES` names those that are installed with this package
(`docs/fonts.md` lists authors and licences); further faces are strokes of a pen whose nib is wider
than it is tall. Every glyph is drawn once, large, and kept as a mask cropped to the ink.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from glimpse_env.errors import MissingPackage
from glimpse_env.opencv import cv2

Mask: TypeAlias = NDArray[np.uint8]

GLYPH_HEIGHT = 56
"""Height of a kept mask in pixels: a little above the largest digit of a 54 x 54 crop."""

_DRAWN_HEIGHT = 2 * GLYPH_HEIGHT


@dataclass(frozen=True)
class Face:
    """One way of drawing the ten digits.

    Attributes:
        font: A font file as "family/file", or "stroke" for the pen.
        weight: Weight of a variable font (100 thin ... 900 black); others have but one.
        nib: Width and height of the pen, as parts of the digit's height.
        variant: The second shape of the pen's 1, 3, 4, 6, 7 and 9 (flag, flat top, open, straight).
        stretch: Width of the glyph relative to the font's own.
    """

    font: str
    weight: int = 400
    nib: tuple[float, float] = (0.12, 0.12)
    variant: bool = False
    stretch: float = 1.0


_LIGHT_TO_BLACK, _REGULAR_TO_BLACK = (300, 400, 500, 600, 700, 800), (400, 500, 600, 700, 800)
_LIGHT_TO_BOLD, _REGULAR_TO_BOLD = (300, 400, 500, 600, 700), (400, 500, 600, 700)
_ITALIC, _FIXED = (500, 700), (400,)

FAMILIES: dict[str, tuple[int, ...]] = {
    "abril_fatface/AbrilFatface-Regular.ttf": _FIXED,
    "alfa_slab_one/AlfaSlabOne-Regular.ttf": _FIXED,
    "anton/Anton-Regular.ttf": _FIXED,
    "archivo/Archivo-Italic[wdth,wght].ttf": _ITALIC,
    "archivo/Archivo[wdth,wght].ttf": _LIGHT_TO_BLACK,
    "arimo/Arimo-Italic[wght].ttf": _ITALIC,
    "arimo/Arimo[wght].ttf": _REGULAR_TO_BOLD,
    "arvo/Arvo-Bold.ttf": _FIXED,
    "arvo/Arvo-BoldItalic.ttf": _FIXED,
    "arvo/Arvo-Regular.ttf": _FIXED,
    "bitter/Bitter-Italic[wght].ttf": _ITALIC,
    "bitter/Bitter[wght].ttf": _LIGHT_TO_BLACK,
    "black_ops_one/BlackOpsOne-Regular.ttf": _FIXED,
    "bodoni_moda/BodoniModa-Italic[opsz,wght].ttf": _ITALIC,
    "bodoni_moda/BodoniModa[opsz,wght].ttf": _REGULAR_TO_BLACK,
    "changa_one/ChangaOne-Regular.ttf": _FIXED,
    "domine/Domine[wght].ttf": _REGULAR_TO_BOLD,
    "dosis/Dosis[wght].ttf": _LIGHT_TO_BLACK,
    "eb_garamond/EBGaramond-Italic[wght].ttf": _ITALIC,
    "eb_garamond/EBGaramond[wght].ttf": _REGULAR_TO_BLACK,
    "fredoka/Fredoka[wdth,wght].ttf": _LIGHT_TO_BOLD,
    "josefin_sans/JosefinSans-Italic[wght].ttf": _ITALIC,
    "josefin_sans/JosefinSans[wght].ttf": _LIGHT_TO_BOLD,
    "kalam/Kalam-Bold.ttf": _FIXED,
    "kalam/Kalam-Light.ttf": _FIXED,
    "kalam/Kalam-Regular.ttf": _FIXED,
    "league_spartan/LeagueSpartan[wght].ttf": _LIGHT_TO_BLACK,
    "libre_baskerville/LibreBaskerville-Italic[wght].ttf": _ITALIC,
    "libre_baskerville/LibreBaskerville[wght].ttf": _REGULAR_TO_BOLD,
    "luckiest_guy/LuckiestGuy-Regular.ttf": _FIXED,
    "montserrat/Montserrat-Italic[wght].ttf": _ITALIC,
    "montserrat/Montserrat[wght].ttf": _LIGHT_TO_BLACK,
    "lora/Lora-Italic[wght].ttf": _ITALIC,
    "lora/Lora[wght].ttf": _REGULAR_TO_BOLD,
    "nunito/Nunito-Italic[wght].ttf": _ITALIC,
    "nunito/Nunito[wght].ttf": _LIGHT_TO_BLACK,
    "oleo_script/OleoScript-Bold.ttf": _FIXED,
    "oleo_script/OleoScript-Regular.ttf": _FIXED,
    "oswald/Oswald[wght].ttf": _LIGHT_TO_BOLD,
    "permanent_marker/PermanentMarker-Regular.ttf": _FIXED,
    "roboto/Roboto-Italic[wdth,wght].ttf": _ITALIC,
    "roboto/Roboto[wdth,wght].ttf": _LIGHT_TO_BLACK,
    "roboto_slab/RobotoSlab[wght].ttf": _LIGHT_TO_BLACK,
    "varela_round/VarelaRound-Regular.ttf": _FIXED,
}
"""Font files, and the weights that each is drawn in; a file of one weight is drawn in that."""

HELD_OUT_FAMILIES: dict[str, tuple[int, ...]] = {
    "barlow_condensed/BarlowCondensed-Bold.ttf": _FIXED,
    "barlow_condensed/BarlowCondensed-BoldItalic.ttf": _FIXED,
    "barlow_condensed/BarlowCondensed-Light.ttf": _FIXED,
    "barlow_condensed/BarlowCondensed-Regular.ttf": _FIXED,
    "crimson_pro/CrimsonPro-Italic[wght].ttf": _ITALIC,
    "crimson_pro/CrimsonPro[wght].ttf": _LIGHT_TO_BLACK,
    "lobster/Lobster-Regular.ttf": _FIXED,
    "rubik/Rubik-Italic[wght].ttf": _ITALIC,
    "rubik/Rubik[wght].ttf": _LIGHT_TO_BLACK,
    "zilla_slab/ZillaSlab-Bold.ttf": _FIXED,
    "zilla_slab/ZillaSlab-BoldItalic.ttf": _FIXED,
    "zilla_slab/ZillaSlab-Light.ttf": _FIXED,
    "zilla_slab/ZillaSlab-Regular.ttf": _FIXED,
}
"""Families that the test split alone shows."""

_PENS = (
    Face("stroke", nib=(0.10, 0.10)),
    Face("stroke", nib=(0.14, 0.14)),
    Face("stroke", nib=(0.20, 0.19), variant=True),
    Face("stroke", nib=(0.12, 0.12), variant=True),
    Face("stroke", nib=(0.17, 0.08)),
    Face("stroke", nib=(0.20, 0.11), variant=True),
)


def _faces(families: dict[str, tuple[int, ...]]) -> tuple[Face, ...]:
    return tuple(Face(font, weight) for font, weights in families.items() for weight in weights)


TRAINING_FACES = _faces(FAMILIES) + _PENS
"""Faces of every split."""

HELD_OUT_FACES = (
    *_faces(HELD_OUT_FAMILIES),
    Face("stroke", nib=(0.18, 0.06)),
    Face("stroke", nib=(0.16, 0.16), variant=True, stretch=0.8),
)
"""Faces of the test split alone."""

# Strokes in a box of one by one, y down: (curved, points). The digits are 0.6 as wide as tall.
_Stroke: TypeAlias = tuple[bool, tuple[tuple[float, float], ...]]
_CURVE, _LINE = True, False
_SIX_CURLED: tuple[_Stroke, ...] = (
    (_CURVE, ((0.9, 0.15), (0.75, 0.03), (0.5, 0), (0.2, 0.11), (0.03, 0.4), (0.03, 0.7),
              (0.2, 0.95), (0.5, 1), (0.82, 0.94), (0.97, 0.7), (0.82, 0.46), (0.5, 0.39),
              (0.2, 0.47), (0.03, 0.67))),
)  # fmt: skip
_SIX_STRAIGHT: tuple[_Stroke, ...] = (
    (_CURVE, ((0.75, 0), (0.33, 0.32), (0.05, 0.65), (0.17, 0.93), (0.5, 1), (0.83, 0.93),
              (0.97, 0.7), (0.83, 0.48), (0.5, 0.41), (0.2, 0.48), (0.05, 0.67))),
)  # fmt: skip


def _turned(strokes: tuple[_Stroke, ...]) -> tuple[_Stroke, ...]:
    return tuple((curved, tuple((1 - x, 1 - y) for x, y in line)) for curved, line in strokes)


_STROKES: dict[int, tuple[_Stroke, ...]] = {
    0: ((_CURVE, ((0.5, 0), (0.84, 0.13), (1, 0.5), (0.84, 0.87), (0.5, 1), (0.16, 0.87),
                  (0, 0.5), (0.16, 0.13), (0.5, 0))),),
    1: ((_LINE, ((0.2, 0.2), (0.55, 0), (0.55, 1))),),
    2: ((_CURVE, ((0.03, 0.27), (0.17, 0.07), (0.5, 0), (0.83, 0.07), (0.95, 0.27), (0.82, 0.5),
                  (0.42, 0.76), (0.03, 1))), (_LINE, ((0.03, 1), (1, 1)))),
    3: ((_CURVE, ((0.04, 0.2), (0.2, 0.04), (0.5, 0), (0.8, 0.06), (0.92, 0.25), (0.78, 0.42),
                  (0.42, 0.47))),
        (_CURVE, ((0.42, 0.47), (0.82, 0.53), (1, 0.73), (0.85, 0.93), (0.5, 1), (0.18, 0.96),
                  (0, 0.79)))),
    4: ((_LINE, ((0.75, 1), (0.75, 0), (0, 0.7), (1, 0.7))),),
    5: ((_LINE, ((0.9, 0), (0.17, 0), (0.1, 0.46))),
        (_CURVE, ((0.1, 0.46), (0.45, 0.36), (0.82, 0.43), (1, 0.68), (0.85, 0.92), (0.5, 1),
                  (0.2, 0.97), (0, 0.82)))),
    6: _SIX_CURLED,
    7: ((_LINE, ((0, 0), (1, 0), (0.35, 1))),),
    8: ((_CURVE, ((0.5, 0.46), (0.2, 0.38), (0.08, 0.22), (0.22, 0.05), (0.5, 0), (0.78, 0.05),
                  (0.92, 0.22), (0.8, 0.38), (0.5, 0.46), (0.17, 0.56), (0, 0.75), (0.16, 0.94),
                  (0.5, 1), (0.84, 0.94), (1, 0.75), (0.83, 0.56), (0.5, 0.46))),),
    9: _turned(_SIX_CURLED),
}  # fmt: skip

_VARIANTS: dict[int, tuple[_Stroke, ...]] = {
    1: ((_LINE, ((0.2, 0.2), (0.55, 0), (0.55, 1))), (_LINE, ((0.15, 1), (0.95, 1)))),
    3: ((_LINE, ((0.05, 0), (0.92, 0), (0.42, 0.4))),
        (_CURVE, ((0.42, 0.4), (0.84, 0.49), (1, 0.71), (0.86, 0.93), (0.5, 1), (0.2, 0.97),
                  (0, 0.82)))),
    4: ((_LINE, ((0.25, 0), (0.05, 0.62), (1, 0.62))), (_LINE, ((0.75, 0.22), (0.75, 1)))),
    6: _SIX_STRAIGHT,
    7: ((_LINE, ((0, 0.1), (0, 0), (1, 0))), (_CURVE, ((1, 0), (0.6, 0.42), (0.4, 1)))),
    9: _turned(_SIX_STRAIGHT),
}  # fmt: skip


@functools.cache
def glyph(face: Face, digit: int) -> tuple[float, tuple[Mask, ...]]:
    """Draw a digit once.

    Returns:
        Width over height of the ink, and its mask at full, half and a quarter of the width
        (drawing a narrow digit from the full mask would leave jagged edges).
    """
    drawn = _draw_strokes(face, digit) if face.font == "stroke" else _draw_outline(face, digit)
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    ink = drawn[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    aspect = face.stretch * ink.shape[1] / ink.shape[0]
    widths = [max(3, round(GLYPH_HEIGHT * aspect / part)) for part in (1, 2, 4)]
    masks = [cv2.resize(ink, (w, GLYPH_HEIGHT), interpolation=cv2.INTER_AREA) for w in widths]
    return aspect, tuple(np.asarray(mask, np.uint8) for mask in masks)


@functools.cache
def font(name: str) -> cv2.FontFace:
    """Load a font file once, and for good.

    OpenCV keeps drawn glyphs by the font's place in memory: a font that is freed leaves its glyphs
    to the next one.

    Args:
        name: "family/file" of `FAMILIES` or `HELD_OUT_FAMILIES`.

    Raises:
        MissingPackage: The typeface is not installed.
    """
    family, file = name.split("/")
    try:
        folder = files(f"fontpkg_{family}")
    except ModuleNotFoundError as error:
        package = f"fontpkg-{family.replace('_', '-')}"
        raise MissingPackage(
            f"house numbers are drawn with the typeface of {package}: install this package anew"
            f' (pip install -e "."), or pip install {package}'
        ) from error
    return cv2.FontFace(str(folder / "files" / file))


def _draw_outline(face: Face, digit: int) -> Mask:
    """Draw with a font."""
    canvas = np.zeros((2 * _DRAWN_HEIGHT, 3 * _DRAWN_HEIGHT), np.uint8)
    origin = (_DRAWN_HEIGHT // 2, _DRAWN_HEIGHT * 3 // 2)
    drawn_with = font(face.font)
    cv2.putText(canvas, str(digit), origin, (255,), drawn_with, _DRAWN_HEIGHT, face.weight)
    return canvas


def _draw_strokes(face: Face, digit: int) -> Mask:
    """Draw with a pen: a thin line, widened by the nib."""
    strokes = _VARIANTS[digit] if face.variant and digit in _VARIANTS else _STROKES[digit]
    height, margin = 0.5 * _DRAWN_HEIGHT, _DRAWN_HEIGHT // 4
    canvas = np.zeros((2 * margin + int(height), 2 * margin + int(height)), np.uint8)
    for curved, points in strokes:
        line = np.asarray(points, np.float64)
        line = (_smooth(line) if curved else line) * (0.6 * height, height) + margin
        cv2.polylines(canvas, [np.rint(line).astype(np.int32)], False, (255,), 2)
    nib = tuple(max(2, round(part * height)) for part in face.nib)
    return np.asarray(cv2.dilate(canvas, _nib(nib[0], nib[1])), np.uint8)


def _nib(width: int, height: int) -> Mask:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, height)), np.uint8)


def _smooth(points: NDArray[np.float64], steps: int = 12) -> NDArray[np.float64]:
    """Run a Catmull-Rom spline through the points."""
    closed = bool(np.allclose(points[0], points[-1]))
    before, after = (points[-2], points[1]) if closed else (points[0], points[-1])
    knots = np.vstack([before, points, after])
    a, b, c, d = (knots[i : len(knots) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps)[None, :, None]
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return np.asarray(curve.reshape(-1, 2), np.float64)
