"""The loop of every trainer: update, log, and at the end of an epoch what the trainer does."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol

import torch
from tqdm import tqdm

from agents.runs.config import RunConfig
from agents.runs.folder import RunFolder
from agents.trainer.optimization import learning_rate
from agents.trainer.ranks import ALONE, Ranks

LOG_EVERY = 50  # updates between scalars; each waits for the device once


class Trainable(Protocol):
    """A run in progress."""

    updates: int

    @property
    def config(self) -> RunConfig:
        """What is trained."""

    @property
    def images(self) -> int:
        """Images seen so far."""

    def update(self) -> dict[str, torch.Tensor]:
        """One step of the optimizer; returns what to log, "train/error" among it."""


def train(
    training: Trainable,
    folder: RunFolder | None,
    end_epoch: Callable[[dict[str, float]], None],
    ranks: Ranks = ALONE,
) -> bool:
    """Update until the configured number of images; False when Ctrl-C or SIGTERM came first.

    Args:
        training: The run.
        folder: Where scalars go; None in a rank that leaves all writing to another.
        end_epoch: Called after each epoch, and at the end of the run, with the means of what the
            updates logged since the last call.
        ranks: Those who train together; a signal to one of them stops all.
    """
    config = training.config
    clock, since = time.monotonic(), training.images
    every = 0.1 if sys.stderr.isatty() else 60  # seconds; a log file is no place for animation
    progress = tqdm(
        total=config.images,
        initial=since,
        unit="image",
        smoothing=0.05,
        mininterval=every,
        disable=folder is None,
    )
    with progress as bar, Interrupt() as stop:
        recent, epoch = Means(), Means()
        while training.images < config.images and not ranks.any(stop.asked):
            before = training.images
            metrics = training.update()
            recent.add(metrics)
            epoch.add(metrics)
            bar.update(training.images - before)
            if folder and training.updates % LOG_EVERY == 0:
                scalars = recent.take()
                speed = (training.images - since) / (time.monotonic() - clock)
                scalars |= {"time/images_per_second": speed}
                scalars |= {"train/learning_rate": learning_rate(config, training.images)}
                folder.log(training.images, scalars)
                bar.set_postfix(error=f"{100 * scalars['train/error']:.1f} %", refresh=False)
            last = training.images >= config.images
            if last or before // config.epoch_images != training.images // config.epoch_images:
                end_epoch(epoch.take())
        return not ranks.any(stop.asked)


class Means:
    """Running means of numbers that stay on the device until they are asked for."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._sum: torch.Tensor | None = None
        self._count = 0

    def add(self, metrics: dict[str, torch.Tensor]) -> None:
        """Count in the metrics of an update, the same ones in every update."""
        values = torch.stack([value.detach().float() for value in metrics.values()])
        self._names = tuple(metrics)
        self._sum = values if self._sum is None else self._sum + values
        self._count += 1

    def take(self) -> dict[str, float]:
        """The means since the last time; waits for the device, once."""
        sums = [] if self._sum is None else self._sum.tolist()
        means = {name: total / self._count for name, total in zip(self._names, sums, strict=True)}
        self._names, self._sum, self._count = (), None, 0
        return means


class Interrupt:
    """Ctrl-C and SIGTERM ask for a stop after the update; a second one stops at once.

    Python hands signals to the main thread alone. A training in another one, such as that of a web
    page or of a hyperparameter search, leaves them to whoever runs there.
    """

    def __enter__(self) -> Interrupt:
        """Listen."""
        self.asked = False
        main = threading.current_thread() is threading.main_thread()
        asking = (signal.SIGINT, signal.SIGTERM) if main else ()
        self._before = {number: signal.signal(number, self._ask) for number in asking}
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        for number, handler in self._before.items():
            # None: it was not Python's, and cannot be had back
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _ask(self, *_: object) -> None:
        self.asked = True
        self.__exit__()
