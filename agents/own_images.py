"""Own images from files, as trainers treat them."""

from __future__ import annotations

from agents.build import make_envs
from agents.run_config import RunConfig
from glimpse_env.tasks.own_images.folder import ImageFolderTask
from glimpse_env.tasks.task import Task


def check_own_images(config: RunConfig, task: Task | None, device: str, *, test: bool) -> None:
    """Of a folder of images, say what is in it, and read what is held out before days of training.

    Args:
        config: The run.
        task: Its training images, from wherever; None in games.
        device: Torch device of the run.
        test: Whether the test split will be read.

    Raises:
        InvalidArgument, MissingData, CorruptedData: See ImageFolderTask.
    """
    if isinstance(task, ImageFolderTask):
        print(f"own images: {task.describe()}")
        for split in ("validation", "test") if test else ("validation",):
            make_envs(config, split, 1, device)
