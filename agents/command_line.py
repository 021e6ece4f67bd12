"""What the command lines of all trainers have in common: presets, and runs that go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import tyro

from agents.build import pick_device
from agents.saved_run import AnyConfigT, load_run
from glimpse_env.errors import InvalidArgument

# When a run is resumed; a folder of images may have been moved.
MAY_CHANGE = ("images", "validation_images", "capture", "image_folder", "label_file")


@dataclasses.dataclass(kw_only=True)
class _Start:
    """The options that decide about the defaults of the others."""

    preset: str | None = None
    resume: Path | None = None
    device: str = "auto"
    image_folder: str | None = None


def first_config(
    argv: list[str],
    kind: type[AnyConfigT],
    presets: Mapping[str, Callable[[], AnyConfigT]],
    default_preset: Callable[[str, str | None], str],
) -> AnyConfigT:
    """The configuration that a preset or a run to resume gives all other options.

    Args:
        argv: The command line.
        kind: Class of the configuration.
        presets: Name to preset.
        default_preset: Device, and folder of own images or None, to the name of a preset.

    Raises:
        InvalidArgument: An unknown preset, or the run of another trainer.
        MissingData, CorruptedData: There is no run to resume, or it is damaged.
    """
    first, _ = tyro.cli(_Start, args=argv, return_unknown_args=True, add_help=False)
    if first.resume:
        return load_run(first.resume, kind)[1]
    name = first.preset or default_preset(pick_device(first.device), first.image_folder)
    if name not in presets:
        raise InvalidArgument(f"--preset {name} is unknown; choose one of {', '.join(presets)}")
    return presets[name]()


def settled(config: AnyConfigT, start: AnyConfigT) -> AnyConfigT:
    """The configuration as it is to be kept.

    On another task than the preset's, a run is no longer the row of the papers' table. Own images
    are named by full paths, so that the run goes on from whatever folder.
    """
    config = config.with_own_images(None, None)
    if not config.env_changed(start):
        return config
    return dataclasses.replace(config, published_error="")


def require_same_run(preset: str | None, now: AnyConfigT, then: AnyConfigT) -> None:
    """Refuse options that would make another run of the one that is resumed.

    Raises:
        InvalidArgument: Such an option.
    """
    if preset:
        raise InvalidArgument("--resume goes on with a run's own configuration: drop --preset")
    ours, before = dataclasses.asdict(now), dataclasses.asdict(then)
    changed = [name for name in ours if ours[name] != before[name] and name not in MAY_CHANGE]
    if changed:
        free = ", ".join(name for name in MAY_CHANGE if name in ours)
        raise InvalidArgument(
            f"--resume goes on with a run's own configuration, in which {changed[0]}="
            f"{before[changed[0]]!r}; only these may change: {free}"
        )


def require_left(name: str, now: int, then: int, seen: int) -> None:
    """Refuse to end a run, by an option that was another, before where it is already.

    Args:
        name: Option that says how long the run is.
        now: What is asked for.
        then: What the run has had.
        seen: How far it is.

    Raises:
        InvalidArgument: It has been trained on more.
    """
    if now != then and now < seen:
        raise InvalidArgument(
            f"{name}={now} is less than the {seen} that this run has seen already: give "
            f"--{name} {seen} or more"
        )
