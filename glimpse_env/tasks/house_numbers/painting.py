"""The painting of a house number: its colours, the wall behind, and the digits on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from glimpse_env.tasks.house_numbers import styles
from glimpse_env.tasks.house_numbers.camera import expose, light
from glimpse_env.tasks.house_numbers.glyphs import HELD_OUT_FACES, TRAINING_FACES, Mask
from glimpse_env.tasks.house_numbers.ink import draw_ink
from glimpse_env.tasks.house_numbers.layout import Scene

Picture: TypeAlias = NDArray[np.float32]
Vector: TypeAlias = NDArray[np.float64]
Item = TypeVar("Item")

_FAR = 40.0
"""Beyond the edge of any image, in heights of a digit."""


def paint(rng: np.random.Generator, scene: Scene, held_out: bool) -> NDArray[np.uint8]:
    """Paint a house number, with the styles of the test split among others if `held_out`."""
    face = _pick(rng, TRAINING_FACES, HELD_OUT_FACES, held_out)
    texture = _pick(rng, styles.TRAINING_TEXTURES, styles.HELD_OUT_TEXTURES, held_out)
    ground, colour, third = _draw_colours(rng, held_out)
    ink = draw_ink(rng, scene, face)
    # Nobody paints a number that the bricks' joints would outshine.
    strength = min(1.0, abs(float(colour.mean() - ground.mean())) / styles.FULL_TEXTURE_CONTRAST)
    field = strength * _cut_texture(rng, scene, styles.texture(texture))
    picture = _draw_wall(rng, scene, field, ground, third)
    _apply_ink(rng, picture, scene, ink, colour, third)
    light(rng, picture)
    return expose(rng, picture, scene)


def _pick(
    rng: np.random.Generator, common: Sequence[Item], rare: Sequence[Item], held_out: bool
) -> Item:
    """Choose a style; the test split has more to choose from."""
    choices = [*common, *rare] if held_out else common
    return choices[int(rng.random() * len(choices))]


def _draw_colours(rng: np.random.Generator, held_out: bool) -> tuple[Vector, Vector, Vector]:
    """Draw the colours of the ground, of the digits, and of whatever else is there."""
    least, most = styles.CONTRAST_RANGE
    draws = rng.random(4).tolist()
    contrast = least + (most - least) * draws[0] ** styles.CONTRAST_EXPONENT
    dark = 20 + (210 - contrast) * draws[1]
    brightness = [dark + contrast, dark, 30 + 180 * draws[2]]
    if draws[3] < styles.LIGHT_ON_DARK_SHARE:
        brightness[0], brightness[1] = brightness[1], brightness[0]
    ground, colour, third = (
        _tinted(value, _pick(rng, styles.TRAINING_TINTS, styles.HELD_OUT_TINTS, held_out))
        for value in brightness
    )
    return ground, colour, third


def _tinted(brightness: float, tint: styles.Tint) -> Vector:
    """Colour a brightness (0 to 255): strongest in the middle, as very light paint is pale."""
    strength = 0.2 + 2.6 * (brightness / 255) * (1 - brightness / 255)
    return np.clip(brightness + strength * np.asarray(tint), 0, 255)


def _draw_wall(
    rng: np.random.Generator, scene: Scene, field: Picture, ground: Vector, third: Vector
) -> Picture:
    """Paint everything behind the digits."""
    on_plaque = rng.random() < styles.PLAQUE_SHARE
    wall = (third if on_plaque else ground).astype(np.float32)
    picture = wall * (1 + field[..., None])
    if on_plaque:
        _add_plaque(rng, picture, scene, ground)
    for _ in range(int(rng.random() * (styles.BAR_COUNT + 1))):
        _add_bar(rng, picture, scene)
    return picture


def _cut_texture(rng: np.random.Generator, scene: Scene, texture: Picture) -> Picture:
    """Cut a piece as large as the image, stretched as the number is."""
    density = styles.TEXTURE_PERIOD * (0.4 + rng.random())
    angle = math.radians(0.3 * scene.slope + 2 * rng.standard_normal())
    matrix = np.empty((2, 3))
    matrix[:, 0] = (math.cos(angle), -math.sin(angle))
    matrix[:, 1] = (math.sin(angle), math.cos(angle))
    matrix[:, :2] *= density / np.array(scene.scale)
    matrix[:, 2] = styles.TEXTURE_SIZE * rng.random(2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (scene.size, scene.size)
    piece = cv2.warpAffine(texture, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(piece, np.float32)


def _add_plaque(rng: np.random.Generator, picture: Picture, scene: Scene, ground: Vector) -> None:
    """Put a plate between the wall and the digits, at times with a frame."""
    left, top, width, height = scene.layout.union
    x, y = (0.06 + 0.5 * rng.random(2) ** 2).tolist()
    corners = np.array([[-x, -y], [width + x, -y], [width + x, height + y], [-x, height + y]])
    outline = scene.pixels(corners + np.array([left, top]))
    if rng.random() < styles.PLAQUE_BORDER_SHARE:
        middle = outline.mean(axis=0)
        _fill(picture, middle + (outline - middle) * (1 + 0.12 * rng.random()), 0.6 * ground + 20)
    _fill(picture, outline, ground)


def _add_bar(rng: np.random.Generator, picture: Picture, scene: Scene) -> None:
    """Put a post or a ledge beside the number: a band across the image."""
    left, top, width, height = scene.layout.union
    near, thick = 0.1 + rng.random() ** 2, 0.05 + 0.5 * rng.random()
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
    colour = _tinted(30 + 180 * rng.random(), _pick(rng, styles.TRAINING_TINTS, (), False))
    _fill(picture, scene.pixels(band), colour)


def _fill(picture: Picture, corners: Vector, colour: Vector) -> None:
    """Fill a polygon with soft edges."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    points = np.rint(corners * 16).astype(np.int32)
    cv2.fillConvexPoly(mask, points, (255,), cv2.LINE_AA, 4)
    if mask.any():  # Most bars lie outside a small image.
        _blend(picture, mask, colour)


