"""The folder of a training run: configuration, metrics, checkpoint, pictures, events."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard.writer import SummaryWriter

from agents import checkpoint
from agents.config import Config

METRICS = "metrics.jsonl"


def read_metrics(run: Path) -> list[dict[str, float]]:
    """The rows of a run's metrics, one an epoch."""
    path = run / METRICS
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class RunFolder:
    """Where a run keeps what it makes.

    Args:
        path: The folder; it is made if need be.
        images: Training images at the point where writing (again) begins: metrics that an
            interrupted run wrote beyond its last checkpoint are dropped.
    """

    def __init__(self, path: Path, images: int = 0) -> None:
        """Open the folder for writing."""
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._metrics = path / METRICS
        kept = [row for row in read_metrics(path) if row["images"] <= images]
        lines = "".join(json.dumps(row) + "\n" for row in kept)
        checkpoint.write_atomically(self._metrics, lines.encode())
        self._writer = SummaryWriter(str(path), purge_step=images)

    @classmethod
    def new(cls, root: Path, name: str, config: Config) -> RunFolder:
        """A fresh folder, named after the run and the time."""
        stem = f"{name}-seed{config.seed}-{time.strftime('%Y%m%d-%H%M%S')}"
        path, number = root / stem, 1
        while path.exists():
            path, number = root / f"{stem}-{number}", number + 1
        return cls(path)

    def save(self, state: dict[str, Any]) -> None:
        """Write the configuration and the checkpoint."""
        config = json.dumps(state["config"], indent=2) + "\n"
        checkpoint.write_atomically(self.path / "config.json", config.encode())
        checkpoint.save(self.path / "checkpoint.pt", state)

    def load(self, device: str) -> dict[str, Any]:
        """Read the checkpoint."""
        return checkpoint.load(self.path / "checkpoint.pt", device)

    def log(self, images: int, scalars: dict[str, float]) -> None:
        """Write scalars to TensorBoard."""
        for tag, value in scalars.items():
            self._writer.add_scalar(tag, value, images)

    def record(self, images: int, scalars: dict[str, float]) -> None:
        """Write a row of metrics.jsonl, and the same scalars to TensorBoard."""
        self.log(images, scalars)
        with self._metrics.open("a") as file:
            file.write(json.dumps({"images": images, **scalars}) + "\n")

    def animate(self, images: int, gif: Path) -> None:
        """Show a GIF in TensorBoard (its own `add_video` needs a film library)."""
        image = Summary.Image(encoded_image_string=gif.read_bytes(), colorspace=3)
        summary = Summary(value=[Summary.Value(tag="glimpses", image=image)])
        self._writer._get_file_writer().add_summary(summary, images)  # type: ignore[no-untyped-call]

    def write_json(self, name: str, content: Any) -> None:
        """Write a result; dataclasses are fine."""
        if dataclasses.is_dataclass(content) and not isinstance(content, type):
            content = dataclasses.asdict(content)
        checkpoint.write_atomically(
            self.path / name, (json.dumps(content, indent=2) + "\n").encode()
        )

    def close(self) -> None:
        """Flush the events."""
        self._writer.close()
