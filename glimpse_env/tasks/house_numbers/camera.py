"""The last of a painted house number: light falls on it, and a camera takes a picture."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from glimpse_env.opencv import cv2
from glimpse_env.tasks.house_numbers import styles
from glimpse_env.tasks.house_numbers.ink import in_grey
from glimpse_env.tasks.house_numbers.layout import Scene, places

Field: TypeAlias = NDArray[np.float32]


def light(rng: np.random.Generator, picture: Field) -> None:
    """Light the wall unevenly, at times with a shadow across, leaves or a reflection."""
    across, down = _across_and_down(picture.shape[0])
    slopes = (styles.GRADIENT_STRENGTH * rng.uniform(-1, 1, 2)).astype(np.float32)
    shade = 1 + slopes[0] * across + slopes[1] * down
    if rng.random() < styles.SHADOW_SHARE:
        angle, offset, sharpness = 6.28 * rng.random(), rng.uniform(-0.8, 0.8), rng.uniform(2, 20)
        distance = math.cos(angle) * across + math.sin(angle) * down + offset
        depth = styles.SHADOW_DEPTH * rng.random()
        shade *= 1 - depth * (0.5 + sharpness * distance).clip(0, 1)
    if rng.random() < styles.DAPPLED_SHARE:
        shade *= 1 + styles.DAPPLED_STRENGTH * rng.random() * _cut(rng, "dapples", len(shade))
    picture *= in_grey(np.maximum(shade, 0.3))
    if rng.random() < styles.GLARE_SHARE:
        x, y, reach, strength = rng.uniform((-1, -1, 0.3, 0), (1, 1, 1.2, styles.GLARE_STRENGTH))
        distance = ((across - x) ** 2 + (down - y) ** 2) / reach**2
        picture += in_grey((strength * np.exp(-distance)).astype(np.float32))


@functools.cache
def _across_and_down(size: int) -> Sequence[Field]:
    """The two parts of `places`, each (size, size)."""
    return [np.asarray(part, np.float32) for part in cv2.split(places(size))]


def _cut(rng: np.random.Generator, texture: str, size: int) -> Field:
    x, y = (rng.random(2) * (styles.TEXTURE_SIZE - size)).astype(int).tolist()
    return styles.texture(texture)[y : y + size, x : x + size]


def expose(rng: np.random.Generator, picture: Field, scene: Scene) -> NDArray[np.uint8]:
    """Take a photograph as coarse as SVHN's, and enlarge it to the image."""
    size = picture.shape[0]
    digits = scene.layout.ink
    width_of_digit, height_of_digit = (
        sum(column) / len(digits) for column in digits.T[2:].tolist()
    )
    per_height = max(scene.layout.photo_height, styles.LEAST_PIXELS_ACROSS / width_of_digit)
    finer = [per_height / scale for scale in scene.scale]
    width, height = (min(max(round(size * part), 8), size) for part in finer)
    coarse = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    blur = _focus(rng, per_height * height_of_digit)
    across, down = (sigma * (1 / max(part, 1.0)) for sigma, part in zip(blur, finer, strict=True))
    blurred = cv2.GaussianBlur(coarse, (0, 0), across, sigmaY=down)
    photo = _developed(rng, np.asarray(blurred, np.float32))
    x, y = (rng.random(2) * (styles.NOISE_SIZE - size)).astype(int).tolist()
    photo += rng.uniform(*styles.NOISE_RANGE) * styles.noise_bank()[y : y + height, x : x + width]
    exposed = photo.clip(0, 255).astype(np.uint8)
    if rng.random() < styles.SHARPENED_SHARE:
        amount = rng.uniform(*styles.SHARPENING_RANGE)
        soft = cv2.GaussianBlur(exposed, (0, 0), 1.2)
        exposed = np.asarray(cv2.addWeighted(exposed, 1 + amount, soft, -amount, 0), np.uint8)
    if rng.random() < styles.JPEG_SHARE:
        quality = int(rng.uniform(*styles.JPEG_QUALITY_RANGE))
        # Taken for blue, green, red both ways: the colours come back in their own order.
        _, coded = cv2.imencode(".jpg", exposed, [cv2.IMWRITE_JPEG_QUALITY, quality])
        exposed = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    smooth = rng.random() < styles.CUBIC_SHARE
    how = cv2.INTER_CUBIC if smooth else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(exposed, (size, size), interpolation=how), np.uint8)


def _developed(rng: np.random.Generator, picture: Field) -> Field:
    """Set contrast and brightness as weather and exposure do; what is too bright burns out."""
    wanted = styles.EXPOSED_CONTRAST
    wanted *= math.exp(styles.EXPOSED_CONTRAST_DEVIATION * rng.standard_normal())
    means, deviations = cv2.meanStdDev(picture)
    mean, deviation = float(means.sum()) / 3, float(deviations.sum()) / 3
    contrast = min(wanted / max(deviation, 1.0), styles.MOST_AMPLIFIED)
    target = mean + styles.EXPOSURE_DEVIATION * rng.standard_normal()
    # Most exposures keep the number from burning out or drowning.
    target = min(max(target, 35.0), 222.0)
    return np.asarray(np.float32(contrast) * picture + np.float32(target - contrast * mean))


def _focus(rng: np.random.Generator, digit_height: float) -> list[float]:
    """Standard deviations of the blur, across and down, in pixels of the photograph."""
    lens = styles.FOCUS * math.exp(styles.FOCUS_DEVIATION * rng.standard_normal())
    most = styles.LEAST_SHARPNESS * digit_height
    blur = min(math.hypot(lens, most * rng.random() ** 2), most)
    sigmas: list[float] = (blur * np.exp(0.15 * rng.standard_normal(2))).tolist()
    return sigmas
