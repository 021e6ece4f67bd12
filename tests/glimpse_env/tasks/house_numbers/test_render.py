from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import metadata
from pathlib import Path

import cv2
import gymnasium as gym
import numpy as np
import pytest
from packaging.version import Version

import glimpse_env
from glimpse_env.errors import InvalidArgument, MissingPackage
from glimpse_env.tasks.house_numbers import glyphs, layout, styles
from glimpse_env.tasks.house_numbers.render import photograph, render_house_numbers

ROOT = Path(glimpse_env.__file__).parents[1]
SOME = np.array([5, 0, 123_456_789, 17])


@pytest.fixture(scope="module")
def layouts() -> list[layout.Layout]:
    return [layout.draw_layout(np.random.default_rng(i), 1, 5) for i in range(6000)]


@pytest.mark.parametrize("image_size", [54, 110])
@pytest.mark.parametrize("color", [False, True])
def test_shapes_and_types(image_size: int, color: bool) -> None:
    images, labels = render_house_numbers("train", SOME, image_size=image_size, color=color)
    assert images.shape == (4, image_size, image_size) + ((3,) if color else ())
    assert images.dtype == np.uint8
    assert labels.shape == (4, 5)
    assert labels.dtype == np.int64
    assert images.reshape(4, -1).std(axis=1).min() > 3


def test_no_indices_no_images() -> None:
    images, labels = render_house_numbers("test", np.array([], np.int64))
    assert images.shape == (0, 54, 54)
    assert labels.shape == (0, 5)


def test_an_image_does_not_depend_on_its_batch() -> None:
    images, labels = render_house_numbers("train", SOME)
    for row, index in enumerate(SOME):
        alone, label = render_house_numbers("train", np.array([index]))
        np.testing.assert_array_equal(alone[0], images[row])
        np.testing.assert_array_equal(label[0], labels[row])


def test_another_process_draws_the_same() -> None:
    code = (
        "import numpy as np, zlib; from glimpse_env.tasks.house_numbers.render import *;"
        "print(zlib.crc32(render_house_numbers('test', np.arange(7), color=True)[0].tobytes()))"
    )
    sums = {subprocess.check_output([sys.executable, "-c", code]) for _ in range(2)}
    assert len(sums) == 1


def test_grey_images_are_the_colour_images_in_grey() -> None:
    colour, _ = render_house_numbers("validation", SOME, color=True)
    grey, _ = render_house_numbers("validation", SOME)
    np.testing.assert_array_equal(grey[0], cv2.cvtColor(colour[0], cv2.COLOR_RGB2GRAY))


def test_an_image_does_not_depend_on_what_was_drawn_before() -> None:
    code = (
        "import numpy as np, sys; from glimpse_env.tasks.house_numbers.render import *;"
        "render_house_numbers('test', np.arange(int(sys.argv[1])), image_size=80, color=True);"
        "sys.stdout.buffer.write(render_house_numbers('train', np.arange(40))[0].tobytes())"
    )
    drawn = {subprocess.check_output([sys.executable, "-c", code, some]) for some in ("0", "150")}
    assert len(drawn) == 1


def test_splits_differ() -> None:
    sheets = [
        render_house_numbers(split, np.arange(20)) for split in ("train", "validation", "test")
    ]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert (sheets[a][1] != sheets[b][1]).any()
        assert (sheets[a][0] != sheets[b][0]).mean() > 0.9


def test_held_out_styles_are_not_in_training() -> None:
    assert not set(glyphs.TRAINING_FACES) & set(glyphs.HELD_OUT_FACES)
    assert not set(styles.TRAINING_TINTS) & set(styles.HELD_OUT_TINTS)
    assert not set(styles.TRAINING_TEXTURES) & set(styles.HELD_OUT_TEXTURES)


def drawn_digits(face: glyphs.Face) -> list[np.ndarray]:
    masks = [glyphs.glyph(face, digit)[1][0] for digit in range(10)]
    return [cv2.resize(mask, (28, 56)).astype(np.float64) / 255 for mask in masks]


@pytest.mark.parametrize("face", glyphs.TRAINING_FACES + glyphs.HELD_OUT_FACES)
def test_the_digits_of_a_face_differ(face: glyphs.Face) -> None:
    drawn = drawn_digits(face)
    for i in range(10):
        for j in range(i):
            assert np.abs(drawn[i] - drawn[j]).mean() > 0.05, (i, j)


def test_the_faces_differ() -> None:
    # A font must not be drawn with the glyphs of another, and a weight is not ignored.
    faces = glyphs.TRAINING_FACES + glyphs.HELD_OUT_FACES
    drawn = np.stack([np.stack(drawn_digits(face)).ravel() for face in faces])
    for number, face in enumerate(faces):
        distance = np.abs(np.delete(drawn, number, axis=0) - drawn[number]).mean(axis=1)
        assert distance.min() > 0.003, face


