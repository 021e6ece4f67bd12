from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks.house_number_pixels import measure_pixels


def two_bars(light: bool) -> np.ndarray:
    """Two upright bars, 6 pixels wide and 30 tall, 12 pixels apart."""
    image = np.full((54, 54), 40, np.uint8)
    for left in (15, 33):
        image[10:40, left : left + 6] = 200
    return image if light else 240 - image


@pytest.mark.parametrize("light", [True, False])
def test_bars_are_measured(light: bool) -> None:
    measures = {name: values[0] for name, values in measure_pixels(two_bars(light)[None]).items()}
    assert measures["light digits (share)"] == light
    assert measures["gap / width of connected ink"] == pytest.approx(2)
    assert measures["margin left (pixels)"] == 15
    assert measures["margin right (pixels)"] == 15
    assert measures["margin above (pixels)"] == 10
    assert measures["margin below (pixels)"] == 14
    # 6 / 30, but for the ends of the bars and for a distance in whole pixels
    assert 0.2 < measures["stroke width / height of the ink"] < 0.3
    ink = 2 * 6 * 30 / 54**2
    assert measures["contrast (standard deviation)"] == pytest.approx(160 * (ink - ink**2) ** 0.5)
    directions = [measures[name] for name in measures if name.startswith("gradients")]
    assert sum(directions) == pytest.approx(100)
    assert directions[0] > 70  # upright edges: gradients point across


def test_bands_share_out_the_variance() -> None:
    x = np.arange(54)
    for periods, band in ((2, 0), (6, 1), (12, 2), (22, 3)):
        wave = 128 + 100 * np.sin(2 * np.pi * periods * x / 54)
        image = np.broadcast_to(wave.astype(np.uint8), (54, 54))
        measures = measure_pixels(image[None].copy())
        shares = [values[0] for name, values in measures.items() if name.startswith("spectrum")]
        assert sum(shares) == pytest.approx(100, abs=1)
        assert np.argmax(shares) == band
        assert shares[band] > 80


def test_blur_is_less_sharp_and_an_empty_image_has_no_ink() -> None:
    sharp = two_bars(True)
    images = np.stack([sharp, cv2.GaussianBlur(sharp, (0, 0), 2), np.full((54, 54), 9, np.uint8)])
    measures = measure_pixels(images)
    sharpness = measures["sharpness (variance of the Laplacian)"]
    assert sharpness[0] > 5 * sharpness[1] > 0 == sharpness[2]
    assert np.isnan(measures["gap / width of connected ink"][2])