def _blend(picture: Picture, mask: Mask, colour: Vector, opacity: float = 1.0) -> None:
    """Lay a colour over the picture where the mask says so."""
    share = mask[..., None] * np.float32(opacity / 255)
    picture += share * (colour.astype(np.float32) - picture)


def _cast_shadow(rng: np.random.Generator, scene: Scene, ink: Mask) -> Mask:
    """Shift and soften the digits, by a distance on the wall."""
    shift = 0.06 * rng.uniform(-1, 1, 2) * scene.scale
    matrix = np.hstack([np.eye(2), shift[:, None]])
    soft = cv2.GaussianBlur(ink, (0, 0), 0.8)
    return np.asarray(cv2.warpAffine(soft, matrix, (scene.size, scene.size)), np.uint8)


def _apply_ink(
    rng: np.random.Generator,
    picture: Picture,
    scene: Scene,
    ink: Mask,
    colour: Vector,
    third: Vector,
) -> None:
    """Lay the digits on the wall, with their shadow, edge and relief."""
    draws = rng.random(3).tolist()
    if draws[0] < styles.DROP_SHADOW_SHARE:
        _blend(picture, _cast_shadow(rng, scene, ink), np.zeros(3), 0.15 + 0.25 * rng.random())
    if draws[1] < styles.OUTLINE_SHARE:
        edge = np.asarray(cv2.dilate(ink, np.ones((3, 3), np.uint8)), np.uint8)
        _blend(picture, edge, third)
    _blend(picture, ink, colour)
    if draws[2] < styles.RELIEF_SHARE:
        kernel = np.array([[1, 1, 0], [1, 0, -1], [0, -1, -1]]) * rng.uniform(0.03, 0.09)
        picture += cv2.filter2D(ink, cv2.CV_32F, np.rot90(kernel, int(rng.random() * 4)))[..., None]
