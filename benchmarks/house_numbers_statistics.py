"""Compare rendered house numbers with SVHN, boxes and pixels, and show a hundred of them.

    python benchmarks/house_numbers_statistics.py --annotations boxes.npz --photographs DATA

`--photographs` is a data folder of `GlimpseSVHN-v0`, whole or a part: margins, contrast, sharpness,
strokes and gradients of its training images are set beside those of rendered ones
(`house_number_pixels`), and a small network tries to tell them apart (`two_sample`).

The annotations are those of SVHN format 1 without the pixels, as arrays of a `.npz` file that this
repository does not have, for the splits train and test. Of M images with D digits in all, in file
order: `<split>_size_wh` (M, 2), the sizes of the pictures; `<split>_first_digit` (M + 1,), where
the digits of each begin, and D; `<split>_label` (D,), 0 to 9; `<split>_box_ltwh` (D, 4), pixels.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from numpy.typing import NDArray

from agents.runs.provenance import circumstances
from benchmarks.house_number_pixels import Images, measure_pixels
from benchmarks.reporting import RESULTS, table
from benchmarks.two_sample import two_sample_accuracy
from glimpse_env.backend import make_backend
from glimpse_env.frames.drawing import tile
from glimpse_env.opencv import cv2
from glimpse_env.tasks.house_numbers.layout import MAX_DIGITS
from glimpse_env.tasks.house_numbers.render import photograph, render_house_numbers
from glimpse_env.tasks.svhn.crops import CROP_SIZE
from glimpse_env.tasks.svhn.task import SVHNTask

NUM_RENDERED, NUM_COMPARED = 10_000, 2400
INNER_SIZE = 40
"""Side of what lies inside the digits' boxes, wherever a training image is cut out."""
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Numbers:
    """Many house numbers: digits and boxes one after another, and where each number starts."""

    first: NDArray[np.int64]
    digits: NDArray[np.int64]
    boxes: NDArray[np.float64]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many digits each number has."""
        return np.diff(np.append(self.first, len(self.digits)))


def annotated(path: Path, split: str) -> Numbers:
    """Read the true labels and boxes."""
    with np.load(path) as data:
        first = data[f"{split}_first_digit"][:-1].astype(np.int64)
        digits = data[f"{split}_label"].astype(np.int64)
        return Numbers(first, digits, data[f"{split}_box_ltwh"].astype(np.float64))


def rendered(split: str) -> Numbers:
    """Render numbers and take their boxes in pixels of the imagined photograph."""
    layouts = [
        photograph(split, i, CROP_SIZE, 1, MAX_DIGITS)[1].layout for i in range(NUM_RENDERED)
    ]
    lengths = [len(layout.digits) for layout in layouts]
    first = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    digits = np.array([digit for layout in layouts for digit in layout.digits], np.int64)
    boxes = np.concatenate([layout.boxes * layout.photo_height for layout in layouts])
    return Numbers(first, digits, boxes)


def shares(values: NDArray[np.int64], num_values: int) -> list[float]:
    """Part of the values that are 0, 1, 2, ... in per cent."""
    return list(100 * np.bincount(values, minlength=num_values)[:num_values] / len(values))


def shape_quantiles(numbers: Numbers) -> dict[str, list[float]]:
    """Distributions of the boxes' shapes and of how they stand."""
    first, lengths, boxes = numbers.first, numbers.lengths, numbers.boxes
    left, top, width, height = boxes.T
    last = first + lengths - 1
    pair = np.setdiff1d(np.arange(len(boxes)), last)
    mean_height = (height[pair] + height[pair + 1]) / 2
    many, centre = lengths > 1, boxes[:, :2] + boxes[:, 2:] / 2
    rise, run = (centre[last] - centre[first])[many].T[::-1]
    measures = {
        "digit width / height": width / height,
        "width / height of 1": (width / height)[numbers.digits == 1],
        "digit height (pixels of the photograph)": height,
        "gap to the next box / height": (left[pair + 1] - left[pair] - width[pair]) / mean_height,
        "step down to the next box / height": (top[pair + 1] - top[pair]) / mean_height,
        "slope, last to first centre (degrees)": np.degrees(np.arctan2(rise, run)),
        "width / height of the union of 2 digits": _union_aspect(numbers, 2),
        "width / height of the union of 3 digits": _union_aspect(numbers, 3),
    }
    return {name: list(np.quantile(values, LEVELS)) for name, values in measures.items()}


def _union_aspect(numbers: Numbers, length: int) -> NDArray[np.float64]:
    starts = numbers.first[numbers.lengths == length]
    boxes = numbers.boxes[starts[:, None] + np.arange(length)]
    size = (boxes[..., :2] + boxes[..., 2:]).max(axis=1) - boxes[..., :2].min(axis=1)
    return np.asarray(size[:, 0] / size[:, 1], np.float64)


