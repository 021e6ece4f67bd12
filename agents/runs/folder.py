"""The folder of a training run: configuration, metrics, checkpoint, pictures, events."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard.writer import SummaryWriter

from agents.runs import checkpoint
from agents.runs.config import RunConfig
from agents.runs.files import remove_partial, write_atomically, write_json, writing
from agents.runs.lock import locked

METRICS = "metrics.jsonl"


def read_metrics(run: Path) -> list[dict[str, float]]:
    """The rows of a run's metrics, one an epoch; a last line torn by a crash is left out."""
    path, rows = run / METRICS, []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def new_folder(root: Path, name: str, seed: int) -> Path:
    """Make a folder named after a run and the time.

    Raises:
        FolderUnwritable: There is no room for it, or no permission.
    """
    name = name.replace("/", "-").replace(":", "-")  # an id may have a namespace or a module
    stem = f"{name}-seed{seed}-{time.strftime('%Y%m%d-%H%M%S')}"
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        for number in itertools.count():
            path = root / (f"{stem}-{number}" if number else stem)
            try:
                path.mkdir()
            except FileExistsError:  # another run began in the same second
                continue
            return path
    raise AssertionError


class RunFolder:
    """Where a run keeps what it makes: opened here for a run that goes on, by `new` for a new one.

    One process at a time has it: the system ends its lock when it closes the folder or dies.

    Args:
        path: The folder.
        images: Training images at the point where writing begins. Metrics beyond it, written after
            the last checkpoint of a run that was killed, are dropped: it will write them again.

    Raises:
        FolderUnwritable: There is no room, or the folder cannot be written.
        InvalidArgument: Another process is training there.
    """

    def __init__(self, path: Path, images: int) -> None:
        """Open the folder for writing."""
        self.path = path
        with contextlib.ExitStack() as opened:
            opened.enter_context(locked(path))
            remove_partial(path)
            self._rows = [row for row in read_metrics(path) if row["images"] <= images]
            self._write_metrics()
            with writing(path):
                self._writer = SummaryWriter(str(path), purge_step=images + 1)
            self._ours = opened.pop_all()

    @classmethod
    def new(cls, root: Path, name: str, config: RunConfig) -> RunFolder:
        """A fresh folder, named after the run and the time."""
        return cls(new_folder(root, name, config.seed), 0)

    def save(self, state: dict[str, Any]) -> None:
        """Write the configuration and the checkpoint."""
        write_json(self.path / "config.json", state["config"])
        checkpoint.save(self.path / "checkpoint.pt", state)

    def log(self, images: int, scalars: dict[str, float]) -> None:
        """Write scalars to TensorBoard."""
        with writing(self.path):
            for tag, value in scalars.items():
                self._writer.add_scalar(tag, value, images)

    def record(self, images: int, scalars: dict[str, float]) -> None:
        """Write a row of metrics.jsonl, and the same scalars to TensorBoard."""
        self._rows.append({"images": images, **scalars})
        self._write_metrics()
        self.log(images, scalars)

    def animate(self, images: int, gif: Path) -> None:
        """Show a GIF in TensorBoard (its own `add_video` needs a film library)."""
        image = Summary.Image(encoded_image_string=gif.read_bytes(), colorspace=3)
        summary = Summary(value=[Summary.Value(tag="glimpses", image=image)])
        with writing(self.path):
            writer = self._writer._get_file_writer()  # type: ignore[no-untyped-call]
            writer.add_summary(summary, images)

    def close(self) -> None:
        """Flush the events and let others have the folder."""
        try:
            with writing(self.path):
                self._writer.close()
        finally:
            self._ours.close()

    def _write_metrics(self) -> None:
        lines = "".join(json.dumps(row) + "\n" for row in self._rows)
        write_atomically(self.path / METRICS, lines.encode())
