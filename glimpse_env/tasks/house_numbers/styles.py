"""What the wall, the paint and the camera look like: the constants that set the difficulty.

Everything is meant to be read and changed: shares are the part of the images that show an effect.
A share of 0 switches the effect off.
"""

from __future__ import annotations

import functools
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from glimpse_env.opencv import cv2

Field: TypeAlias = NDArray[np.float32]

HELD_OUT_SHARE = 0.2
"""How often the test split takes a face, a tint or a texture that it alone has."""

# Light and paint.
CONTRAST_RANGE = (50.0, 200.0)
"""Least and greatest difference in brightness (of 255) between digits and ground."""
CONTRAST_EXPONENT = 1.2
"""Above 1, low contrasts are more frequent than high ones."""
FULL_TEXTURE_CONTRAST = 180.0
"""Below this difference in brightness the wall's texture is as much weaker as the digits are."""
SURROUNDINGS_CONTRAST = 1.4
"""Greatest difference in brightness of ground and surroundings, relative to that of the digits."""
LIGHT_ON_DARK_SHARE = 0.5
GRADIENT_STRENGTH = 0.15
"""Greatest relative change of light from the centre to the edge of the house number."""
SHADOW_SHARE, SHADOW_DEPTH = 0.12, 0.4
"""Shadows with a straight edge across the scene, and how dark they are at most."""
DAPPLED_SHARE, DAPPLED_STRENGTH = 0.12, 0.2
"""Light through leaves, and its greatest standard deviation."""
GLARE_SHARE, GLARE_STRENGTH = 0.08, 90.0
"""Bright reflections, and how much they add at most."""

# What is mounted on the wall.
PLAQUE_SHARE, PLAQUE_MARGIN = 0.45, 0.4
"""Plates behind the number, and their greatest margin around its ink, in heights."""
PLAQUE_SQUARENESS = (2.0, 3.0, 6.0, 20.0, 20.0, 20.0, 20.0)
"""Exponents of the plates' outlines: 2 is an oval, 20 a rectangle."""
FRAME_COUNT = 2
"""Greatest number of frames around a plate."""
TILES_SHARE, TILE_MARGIN = 0.1, 0.15
"""Numbers with a tile behind every digit, and its greatest margin, in heights."""
LETTERS_SHARE, SCREWS_SHARE = 0.12, 0.12
LETTERS, LETTERS_FONT = "ABCDEFGHIKLMNOPRSTUVWaehinorst", "roboto/Roboto[wdth,wght].ttf"
"""What stands above or below a number."""

# What the digits are made of.
DROP_SHADOW_SHARE, DROP_SHADOW_REACH = 0.35, 0.11
"""Digits that throw a shadow, and how far at most, in heights."""
SOLID_SHADOW_SHARE, LIT_SHADOW_SHARE = 0.25, 0.2
"""Shadows that reach from the digit to their end, and light ones: sides of thick digits."""
GLOW_SHARE = 0.16
"""Digits with a soft halo."""
RELIEF_SHARE, RELIEF_RANGE = 0.3, (0.03, 0.12)
"""Digits with a lit and a shaded edge, as cast in metal."""
OUTLINE_SHARE, INLINE_SHARE = 0.1, 0.08
"""Digits with an edge in a third colour, and with a line inside the strokes."""
TWO_TONE_SHARE, TWO_TONE_DEPTH = 0.3, 0.45
"""Digits that fade from side to side, and by what part of their contrast at most."""
WEAR_SHARE = 0.06

# Shapes beyond those of the faces.
STRETCH_DEVIATION = 0.15
"""How much wider or narrower than its face a number is: standard deviation of the logarithm."""
WOBBLE_SHARE, WOBBLE_STRENGTH = 0.5, 1.3
"""Numbers with bent strokes, and the greatest standard deviation of the bends, in pixels."""
WEIGHT_SHARE, WEIGHT_BLUR_RANGE = 0.6, (0.5, 1.6)
WEIGHT_THRESHOLDS, WEIGHT_SLOPE = (40.0, 130.0), 20.0
"""Strokes are blurred and cut at a threshold (of 255): a low one makes them bolder. By how much
it changes from the middle to the edge of the image, at most."""

# Pose, beyond the slope taken from SVHN.
TILT_FOLLOWS_SLOPE_SHARE = 0.75
"""Numbers on a sloping line whose digits lean with it; in the others they stand upright."""
TILT_DEVIATION, SHEAR_DEVIATION, DIGIT_TILT_DEVIATION = 3.0, 0.09, 2.0
"""Of the number (degrees), of the number (width per height), and of each digit (degrees)."""
PERSPECTIVE_STRENGTH = 0.06
"""Standard deviation of the relative change of the digits' size from centre to end."""

# Around the number.
NEIGHBOUR_SHARE = 0.2
"""Digits of no meaning, cut off at the left or right edge of the image."""
BAR_COUNT = 2
"""Greatest number of posts and ledges beside the number (many lie outside a 54 x 54 crop)."""