def report(sources: dict[str, Numbers]) -> str:
    """Write all tables."""
    lengths, leading, other, shapes = [], [], [], []
    quantiles = {name: shape_quantiles(numbers) for name, numbers in sources.items()}
    for name, numbers in sources.items():
        rest = np.delete(numbers.digits, numbers.first)
        lengths.append([name, *(f"{s:.2f}" for s in shares(numbers.lengths, 6)[1:])])
        leading.append([name, *(f"{s:.1f}" for s in shares(numbers.digits[numbers.first], 10))])
        other.append([name, *(f"{s:.1f}" for s in shares(rest, 10))])
    for measure in next(iter(quantiles.values())):
        for name in sources:
            shapes.append([measure, name, *(f"{q:.2f}" for q in quantiles[name][measure])])
    digits = [str(digit) for digit in range(10)]
    return "\n\n".join(
        [
            "Lengths (% of numbers)",
            table(["source", "1", "2", "3", "4", "5"], lengths),
            "Leading digits (%)",
            table(["source", *digits], leading),
            "Other digits (%)",
            table(["source", *digits], other),
            "Shapes (quantiles)",
            table(["measure", "source", *(f"{100 * level:.0f} %" for level in LEVELS)], shapes),
        ]
    )


def photographed(data_dir: Path) -> Images:
    """The first training images of SVHN, or of the part of it that there is, in grey."""
    task = SVHNTask(make_backend("numpy", "cpu"), split="train", data_dir=str(data_dir))
    return np.asarray(task.images(np.arange(NUM_COMPARED))[:, 0], np.uint8)


def compare_pixels(photographs: Images) -> str:
    """Tables of what the pixels are like, and how well a network tells the sources apart."""
    drawn = render_house_numbers("train", np.arange(len(photographs)))[0]
    sources = {"photographs": measure_pixels(photographs), "rendered": measure_pixels(drawn)}
    rows = [
        [name, source, *(f"{q:.3g}" for q in np.nanquantile(measures[name], LEVELS)), f"{mean:.3g}"]
        for name in sources["rendered"]
        for source, measures in sources.items()
        for mean in (np.nanmean(measures[name]),)
    ]
    levels = [f"{100 * level:.0f} %" for level in LEVELS]
    whole = two_sample_accuracy(photographs, drawn)
    rim = (CROP_SIZE - INNER_SIZE) // 2
    middle = slice(rim, rim + INNER_SIZE)
    inner = two_sample_accuracy(photographs[:, middle, middle], drawn[:, middle, middle])
    return "\n\n".join(
        [
            f"Pixels ({len(photographs):,} training images of each source, grey)",
            table(["measure", "source", *levels, "mean"], rows),
            "A small network that learned on half of the images says of the other half which are "
            f"photographs and which are rendered (50 % is chance): {inner:.1f} % right from the "
            f"inner {INNER_SIZE} x {INNER_SIZE} pixels, {whole:.1f} % from the whole images. Where "
            "photographs are known around their digits alone, what lies beyond was made up, and "
            "shows.",
        ]
    )


def write_contact_sheet(path: Path) -> None:
    """Save 50 training and, below, 50 test images as one picture."""
    sheet = [render_house_numbers(s, np.arange(50), color=True)[0] for s in ("train", "test")]
    picture = tile(list(np.concatenate(sheet)), columns=10)
    cv2.imwrite(str(path), picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def main() -> None:
    """Write the tables and the contact sheet to `benchmarks/results`."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--annotations",
        type=Path,
        required=True,
        help="sizes, labels and boxes of SVHN (.npz); the top of this script says in which arrays",
    )
    parser.add_argument(
        "--photographs",
        type=Path,
        required=True,
        help="folder with svhn/train, as GLIMPSE_DATA: its images are compared with rendered ones",
    )
    arguments = parser.parse_args()
    annotations: Path = arguments.annotations
    sources = {
        "SVHN train": annotated(annotations, "train"),
        "SVHN test": annotated(annotations, "test"),
        "rendered train": rendered("train"),
        "rendered test": rendered("test"),
    }
    facts = circumstances(["numpy", "opencv-python"])
    about = (
        f"{NUM_RENDERED:,} numbers of each rendered split; every split follows the statistics of "
        "SVHN train."
    )
    pixels = compare_pixels(photographed(arguments.photographs))
    sheet = (
        "50 training images and, below, 50 test images:\n\n"
        "![contact sheet](house_numbers_contact_sheet.png)"
    )
    head = "# Rendered house numbers against SVHN"
    lines = "\n".join(f"- {name}: {fact}" for name, fact in facts.items())
    text = "\n\n".join([head, lines, about, report(sources), pixels, sheet]) + "\n"
    (RESULTS / "house_numbers_statistics.md").write_text(text)
    write_contact_sheet(RESULTS / "house_numbers_contact_sheet.png")
    print(text)


if __name__ == "__main__":
    main()
