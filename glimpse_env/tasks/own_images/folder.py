"""Your own image files and their labels as a task."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from glimpse_env.backend import Backend
from glimpse_env.errors import (
    CorruptedData,
    InvalidArgument,
    MissingData,
    require_at_least,
    require_between,
    require_flag,
)
from glimpse_env.tasks.own_images.arrays import ArrayTask
from glimpse_env.tasks.own_images.decoding import MAX_PIXELS, WHITE, Image, Wanted
from glimpse_env.tasks.own_images.disk_names import DiskNames, check_doubles
from glimpse_env.tasks.own_images.image_files import fit, guess_of, load_image
from glimpse_env.tasks.own_images.label_file import LabelledFile, read_label_file
from glimpse_env.tasks.task import SPLITS

LARGEST_SIDE = 2**14  # pixels, of an image that is looked at
LARGEST_DECODED = 2**30  # pixels, the most that OpenCV decodes


class ImageFolderTask(ArrayTask):
    """The images that a label file names, of one split, held in memory.

    Labels lie in 0 .. num_classes - 1. If every image of the file has one label, it is a task of
    single labels; otherwise labels are sequences, and "end" follows the last. What is read is kept
    while the process lives, so that no edit disturbs a run: files that change in the meantime are
    not read again, and of the label file a warning says so.

    Args:
        backend: Where the arrays live.
        image_folder: Folder of the images; what the label file does not name is not read.
        label_file: CSV file of their labels; label_file.py tells its columns.
        split: "train", "validation" or "test": the label file's column `split`, or without one 8, 1
            and 1 tenths of the images by the hash of their names (`label_file.split_of`).
        data_dir: Not used: the folder is named in full.
        image_size: Side of the square that every image is scaled to fit, its shape kept, on black;
            0 to take images as they are, all of one size.
        color: RGB instead of grey.
        background: Grey level, 0 (black) to 255 (white), seen through transparent pixels.
        max_pixels: The most that a file may have (large JPEGs that are scaled down count reduced).
        outside_folder: Whether names may lead out of the folder: `../a.png`, absolute paths.
        num_classes: Number of object classes, where some have no image yet; 0 for one more than the
            largest label of the whole file.

    Raises:
        InvalidArgument: A line of the label file that cannot be, a split without images, images
            of several sizes, or one file in two splits.
        MissingData: A file is not there.
        CorruptedData: A file is not what it must be.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        image_folder: str,
        label_file: str,
        split: str,
        data_dir: str | None = None,
        image_size: int = 0,
        color: bool = False,
        background: int = WHITE,
        max_pixels: int = MAX_PIXELS,
        outside_folder: bool = False,
        num_classes: int = 0,
    ) -> None:
        """Read the labels of all splits and the images of one."""
        del data_dir
        wanted = Wanted(
            color=require_flag("color", color),
            background=require_between("background", background, 0, 255),
            max_pixels=require_between("max_pixels", max_pixels, 1, LARGEST_DECODED),
            side=require_between("image_size", image_size, 0, LARGEST_SIDE),
        )
        outside = require_flag("outside_folder", outside_folder)
        num_classes = require_at_least("num_classes", num_classes, 0)
        folder, table = Path(image_folder).expanduser(), Path(label_file).expanduser()
        self._table, self._state = table, _state_of(table)
        files = read_label_file(table, outside=outside)
        largest = max(files, key=lambda file: max(file.labels))
        if 0 < num_classes <= max(largest.labels):
            raise InvalidArgument(
                f"{table}, line {largest.line}: label {max(largest.labels)} is outside 0 .. "
                f"{num_classes - 1} (num_classes={num_classes})"
            )
        if not folder.is_dir():
            raise MissingData(
                f"image_folder={image_folder!r} is no folder; name that of the images"
            )
        chosen = [file for file in files if file.split == split]
        if not chosen:
            raise InvalidArgument(
                f"{table}: none of its {len(files)} images is in the {split} split; add images, or "
                f"a column 'split' with one of {SPLITS} for each"
            )
        names = DiskNames(folder)
        check_doubles(table, [(file, names.find(file.name)) for file in files])
        reader = _Reader(names, table, wanted)
        first = reader.read(files[0])  # of whatever split: all have its size
        images = [reader.read_like(first, files[0], file) for file in chosen]
        reader.warn_of_guesses()
        self.counts = {name: sum(file.split == name for file in files) for name in SPLITS}
        super().__init__(
            backend,
            images=np.stack(images),
            labels=_table_of(chosen, longest=max(len(file.labels) for file in files)),
            num_classes=num_classes or 1 + max(largest.labels),
        )

    def warn_of_changes(self) -> None:
        """Warn if the label file is not what was read: the environments still show that."""
        if _state_of(self._table) != self._state:
            warnings.warn(
                f"{self._table} has changed since this process read it; start a new process to "
                "read it again",
                stacklevel=2,
            )

    def describe(self) -> str:
        """What is there, in one line."""
        counts = ", ".join(f"{number} {split}" for split, number in self.counts.items())
        what = f"1 to {self.max_labels} labels an image" if self.has_end else "one label an image"
        _, height, width = self.image_shape
        return f"{counts} images, {width}x{height}; {what}, in 0 .. {self.num_classes - 1}"


def _state_of(file: Path) -> tuple[int, int] | None:
    """What changes with a file; None if it is not there, as whoever reads it will say."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


class _Reader:
    """Reads images of one folder, and says of which line of the label file it is that fails."""

    def __init__(self, names: DiskNames, table: Path, wanted: Wanted) -> None:
        self.names, self.table, self.wanted = names, table, wanted
        self.guesses: dict[int, str] = {}  # of whose depth, by line

    def read(self, file: LabelledFile) -> Image:
        path = self.names.find(file.name)
        try:
            image, guessed = load_image(path, self.wanted)
        except (MissingData, CorruptedData, InvalidArgument) as error:
            raise type(error)(
                f"{self.table}, line {file.line}: {error}, or take the line out"
            ) from error
        if guessed:
            self.guesses[file.line] = guess_of(path, guessed)
        side = self.wanted.side
        return fit(image, side, side) if side else image

    def read_like(self, first: Image, first_file: LabelledFile, file: LabelledFile) -> Image:
        image = self.read(file)
        if image.shape != first.shape:
            (height, width), (rows, columns) = first.shape[:2], image.shape[:2]
            side = max(height, width)
            raise InvalidArgument(
                f"{self.table}, line {file.line}: {self.names.folder / file.name} has "
                f"{columns}x{rows} pixels, {first_file.name} in line {first_file.line} has "
                f"{width}x{height}. Images must have one size: image_size={side} "
                f"(--image-size {side}) scales each to fit a square of that side"
            )
        return image

    def warn_of_guesses(self) -> None:
        """Name the first of the images whose depth was guessed, and say how many there are."""
        if self.guesses:
            line = min(self.guesses)
            others = len(self.guesses) - 1
            more = f" (and {others} more images)" if others else ""
            warnings.warn(f"{self.table}, line {line}: {self.guesses[line]}{more}", stacklevel=2)


def _table_of(files: list[LabelledFile], longest: int) -> NDArray[np.int64]:
    """Labels (M,) if nowhere are there several, else (M, L) padded with -1."""
    table = np.full((len(files), longest), -1, np.int64)
    for row, file in zip(table, files, strict=True):
        row[: len(file.labels)] = file.labels
    return table if longest > 1 else table[:, 0]