def test_families_are_declared_with_their_licence() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {line for line in project["dependencies"] if line.startswith("fontpkg-")}
    page = (ROOT / "docs" / "fonts.md").read_text(encoding="utf-8")
    families = {name.split("/")[0] for name in glyphs.FAMILIES | glyphs.HELD_OUT_FAMILIES}
    pinned = set()
    for family in families:
        facts = metadata(f"fontpkg_{family}")
        package = f"fontpkg-{family.replace('_', '-')}"
        version = Version(facts["Version"])  # "2.001" is 2.1
        pinned.add(f"{package}=={version}")
        assert facts["License-Expression"] in ("OFL-1.1", "Apache-2.0")
        assert f"`{package}`](https://pypi.org/project/{package}/) {version} |" in page
    assert pinned == declared


def test_a_typeface_that_is_not_installed_is_named() -> None:
    with pytest.raises(MissingPackage, match="pip install fontpkg-no-such-family"):
        glyphs.font("no_such_family/File.ttf")


def test_families_of_the_test_split_are_not_in_training() -> None:
    training, held_out = (
        {name.split("/")[0] for name in table}
        for table in (glyphs.FAMILIES, glyphs.HELD_OUT_FAMILIES)
    )
    assert len(training) >= 25
    assert len(held_out) >= 5
    assert not training & held_out


def test_larger_images_show_the_same_numbers() -> None:
    for index in range(20):
        _, small = photograph("train", index, 54, 1, 5)
        _, large = photograph("train", index, 110, 1, 5)
        np.testing.assert_array_equal(small.layout.boxes, large.layout.boxes)
        assert small.scale == large.scale


@pytest.mark.parametrize(("fewest", "most"), [(1, 1), (2, 3), (4, 4), (5, 5)])
def test_lengths_can_be_restricted(fewest: int, most: int) -> None:
    _, labels = render_house_numbers("train", np.arange(40), min_digits=fewest, max_digits=most)
    lengths = (labels >= 0).sum(axis=1)
    assert set(lengths.tolist()) == set(range(fewest, most + 1))
    assert ((labels >= -1) & (labels <= 9)).all()
    # The padding is at the end.
    assert all((row[:n] >= 0).all() for row, n in zip(labels, lengths, strict=True))


def test_labels_read_from_left_to_right(layouts: list[layout.Layout]) -> None:
    for drawn in layouts:
        assert len(drawn.digits) == len(drawn.boxes)
        assert (np.diff(drawn.boxes[:, 0]) > 0).all()


@pytest.mark.parametrize("image_size", [54, 110])
def test_digits_are_inside_the_image(image_size: int) -> None:
    for split, least in (("train", -2.7), ("test", 2.3)):
        for index in range(30):
            _, scene = photograph(split, index, image_size, 1, 5)
            boxes = scene.boxes()
            assert boxes[:, :2].min() > least
            assert (boxes[:, :2] + boxes[:, 2:]).max() < image_size - least
            width = (boxes[:, 0] + boxes[:, 2]).max() - boxes[:, 0].min()
            assert width == pytest.approx(64 / 1.3)


def test_the_digits_are_drawn_where_their_boxes_are() -> None:
    # Averaged over styles, the ground hardly varies; what stands out is in the boxes.
    inside, outside = [], []
    for index in range(60):
        picture, scene = photograph("test", index, 110, 1, 3)
        grey = picture.mean(axis=2)
        left, top = scene.boxes()[:, :2].min(axis=0).astype(int)
        window = np.zeros(grey.shape, bool)
        window[max(top, 0) : top + 50, max(left, 0) : left + 50] = True
        edges = np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
        inside.append(edges[window].mean())
        outside.append(edges[~window].mean())
    assert np.mean(inside) > 1.8 * np.mean(outside)


def test_the_ink_is_in_the_boxes(layouts: list[layout.Layout]) -> None:
    fills = []
    for drawn in layouts:
        left, top, width, height = drawn.union
        ink_left, ink_top, ink_width, ink_height = drawn.ink_union
        assert min(ink_left - left, ink_top - top) > -0.15
        assert max(ink_left + ink_width - left - width, ink_top + ink_height - top - height) < 0.15
        fills.append((ink_width / width, ink_height / height))
    # As in SVHN, where the annotators left room: some numbers fill their box, some two thirds.
    np.testing.assert_allclose(np.quantile(fills, 0.05, axis=0), (0.59, 0.61), atol=0.05)
    np.testing.assert_allclose(np.quantile(fills, 0.95, axis=0), (0.96, 0.98), atol=0.05)


