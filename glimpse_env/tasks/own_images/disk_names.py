"""The files that a label file names: where they are on disk, and which are one and the same."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import unicodedata
import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.own_images.label_file import LabelledFile

Placed = tuple[LabelledFile, Path]

_END_BYTES = 4096  # of a file, at each end, that are compared before all of it is


class DiskNames:
    """Finds files of a folder, whichever of Unicode's normal forms the disk has their names in.

    Args:
        folder: The folder of the images.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._listed: dict[Path, dict[str, str]] = {}  # names of a folder's entries by their NFC

    def find(self, name: str) -> Path:
        """The path of an image; one that does not exist if there is none of this name."""
        path = self.folder / name
        if os.path.lexists(path):
            return path
        path = self.folder
        for part in PurePosixPath(name).parts:
            path /= self._entries(path).get(part, part)
        return path

    def _entries(self, folder: Path) -> dict[str, str]:
        if folder not in self._listed:
            try:
                entries = os.listdir(folder)
            except OSError:  # not there: whoever reads the file will say so
                entries = []
            self._listed[folder] = {unicodedata.normalize("NFC", name): name for name in entries}
        return self._listed[folder]


def check_doubles(table: Path, files: Sequence[Placed]) -> None:
    """See to it that no picture is in two splits: what is tested would have been trained on.

    Args:
        table: The label file, for messages.
        files: What it names, of all splits; those that do not exist are passed over.

    Raises:
        InvalidArgument: Two lines of different splits name one file, by links or by letters that a
            disk does not tell apart. Two files of the same content are warned of.
    """
    sizes: dict[int, list[Placed]] = defaultdict(list)
    seen: dict[Hashable, LabelledFile] = {}
    for file, path in files:
        try:
            state = path.stat()
        except (OSError, ValueError):
            continue
        other = seen.setdefault((state.st_dev, state.st_ino) if state.st_ino else path, file)
        if other.split != file.split:
            raise InvalidArgument(
                f"{table}, line {file.line}: {file.name} ({file.split}) is the same file as "
                f"{other.name} ({other.split}) in line {other.line}; take one of the lines out, or "
                "give both the same split"
            )
        if other is file and stat.S_ISREG(state.st_mode):  # a pipe would be waited for
            sizes[state.st_size].append((file, path))
    pairs = [pair for same in sizes.values() for pair in _copies(same)]
    if pairs:
        (file, _), (other, _) = pairs[0]
        more = f" (and {len(pairs) - 1} more)" if len(pairs) > 1 else ""
        warnings.warn(
            f"{table}: {file.name} in line {file.line} ({file.split}) and {other.name} in line "
            f"{other.line} ({other.split}) have the same content{more}: what is tested has been "
            "trained on; take one of the lines out, or give both the same split",
            stacklevel=2,
        )


def _copies(files: list[Placed]) -> Iterator[tuple[Placed, Placed]]:
    """Pairs of files of one size that have the same content and different splits."""
    for alike in _in_several_splits(files, _ends):
        for same in _in_several_splits(alike, _content):
            first = same[0]
            yield from ((first, other) for other in same if other[0].split != first[0].split)


def _in_several_splits(
    files: list[Placed], key: Callable[[Path], Hashable]
) -> Iterator[list[Placed]]:
    """The files whose key is the same, where they are in several splits."""
    if len({file.split for file, _ in files}) > 1:  # or nothing need be read
        groups: dict[Hashable, list[Placed]] = defaultdict(list)
        for file, path in files:
            with contextlib.suppress(OSError):  # whoever reads the image will say so
                groups[key(path)].append((file, path))
        yield from (group for group in groups.values() if len({one.split for one, _ in group}) > 1)


def _ends(path: Path) -> Hashable:
    with path.open("rb") as stream:
        start = stream.read(_END_BYTES)
        stream.seek(max(path.stat().st_size - _END_BYTES, 0))
        return start, stream.read(_END_BYTES)


def _content(path: Path) -> Hashable:
    return hashlib.sha256(path.read_bytes()).digest()
