"""The painting of a house number: its colours, the wall behind, and what is mounted on it."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from glimpse_env.opencv import cv2
from glimpse_env.tasks.house_numbers import styles
from glimpse_env.tasks.house_numbers.camera import expose, light
from glimpse_env.tasks.house_numbers.glyphs import HELD_OUT_FACES, TRAINING_FACES, font
from glimpse_env.tasks.house_numbers.ink import draw_ink, in_grey, in_one_colour, lay_ink
from glimpse_env.tasks.house_numbers.layout import Scene

Paint: TypeAlias = NDArray[np.uint8]
Picture: TypeAlias = NDArray[np.float32]
Vector: TypeAlias = NDArray[np.float64]
Item = TypeVar("Item")

_FAR = 40.0
"""Beyond the edge of any image, in heights of a digit."""


def paint(rng: np.random.Generator, scene: Scene, held_out: bool) -> NDArray[np.uint8]:
    """Paint a house number, with the styles of the test split among others if `held_out`."""
    face = _pick(rng, TRAINING_FACES, HELD_OUT_FACES, held_out)
    texture = _pick(rng, styles.TRAINING_TEXTURES, styles.HELD_OUT_TEXTURES, held_out)
    colours = _draw_colours(rng, held_out)
    ink = draw_ink(rng, scene, face)
    wall = _paint_wall(rng, scene, colours)
    picture = wall * in_grey(1 + _cut_texture(rng, scene, texture, colours))
    lay_ink(rng, picture, scene, ink, colours)
    light(rng, picture)
    return expose(rng, picture, scene)


def _pick(
    rng: np.random.Generator, common: Sequence[Item], rare: Sequence[Item], held_out: bool
) -> Item:
    """Choose a style; the test split has more to choose from."""
    choices = rare if held_out and rng.random() < styles.HELD_OUT_SHARE else common
    return choices[int(rng.random() * len(choices))]


def _draw_colours(rng: np.random.Generator, held_out: bool) -> tuple[Vector, Vector, Vector]:
    """Draw the colours of the ground, of the digits, and of whatever else is there."""
    least, most = styles.CONTRAST_RANGE
    draws = rng.random(4).tolist()
    contrast = least + (most - least) * draws[0] ** styles.CONTRAST_EXPONENT
    dark = 10 + (235 - contrast) * draws[1]
    brightness = [dark + contrast, dark]
    if draws[3] < styles.LIGHT_ON_DARK_SHARE:
        brightness.reverse()
    reach = styles.SURROUNDINGS_CONTRAST * contrast * (2 * draws[2] - 1)
    brightness.append(min(max(brightness[0] + reach, 5.0), 250.0))
    ground, colour, third = (
        _tinted(value, _pick(rng, styles.TRAINING_TINTS, styles.HELD_OUT_TINTS, held_out))
        for value in brightness
    )
    return ground, colour, third


def _tinted(brightness: float, tint: styles.Tint) -> Vector:
    """Colour a brightness (0 to 255): strongest in the middle, as very light paint is pale."""
    strength = 0.2 + 2.6 * (brightness / 255) * (1 - brightness / 255)
    return np.array([min(max(brightness + strength * part, 0.0), 255.0) for part in tint])


def _any_colour(rng: np.random.Generator) -> Vector:
    return _tinted(15 + 225 * rng.random(), _pick(rng, styles.TRAINING_TINTS, (), False))


def _paint_wall(
    rng: np.random.Generator, scene: Scene, colours: tuple[Vector, Vector, Vector]
) -> Paint:
    """Paint everything behind the digits in flat colours."""
    ground, _, third = colours
    mount, letters, screws, bars = rng.random(4).tolist()
    plaque, tiles = mount < styles.PLAQUE_SHARE, mount > 1 - styles.TILES_SHARE
    wall = in_one_colour(scene.size, third if plaque or tiles else ground, np.uint8)
    if plaque:
        _add_plaque(rng, wall, scene, ground)
    if tiles:
        _add_tiles(rng, wall, scene, ground)
    for _ in range(int(bars * (styles.BAR_COUNT + 1))):
        _add_bar(rng, wall, scene)
    if letters < styles.LETTERS_SHARE:
        _add_letters(rng, wall, scene)
    if screws < styles.SCREWS_SHARE:
        _add_screws(rng, wall, scene)
    return wall


def _cut_texture(
    rng: np.random.Generator, scene: Scene, name: str, colours: tuple[Vector, Vector, Vector]
) -> Picture:
    """Cut a piece as large as the image, stretched as the number is."""
    ground, colour, _ = colours
    density = styles.TEXTURE_PERIOD * (0.4 + rng.random())
    angle = math.radians(0.3 * scene.slope + 2 * rng.standard_normal())
    matrix = np.empty((2, 3))
    matrix[:, 0] = (math.cos(angle), -math.sin(angle))
    matrix[:, 1] = (math.sin(angle), math.cos(angle))
    matrix[:, :2] *= density / np.array(scene.scale)
    matrix[:, 2] = styles.TEXTURE_SIZE * rng.random(2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size, whole = (scene.size, scene.size), styles.texture(name)
    piece = cv2.warpAffine(whole, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
    # Nobody paints a number that the bricks' joints would outshine.
    strength = min(1.0, abs(sum((colour - ground).tolist())) / 3 / styles.FULL_TEXTURE_CONTRAST)
    return np.asarray(strength * piece, np.float32)


def _add_plaque(rng: np.random.Generator, wall: Paint, scene: Scene, ground: Vector) -> None:
    """Put a plate between the wall and the digits, at times with frames: a box, or an oval."""
    left, top, width, height = scene.layout.ink_union
    margins = styles.PLAQUE_MARGIN * (0.15 + 0.85 * rng.random(2)[[0, 0, 1, 1]])
    margins *= rng.uniform(0.7, 1.3, 4)
    squareness = _pick(rng, styles.PLAQUE_SQUARENESS, (), False)
    # The digits are within an oval, too.
    margins += (2 ** (1 / squareness) - 1) * 0.35 * np.array([width, width, height, height])
    angle = math.radians(scene.slope * rng.random() + 2 * rng.standard_normal())
    half = np.array([width + margins[0] + margins[1], height + margins[2] + margins[3]]) / 2
    middle = np.array([left - margins[0], top - margins[2]]) + half
    outline = _rounded(half, squareness, angle)
    growth = 1 + 0.1 * rng.random()
    rings = [ground]
    for _ in range(int(rng.random() * (styles.FRAME_COUNT + 1))):
        rings += [_any_colour(rng), ground if rng.random() < 0.5 else _any_colour(rng)]
    for number, colour in reversed(list(enumerate(rings))):
        _fill(wall, scene.pixels(middle + outline * growth**number), colour)


def _rounded(half: Vector, squareness: float, angle: float) -> Vector:
    """Points around 0 of a superellipse: 2 is an ellipse, above 8 nearly a rectangle."""
    cosine, sine = math.cos(angle), math.sin(angle)
    turned = _superellipse(squareness) * half @ np.array([[cosine, sine], [-sine, cosine]])
    return np.asarray(turned, np.float64)


@functools.cache
def _superellipse(squareness: float) -> Vector:
    turns = (np.arange(32) + 0.5) * (math.pi / 16)
    circle = np.column_stack([np.cos(turns), np.sin(turns)])
    return np.asarray(np.sign(circle) * np.abs(circle) ** (2 / squareness), np.float64)


def _add_tiles(rng: np.random.Generator, wall: Paint, scene: Scene, ground: Vector) -> None:
    """Put each digit on a tile of its own."""
    margin = styles.TILE_MARGIN * rng.random(2)
    for left, top, width, height in scene.layout.ink.tolist():
        half = np.array([width, height]) / 2 + margin
        middle = np.array([left + width / 2, top + height / 2])
        angle = math.radians(2 * rng.standard_normal())
        shade = 1 + 0.1 * rng.standard_normal()
        _fill(wall, scene.pixels(middle + _rounded(half, 20.0, angle)), shade * ground)


def _add_bar(rng: np.random.Generator, wall: Paint, scene: Scene) -> None:
    """Put a post, a ledge or the edge of a door beside the number: a band across the image."""
    left, top, width, height = scene.layout.ink_union
    near, thick = 0.05 + 0.8 * rng.random() ** 2, 0.04 + 0.6 * rng.random() ** 2
    side = int(rng.random() * 4)
    start = (left, left + width, top, top + height)[side]
    near, end = (
        (start - near, start - near - thick)
        if side % 2 == 0
        else (start + near, start + near + thick)
    )
    lean = 0.01 * _FAR * rng.standard_normal()
    band = np.array(
        [(near - lean, -_FAR), (end - lean, -_FAR), (end + lean, _FAR), (near + lean, _FAR)]
    )
    if side >= 2:
        band = band[:, ::-1]
    _fill(wall, scene.pixels(band), _any_colour(rng))


def _add_letters(rng: np.random.Generator, wall: Paint, scene: Scene) -> None:
    """Write a word above or below the number, as on a street's sign."""
    left, top, width, height = scene.layout.ink_union
    below, across, gap, letter_height = rng.random(4).tolist()
    word = "".join(rng.choice(list(styles.LETTERS), 2 + int(rng.random() * 5)))
    size = 5 + int(9 * letter_height)
    beside = top + height + 0.04 + 0.2 * gap if below < 0.5 else top - 0.04 - 0.2 * gap
    x, y = scene.pixels(np.array([left + (1.2 * across - 0.4) * width, beside])).tolist()
    origin = (round(x), round(y + 0.7 * size if below < 0.5 else y))
    colour = tuple(_any_colour(rng).tolist())
    cv2.putText(wall, word, origin, colour, font(styles.LETTERS_FONT), size, 600)


def _add_screws(rng: np.random.Generator, wall: Paint, scene: Scene) -> None:
    """Fasten the number with screws at two sides or four corners."""
    left, top, width, height = scene.layout.ink_union
    x, y = (0.06 + 0.2 * rng.random(2)).tolist()
    centre, half = np.array([left + width / 2, top + height / 2]), (width / 2 + x, height / 2 + y)
    ends = ([(-1, 0), (1, 0)], [(0, -1), (0, 1)], [(-1, -1), (1, -1), (1, 1), (-1, 1)])
    radius, colour = 0.02 + 0.03 * rng.random(), _any_colour(rng)
    for end in ends[int(rng.random() * 3)]:
        middle = centre + np.multiply(end, half)
        _fill(wall, scene.pixels(middle + _rounded(np.full(2, radius), 2.0, 0.0)), colour)


def _fill(wall: Paint, corners: Vector, colour: Vector) -> None:
    """Fill a polygon with soft edges."""
    points = np.rint(corners * 16).astype(np.int32)
    cv2.fillConvexPoly(wall, points, tuple(colour.tolist()), cv2.LINE_AA, 4)
