"""The folder of a training run: configuration, metrics, checkpoint, pictures, events."""

from __future__ import annotations

import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard.writer import SummaryWriter

from agents import checkpoint
from agents.convnet_config import AnyConfig

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


def write_json(path: Path, content: Any) -> None:
    """Write numbers, strings, lists and dictionaries, whole or not at all."""
    checkpoint.write_atomically(path, (json.dumps(content, indent=2) + "\n").encode())


def new_folder(root: Path, name: str, seed: int) -> Path:
    """Make a folder named after a run and the time."""
    stem = f"{name}-seed{seed}-{time.strftime('%Y%m%d-%H%M%S')}"
    for number in itertools.count():
        path = root / (f"{stem}-{number}" if number else stem)
        try:
            path.mkdir(parents=True)
        except FileExistsError:  # another run began in the same second
            continue
        return path
    raise AssertionError


class RunFolder:
    """Where a run keeps what it makes; `new` or `resume` opens one.

    Args:
        path: The folder.
        images: Training images at the point where writing begins.
    """

    def __init__(self, path: Path, images: int) -> None:
        """Open the folder for writing."""
        self.path = path
        self._metrics = path / METRICS
        self._writer = SummaryWriter(str(path), purge_step=images + 1 if images else None)

    @classmethod
    def new(cls, root: Path, name: str, config: AnyConfig) -> RunFolder:
        """A fresh folder, named after the run and the time."""
        return cls(new_folder(root, name, config.seed), 0)

    @classmethod
    def resume(cls, path: Path, images: int) -> RunFolder:
        """The folder of a run that goes on from a checkpoint at `images`.

        Metrics that the run wrote beyond its checkpoint are dropped: it will write them again.
        """
        kept = [row for row in read_metrics(path) if row["images"] <= images]
        lines = "".join(json.dumps(row) + "\n" for row in kept)
        checkpoint.write_atomically(path / METRICS, lines.encode())
        return cls(path, images)

    def save(self, state: dict[str, Any]) -> None:
        """Write the configuration and the checkpoint."""
        write_json(self.path / "config.json", state["config"])
        checkpoint.save(self.path / "checkpoint.pt", state)

    def log(self, images: int, scalars: dict[str, float]) -> None:
        """Write scalars to TensorBoard."""
        for tag, value in scalars.items():
            self._writer.add_scalar(tag, value, images)

    def record(self, images: int, scalars: dict[str, float]) -> None:
        """Write a row of metrics.jsonl, and the same scalars to TensorBoard."""
        self.log(images, scalars)
        with self._metrics.open("a") as file:
            file.write(json.dumps({"images": images, **scalars}) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def animate(self, images: int, gif: Path) -> None:
        """Show a GIF in TensorBoard (its own `add_video` needs a film library)."""
        image = Summary.Image(encoded_image_string=gif.read_bytes(), colorspace=3)
        summary = Summary(value=[Summary.Value(tag="glimpses", image=image)])
        self._writer._get_file_writer().add_summary(summary, images)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Flush the events."""
        self._writer.close()
