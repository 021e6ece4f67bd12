"""The folder of a training run: configuration, metrics, checkpoint, pictures, events."""

from __future__ import annotations

import contextlib
import itertools
import time
from pathlib import Path
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from torch.utils.tensorboard.writer import SummaryWriter

from agents.runs import checkpoint
from agents.runs.config import RunConfig
from agents.runs.files import remove_partial, write_json, writing
from agents.runs.folder.lock import locked
from agents.runs.folder.metrics import restore_metrics, write_metrics

_CHECKPOINT = "checkpoint.pt"


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
            Those before it are taken from the checkpoint, if it has them; see `restore_metrics`.

    Raises:
        FolderUnwritable: There is no room, or the folder cannot be written.
        InvalidArgument: Another process is training there.
        CorruptedData: Metrics are in no file, or the checkpoint is damaged.
    """

    def __init__(self, path: Path, images: int) -> None:
        self.path = path
        with contextlib.ExitStack() as opened:
            opened.enter_context(locked(path))
            remove_partial(path)
            self._rows = restore_metrics(path, images, _history(path / _CHECKPOINT))
            with writing(path):
                self._writer = SummaryWriter(str(path), purge_step=images + 1)
            self._ours = opened.pop_all()

    @classmethod
    def new(cls, root: Path, name: str, config: RunConfig) -> RunFolder:
        """A fresh folder, named after the run and the time."""
        return cls(new_folder(root, name, config.seed), 0)

    def save(self, state: dict[str, Any]) -> None:
        """Write the configuration and the checkpoint, which holds the metrics, too."""
        write_json(self.path / "config.json", state["config"])
        checkpoint.save(self.path / _CHECKPOINT, {**state, "metrics": list(self._rows)})

    def log(self, images: int, scalars: dict[str, float]) -> None:
        """Write scalars to TensorBoard."""
        with writing(self.path):
            for tag, value in scalars.items():
                self._writer.add_scalar(tag, value, images)

    def record(self, images: int, scalars: dict[str, float]) -> None:
        """Write a row of metrics.jsonl, and the same scalars to TensorBoard."""
        self._rows.append({"images": images, **scalars})
        write_metrics(self.path, self._rows)
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


def _history(path: Path) -> list[dict[str, float]] | None:
    """The metrics in a checkpoint; None where there is none, or one of an older version."""
    return checkpoint.load(path).get("metrics") if path.exists() else None
