"""The last of a painted house number: light falls on it, and a camera takes a picture."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from glimpse_env.tasks.house_numbers import styles
from glimpse_env.tasks.house_numbers.layout import Scene
from glimpse_env.tasks.svhn.crops import CROP_SIZE


def light(rng: np.random.Generator, picture: NDArray[np.float32]) -> None:
    """Light the wall from one side, at times with a shadow across."""
    # Halves of a crop from the middle, however large the picture is.
    place = np.indices(picture.shape[:2], np.float32) / (CROP_SIZE / 2)
    down, across = place - picture.shape[0] / CROP_SIZE
    slopes = (styles.GRADIENT_STRENGTH * rng.uniform(-1, 1, 2)).tolist()
    shade = 1 + slopes[0] * across + slopes[1] * down
    if rng.random() < styles.SHADOW_SHARE:
        angle, offset, sharpness = 6.28 * rng.random(), rng.uniform(-0.8, 0.8), rng.uniform(2, 20)
        distance = math.cos(angle) * across + math.sin(angle) * down + offset
        depth = styles.SHADOW_DEPTH * rng.random()
        shade *= 1 - depth * np.clip(0.5 + sharpness * distance, 0, 1)
    picture *= np.maximum(shade, 0.45)[..., None].astype(np.float32)
    # The camera's exposure: bright walls keep their contrast instead of burning out.
    picture *= np.float32(min(1.0, 250 / float(picture.max())))


def expose(
    rng: np.random.Generator, picture: NDArray[np.float32], scene: Scene
) -> NDArray[np.uint8]:
    """Take a photograph as coarse as SVHN's, and enlarge it to the image."""
    size, scale = picture.shape[0], np.array(scene.scale)
    width_of_digit = float(scene.layout.boxes[:, 2].mean())
    per_height = max(scene.layout.photo_height, styles.LEAST_PIXELS_ACROSS / width_of_digit)
    finer = per_height / scale
    width, height = np.clip(np.rint(size * finer), 8, size).astype(int).tolist()
    focus = rng.uniform(*styles.FOCUS_RANGE) * np.maximum(finer, 1) ** -1
    coarse = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    photo = np.asarray(cv2.GaussianBlur(coarse, (0, 0), focus[0], sigmaY=focus[1]), np.float32)
    x, y = (rng.random(2) * (styles.NOISE_SIZE - size)).astype(int).tolist()
    photo += rng.uniform(*styles.NOISE_RANGE) * styles.noise_bank()[y : y + height, x : x + width]
    exposed = np.clip(photo, 0, 255).astype(np.uint8)
    if rng.random() < styles.JPEG_SHARE:
        quality = int(rng.uniform(*styles.JPEG_QUALITY_RANGE))
        # Taken for blue, green, red both ways: the colours come back in their own order.
        _, coded = cv2.imencode(".jpg", exposed, [cv2.IMWRITE_JPEG_QUALITY, quality])
        exposed = np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)
    enlarged = cv2.resize(exposed, (size, size), interpolation=cv2.INTER_CUBIC)
    return np.asarray(enlarged, np.uint8)