# Camera.
EXPOSED_CONTRAST, EXPOSED_CONTRAST_DEVIATION = 28.0, 0.4
"""Median of the image's standard deviation as exposed, and standard deviation of its logarithm."""
MOST_AMPLIFIED = 2.5
"""How much the camera adds to the contrast at most."""
EXPOSURE_DEVIATION = 25.0
"""Of the image's mean brightness: what goes beyond 255 burns out."""
FOCUS, FOCUS_DEVIATION = 0.95, 0.3
"""Blur of the lens: median of its standard deviation in pixels of the photograph, and standard
deviation of its logarithm."""
LEAST_SHARPNESS = 0.04
"""Greatest blur, in heights of a digit."""
LEAST_PIXELS_ACROSS = 8.0
"""Digits are on average no narrower than this many pixels of the photograph (else illegible)."""
NOISE_RANGE = (0.2, 2.0)
"""Standard deviation of the noise (of 255), in each pixel of the photograph."""
SHARPENED_SHARE, SHARPENING_RANGE = 0.25, (0.2, 1.0)
"""Photographs that the camera has sharpened: edges get halos."""
JPEG_SHARE, JPEG_QUALITY_RANGE = 0.5, (45, 92)
CUBIC_SHARE = 0.3
"""Photographs enlarged by cubic interpolation; the others linearly, as SVHN's crops are."""

Tint: TypeAlias = tuple[float, float, float]
TRAINING_TINTS: tuple[Tint, ...] = (
    (0, 0, 0), (0, 0, 0), (0, 0, 0), (4, 0, -4), (4, 0, -8), (-6, 0, 8), (-6, 0, 8),
    (12, 2, -16), (12, 2, -16), (20, 3, -26), (26, -6, -22), (34, 2, -40), (-14, 0, 18),
    (-26, -2, 34), (-12, 6, -2), (45, -16, -14),
)  # fmt: skip
"""Red, green and blue beyond the brightness: grey, beige, wood, brick, brass, blue, red."""
HELD_OUT_TINTS: tuple[Tint, ...] = ((-24, 14, 2), (24, -16, 22), (-22, 8, 22))
"""Green, purple and turquoise: the test split alone."""

TRAINING_TEXTURES = (
    "plain", "plain", "plain", "grain", "stucco", "brick", "planks", "wood", "siding", "stone",
)  # fmt: skip
HELD_OUT_TEXTURES = ("brushed", "tiles")
"""Brushed metal and square tiles: the test split alone."""

TEXTURE_SIZE = 512
TEXTURE_PERIOD = 64
"""Side of a texture, and of its largest element (a brick, a plank), in pixels."""


@functools.cache
def texture(name: str) -> Field:
    """Make a texture: relative brightness around 0, of a size that repeats seamlessly enough."""
    rng = np.random.default_rng([len(name), *name.encode()])
    fine, coarse = _cloud(rng, 1, 1), _cloud(rng, 40, 40)
    rows, columns = np.indices((TEXTURE_SIZE, TEXTURE_SIZE), np.float32)
    if name == "grain":
        field = 0.05 * _cloud(rng, 2, 2) + 0.04 * coarse
    elif name == "stucco":
        field = 0.07 * _cloud(rng, 4, 4) + 0.05 * _cloud(rng, 12, 12) + 0.02 * fine
    elif name == "brick":
        field = _bricks(rng, rows, columns, 0.5) + 0.03 * fine + 0.03 * coarse
    elif name == "tiles":
        field = _bricks(rng, rows, columns, 0.0) + 0.04 * coarse
    elif name == "planks":
        field = 0.04 * _cloud(rng, 30, 1) - 0.25 * (rows % TEXTURE_PERIOD < 4) + 0.03 * coarse
    elif name == "wood":
        field = 0.07 * _cloud(rng, 40, 2) + 0.05 * _cloud(rng, 60, 8)
    elif name == "siding":
        field = 0.16 * (rows % TEXTURE_PERIOD / TEXTURE_PERIOD - 0.5) + 0.04 * coarse
        field -= 0.2 * (rows % TEXTURE_PERIOD < 3)
    elif name == "stone":
        field = 0.1 * _cloud(rng, 10, 10) + 0.08 * _cloud(rng, 25, 25)
    elif name == "dapples":
        field = np.clip(_cloud(rng, 7, 7), -1, 1)
    elif name == "brushed":
        field = 0.05 * _cloud(rng, 1, 60) + 0.08 * _cloud(rng, 20, 80)
    else:
        field = 0.05 * coarse + 0.01 * fine
    return np.asarray(field, np.float32)


def _cloud(rng: np.random.Generator, width: float, height: float) -> Field:
    """Smooth noise of unit deviation, with blobs of the given size."""
    noise = rng.standard_normal((TEXTURE_SIZE, TEXTURE_SIZE)).astype(np.float32)
    cloud = cv2.GaussianBlur(noise, (0, 0), width, sigmaY=height, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cloud / cloud.std(), np.float32)


def _bricks(rng: np.random.Generator, rows: Field, columns: Field, bond: float) -> Field:
    """Courses of bricks, each a little lighter or darker, with lighter mortar between them."""
    width = TEXTURE_PERIOD * (2 if bond else 1)
    course = (rows // TEXTURE_PERIOD).astype(np.int64)
    shifted = columns + bond * width * (course % 2)
    shades = rng.normal(0, 0.08, (64, 64))[course, (shifted // width).astype(np.int64)]
    mortar = (rows % TEXTURE_PERIOD < 7) | (shifted % width < 7)
    return np.asarray(np.where(mortar, 0.22, shades), np.float32)


NOISE_SIZE = 512
"""Side of the bank of noise, and the greatest side of an image."""


@functools.cache
def noise_bank() -> Field:
    """Noise of unit deviation to cut pieces from: drawing it anew for each image costs more."""
    rng = np.random.default_rng(20140624)
    grey, colour = (
        rng.standard_normal((NOISE_SIZE, NOISE_SIZE, 1)),
        rng.standard_normal((NOISE_SIZE, NOISE_SIZE, 3)),
    )
    return np.asarray(0.85 * grey + 0.5 * colour, np.float32)
