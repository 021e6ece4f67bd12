"""A run of a trainer, from a checkpoint or a new folder to its last line."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from agents.runs.config import RunConfig
from agents.runs.folder import RunFolder
from agents.runs.provenance import sign
from agents.runs.saved import fitting
from agents.trainer.command_line import require_left, tell_schedule
from agents.trainer.commands import STOPPED, going_on_later, how_to_go_on
from agents.trainer.envs import check_own_images
from agents.trainer.loop import Trainable, train
from agents.trainer.ranks import ALONE, Ranks
from glimpse_env.tasks.task import Task


class Resumable(Trainable, Protocol):
    """A run in progress that a checkpoint can hold."""

    def state(self) -> dict[str, Any]:
        """All that a checkpoint must hold."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""


def restore(training: Resumable, state: dict[str, Any], then: RunConfig, run: Path) -> None:
    """Go on with a run, for as many images as are asked for now.

    Args:
        training: What is asked for.
        state: The checkpoint.
        then: Its configuration.
        run: Its folder.

    Raises:
        InvalidArgument: The networks do not fit, or there are fewer images than were seen already.
    """
    with fitting(run):
        training.restore(state)
    require_left("images", training.config.images, then.images, training.images)
    tell_schedule(training.config, then, training.images)


def run_in_folder(
    training: Resumable,
    folder: RunFolder,
    device: str,
    task: Task | None,
    end_epoch: Callable[[dict[str, float]], None],
    report: Callable[[], None] | None,
    ranks: Ranks = ALONE,
    about: Sequence[str] = (),
    **signed: Any,
) -> int:
    """Train to the end, and say what is done and where.

    Args:
        training: The run.
        folder: Its folder, which is closed in the end.
        device: Torch device.
        task: Where its images come from; None in games.
        end_epoch: Called after each epoch with what to log.
        report: Reads the test split at the end; None to leave it unread.
        ranks: Those who train together.
        about: Lines to begin with.
        **signed: What else belongs to the provenance of the run.

    Returns:
        The exit status: 0, or `STOPPED`.
    """
    script, env_id = training.config.TRAINER, training.config.env_id
    with contextlib.closing(folder), going_on_later(script, folder.path, env_id):
        sign(folder.path, device, images=training.images, **signed)
        began = time.monotonic()
        print(f"run folder: {folder.path} (tensorboard --logdir {folder.path.parent})")
        for line in about:
            print(line)
        check_own_images(training.config, task, device, test=report is not None)
        finished = train(training, folder, end_epoch, ranks)
        folder.save(training.state())
        seconds = round(time.monotonic() - began)
        sign(folder.path, device, images=training.images, seconds=seconds)
        if finished and report:
            report()
    if not finished:
        print(how_to_go_on(script, folder.path, env_id))
    return 0 if finished else STOPPED