# Quantiles (2.5, 25, 50, 75, 97.5 %) of 2,945 real house numbers (rebuilt SVHN subset), in grey,
# cut as Goodfellow cut SVHN's. The world before these numbers was six times too sharp.
REAL_CONTRAST = (13.6, 20.5, 26.6, 35.3, 57.7)
REAL_SHARPNESS = (6.0, 17.5, 34.1, 75.5, 350.0)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_contrast_and_sharpness_are_those_of_photographs(split: str) -> None:
    images = render_house_numbers(split, np.arange(600))[0]
    contrast = [image.std() for image in images]
    sharpness = [cv2.Laplacian(image, cv2.CV_64F).var() for image in images]
    for drawn, real in ((contrast, REAL_CONTRAST), (sharpness, REAL_SHARPNESS)):
        low, middle, high = np.quantile(drawn, (0.1, 0.5, 0.9))
        assert real[0] < low < real[2] < high < real[4]
        assert real[1] < middle < real[3]
        assert np.mean((np.array(drawn) >= real[0]) & (np.array(drawn) <= real[4])) > 0.85


def test_lengths_and_digits_follow_the_tables(layouts: list[layout.Layout]) -> None:
    lengths = np.bincount([len(drawn.digits) for drawn in layouts], minlength=6)[1:]
    expected = np.array(layout.LENGTH_COUNTS) / sum(layout.LENGTH_COUNTS)
    np.testing.assert_allclose(lengths / len(layouts), expected, atol=0.03)
    leading = [drawn.digits[0] for drawn in layouts if len(drawn.digits) == 2]
    expected = np.array(layout.LEADING_COUNTS[1]) / sum(layout.LEADING_COUNTS[1])
    shares = np.bincount(leading, minlength=10) / len(leading)
    np.testing.assert_allclose(shares, expected, atol=0.03)
    others = [digit for drawn in layouts for digit in drawn.digits[1:]]
    expected = np.array(layout.OTHER_COUNTS) / sum(layout.OTHER_COUNTS)
    shares = np.bincount(others, minlength=10) / len(others)
    np.testing.assert_allclose(shares, expected, atol=0.02)


def test_shapes_follow_the_tables(layouts: list[layout.Layout]) -> None:
    levels = layout.QUANTILE_LEVELS[2:7]
    heights = np.quantile([drawn.photo_height for drawn in layouts], levels)
    np.testing.assert_allclose(heights, layout.PHOTO_HEIGHT_QUANTILES[2:7], rtol=0.06)
    pairs = [drawn.boxes for drawn in layouts if len(drawn.boxes) > 1]
    gaps = [(b[1, 0] - b[0, 0] - b[0, 2]) for b in pairs]
    steps = [(b[-1, 1] - b[0, 1]) / (len(b) - 1) for b in pairs]
    np.testing.assert_allclose(np.quantile(gaps, levels), layout.GAP_QUANTILES[2:7], atol=0.04)
    np.testing.assert_allclose(np.quantile(steps, levels), layout.STEP_QUANTILES[2:7], atol=0.04)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "extra"}, "extra.*train, validation, test"),
        ({"indices": np.array([[1]])}, r"\(1, 1\)"),
        ({"indices": np.array([0.5])}, "float64"),
        ({"indices": np.array([-3])}, "-3"),
        ({"image_size": 53}, "53.*54"),
        ({"image_size": 513}, "513.*512"),
        ({"image_size": 510, "margin": 2}, "510, margin=2.*508"),
        ({"margin": -1}, "margin=-1"),
        ({"min_digits": 0}, "min_digits=0"),
        ({"max_digits": 6}, "max_digits=6"),
        ({"min_digits": 3, "max_digits": 2}, "min_digits=3, max_digits=2"),
    ],
)
def test_bad_arguments_are_named(arguments: dict[str, object], message: str) -> None:
    good: dict[str, object] = {"split": "train", "indices": np.arange(1)}
    with pytest.raises(InvalidArgument, match=message):
        render_house_numbers(**(good | arguments))  # type: ignore[arg-type]


def test_keywords_are_what_they_are_whoever_came_before() -> None:
    few = {"num_images": 4, "split": "validation"}
    assert gym.make("GlimpseHouseNumbers-v0", image_size=60, color=True, **few).unwrapped.size == 4
    for wrong in ({"image_size": 60.0}, {"color": "no"}):
        with pytest.raises(InvalidArgument, match=next(iter(wrong))):
            gym.make("GlimpseHouseNumbers-v0", **wrong, **few)
