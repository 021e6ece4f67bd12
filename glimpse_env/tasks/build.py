"""From the name of a task to the task."""

from __future__ import annotations

import functools
import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np

from glimpse_env.backend import Backend, check_backend, make_backend
from glimpse_env.errors import InvalidArgument, UnknownKeyword, require_choice
from glimpse_env.tasks.files.downloads import DATA_VARIABLE
from glimpse_env.tasks.own_images.arrays import ArrayTask
from glimpse_env.tasks.own_images.shared_array import SharedArray
from glimpse_env.tasks.task import SPLITS, Task

_PATHS, _ARRAYS = ("image_folder", "label_file"), ("images", "labels")
TASKS = ("mnist", "house_numbers", "svhn", "arrays", "image_folder")


def make_backend_and_task(
    task: str, *, backend: str, device: str, split: str, data_dir: str | None, **options: Any
) -> tuple[Backend, Task]:
    """The backend and the task that live on it.

    Tasks made from plain keywords are shared: a hundred single environments hold one copy of the
    pixels.

    Args:
        task: One of `TASKS`.
        backend: "numpy" or "torch".
        device: Torch device.
        split: One of `SPLITS`; "arrays" has just the one split it is given.
        data_dir: Folder of data files, or None.
        **options: Keywords of the task's class, `resolved`.

    Raises:
        InvalidArgument: An unknown task, split or keyword, or a value that cannot work.
    """
    require_choice("split", split, SPLITS)
    backend, device = check_backend(backend, device)
    if task == "arrays" and options.keys() & set(_PATHS):
        task = "image_folder"  # your own images are one id, wherever they come from
    if task == "image_folder" and options.keys() & set(_ARRAYS):
        raise InvalidArgument("give images and labels, or image_folder and label_file, not both")
    if task == "arrays":
        arrays = make_backend(backend, device)
        return arrays, _construct(task, arrays, options)
    data_dir = data_dir or os.environ.get(DATA_VARIABLE)  # which may name another folder later
    for name, value in options.items():
        if isinstance(value, np.generic):
            options[name] = value = value.item()
        if not isinstance(value, int | float | str | None):
            raise InvalidArgument(f"{name}={value!r} must be a number, a string or a boolean")
    # With its type: 97.0 is 97 to a cache, and is no size of a canvas.
    chosen = tuple((name, type(options[name]), options[name]) for name in sorted(options))
    made = _shared(task, backend, device, split, data_dir, chosen)
    if task == "image_folder":
        found: Any = made[1]
        found.warn_of_changes()
    return made


def resolved(
    task: str, data_dir: str | Path | None, options: dict[str, Any]
) -> tuple[str | None, dict[str, Any]]:
    """Keywords that go on meaning the same: paths from the root, and arrays that nobody else holds.

    Raises:
        InvalidArgument: An unknown task, a path that is none, or what cannot be an array.
    """
    require_choice("task", task, TASKS)
    made = options | {name: _full_path(name, options[name]) for name in _PATHS if name in options}
    if task == "arrays":
        made |= {name: SharedArray(name, options[name]) for name in _ARRAYS if name in options}
    nowhere = data_dir is None or (isinstance(data_dir, str) and not data_dir)
    return None if nowhere else _full_path("data_dir", data_dir), made


def _full_path(name: str, path: Any) -> str:
    if not isinstance(path, str | Path):
        raise InvalidArgument(f"{name}={path!r} must be a path")
    try:
        os.fsencode(path)
        found = Path(path).expanduser().absolute()
    except (ValueError, RuntimeError) as error:  # no Unicode, or nobody's home
        raise InvalidArgument(f"{name}={path!r} cannot be a path: {error}") from error
    if "\0" in str(found):
        raise InvalidArgument(f"{name}={path!r} holds a zero byte, which no path can")
    return str(found)


@functools.lru_cache(maxsize=16)
def _shared(
    task: str,
    backend: str,
    device: str,
    split: str,
    data_dir: str | None,
    chosen: tuple[tuple[str, type, Any], ...],
) -> tuple[Backend, Task]:
    made, options = make_backend(backend, device), {name: value for name, _, value in chosen}
    return made, _construct(task, made, {"split": split, "data_dir": data_dir, **options})


def _construct(task: str, backend: Backend, options: dict[str, Any]) -> Task:
    made = _task_class(task)
    allowed = [name for name in inspect.signature(made).parameters if name != "backend"]
    unknown = sorted(set(options) - set(allowed))
    if unknown:
        raise UnknownKeyword(
            f"got an unexpected keyword argument {unknown[0]!r}; beside the keywords of the "
            f"environment itself, such as glimpse_size, task={task!r} takes {', '.join(allowed)}"
        )
    missing = [
        name
        for name, parameter in inspect.signature(made).parameters.items()
        if parameter.default is inspect.Parameter.empty and name not in (*options, "backend")
    ]
    if missing:
        files = ", or image_folder and label_file to read files" if task == "arrays" else ""
        raise InvalidArgument(f"task={task!r} needs the keyword {missing[0]!r}{files}")
    result: Task = made(backend, **options)
    return result


def _task_class(task: str) -> Any:
    """Import just the module that the task needs: OpenCV and data readers load with it."""
    if task == "mnist":
        from glimpse_env.tasks.mnist.task import MNISTTask

        return MNISTTask
    if task == "house_numbers":
        from glimpse_env.tasks.house_numbers.task import HouseNumberTask

        return HouseNumberTask
    if task == "svhn":
        from glimpse_env.tasks.svhn.task import SVHNTask

        return SVHNTask
    if task == "image_folder":
        from glimpse_env.tasks.own_images.folder import ImageFolderTask

        return ImageFolderTask
    return ArrayTask
