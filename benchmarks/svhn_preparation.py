"""Measure what the first use of SVHN costs after its download, and every later one.

    python benchmarks/svhn_preparation.py                        # the original train.tar.gz
    python benchmarks/svhn_preparation.py --annotations PATH     # one like it, with drawn digits

The annotations are those of `house_numbers_statistics.py`. With them an archive of as many pictures
of the same sizes, with the same boxes and labels in the same HDF5 layout, is written first.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import multiprocessing
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro

from agents.runs.provenance import circumstances
from agents.trainer.commands import run_command
from benchmarks import reporting
from benchmarks.svhn_files import annotated_photos, contents, write_archive
from glimpse_env.tasks.files import downloads
from glimpse_env.tasks.files.downloads import RemoteFile, Source
from glimpse_env.tasks.svhn.crops import crop_side
from glimpse_env.tasks.svhn.prepared import Look, load_annotations, load_crops

NAME = "train.tar.gz"


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Measure the preparation of SVHN's train part and write it to benchmarks/results."""

    annotations: Path | None = None
    """True sizes, boxes and labels (.npz, see the top of house_numbers_statistics.py), to build an
    archive from; without it the original is used."""
    output: Path = reporting.RESULTS / "svhn_preparation.md"
    """Where to write; the same numbers go to a .json file beside it."""


class Cost(NamedTuple):
    """What a step took in a process of its own."""

    step: str
    wall_seconds: float
    processor_seconds: float
    peak_bytes: int  # resident memory, Python and its libraries included
    kept_bytes: int  # that the step added to the cache


STEPS: dict[str, int | None] = {
    "read digitStruct.mat": None,
    "cut the 64 x 64 crops": 54,
    "load them again (validation)": 54,
    "cut the 176 x 176 crops": 110,
    "load them again (validation), 176 x 176": 110,
}
"""What is done, one after another with the same cache, and for which size of image."""


def run_step(step: str, source: Source, folder: str | None, cache: str) -> Cost:
    """Do one step, in a process that has done nothing else."""
    os.environ["XDG_CACHE_HOME"] = cache
    downloads.SOURCES["svhn"] = source
    before = _size(Path(cache))
    start, busy = time.perf_counter(), time.process_time()
    image_size = STEPS[step]
    if image_size is None:
        load_annotations("train", data_dir=folder)
    else:
        look = Look(crop_side(image_size), border="clamp", color=False)
        load_crops("validation", look, data_dir=folder)
    return Cost(
        step,
        time.perf_counter() - start,
        time.process_time() - busy,
        _peak_memory(),
        _size(Path(cache)) - before,
    )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _peak_memory() -> int:
    """The most that this program held; `getrusage` would count the one that started it."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found.group(1)) * 1024


def measure(source: Source, folder: str | None) -> list[Cost]:
    """All steps, each in a new process."""
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory() as cache,
        concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn, max_tasks_per_child=1) as pool,
    ):
        return [pool.submit(run_step, step, source, folder, cache).result() for step in STEPS]


def build(annotations: Path, folder: Path) -> Source:
    """Write an archive like the original; returns the source that has its checksum."""
    path = folder / "svhn" / NAME
    write_archive(path, contents(annotated_photos(annotations, "train")))
    file = RemoteFile(NAME, path.stat().st_size, downloads.sha256(path))
    return Source("svhn", mirrors=(), files=(file,))


def main(arguments: Arguments) -> None:
    """Measure, print and write."""
    source = downloads.SOURCES["svhn"]
    if arguments.annotations:
        with tempfile.TemporaryDirectory() as folder:
            source = build(arguments.annotations, Path(folder))
            costs = measure(source, folder)
    else:
        costs = measure(source, None)
    megabytes = source.file(NAME).size / 1e6
    which = "drawn digits, true sizes and boxes" if arguments.annotations else "the original"
    head = ["step", "seconds", "of the processor", "peak memory, MB", "kept, MB"]
    rows = [
        [
            cost.step,
            f"{cost.wall_seconds:.1f}",
            f"{cost.processor_seconds:.1f}",
            f"{cost.peak_bytes / 1e6:.0f}",
            f"{cost.kept_bytes / 1e6:.0f}",
        ]
        for cost in costs
    ]
    parts = [
        f"{NAME}, {megabytes:.0f} MB ({which}). Each step in a process of its own; the first reads "
        "and verifies the archive too.",
        reporting.table(head, rows),
    ]
    facts = circumstances(["h5py", "numpy", "opencv-python"])
    data = {"archive_bytes": source.file(NAME).size, "costs": [cost._asdict() for cost in costs]}
    print(reporting.write(arguments.output, "Preparing SVHN", facts, parts, data))


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
