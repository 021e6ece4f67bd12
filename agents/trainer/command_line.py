"""What the command lines of trainers have in common: presets, and runs that go on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Generic

import tyro

from agents.runs.config import OWN_IMAGES, RunConfig
from agents.runs.fields import expanded
from agents.runs.pretrained import is_pretrained
from agents.runs.saved import ConfigT, load_run
from agents.trainer.envs import import_module_of, pick_device
from agents.trainer.optimization import learning_rate
from glimpse_env.errors import InvalidArgument

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

# When a run is resumed; a folder may have been moved.
MAY_CHANGE = (
    "images",
    "validation_images",
    "capture",
    "data_dir",
    "image_folder",
    "label_file",
)


@dataclasses.dataclass(kw_only=True)
class _Start:
    """The options that decide about the defaults of the others."""

    preset: str | None = None
    resume: Path | None = None
    device: str = "auto"
    env_id: str | None = None
    image_folder: str | None = None


def preset_named(presets: Mapping[str, Callable[[], ConfigT]], name: str) -> ConfigT:
    """A preset.

    Raises:
        InvalidArgument: There is none of that name.
    """
    if name not in presets:
        raise InvalidArgument(f"preset={name!r} is unknown; choose one of {', '.join(presets)}")
    return presets[name]()


@dataclasses.dataclass(frozen=True)
class PresetChoice(Generic[ConfigT]):
    """The presets of a trainer, and which of them is meant where none is named.

    Args:
        presets: Name to preset.
        large: The default with a GPU.
        small: The default without.
        own_images: The default for a folder of images.
    """

    presets: Mapping[str, Callable[[], ConfigT]]
    large: str
    small: str
    own_images: str

    def help(self) -> str:
        """What `--help` says of `--preset`."""
        return (
            "Row of the papers' tables to start from; the options below override it. By default "
            f"the one for `--env-id`, {self.large} with a GPU and {self.small} without, or "
            f"{self.own_images} where `--image-folder` is given. All: {', '.join(self.presets)}."
        )

    def chosen(
        self, preset: str | None, device: str, env_id: str | None, image_folder: str | None
    ) -> str:
        """The name of the preset that a command line asks for, by name or by its environment.

        Args:
            preset: The one that is named, or None.
            device: Torch device, or "auto".
            env_id: Environment that is named, or None.
            image_folder: Folder of own images, or None.

        Raises:
            InvalidArgument: There is no such preset.
        """
        if preset:
            preset_named(self.presets, preset)
            return preset
        if image_folder:
            return self.own_images
        on_cpu = pick_device(device) == "cpu"
        default = self.small if on_cpu else self.large
        made_for = {name: str(preset().env_id) for name, preset in self.presets.items()}
        fitting = [name for name in (default, *made_for) if made_for[name] == env_id]
        sized = [name for name in fitting if name.endswith("_cpu") == on_cpu]
        return [*sized, *fitting, default][0]

    def first(self, argv: list[str], kind: type[ConfigT]) -> ConfigT:
        """The configuration that a preset or a run to resume gives all other options.

        Args:
            argv: The command line.
            kind: Class of the configuration.

        Raises:
            InvalidArgument: An unknown preset, no module of the name that --env-id has, or the run
                of another trainer.
            MissingData, CorruptedData: There is no run to resume, or it is damaged.
        """
        start, _ = tyro.cli(_Start, args=argv, return_unknown_args=True, add_help=False)
        import_module_of(start.env_id)
        if start.resume:
            return load_run(start.resume, kind)[1]
        name = self.chosen(start.preset, start.device, start.env_id, start.image_folder)
        return self.presets[name]()

    def run_name(self, preset: str | None, device: str, config: ConfigT) -> str:
        """What to call a run: the preset, and the environment where that is another one."""
        name = self.chosen(preset, device, config.env_id, config.image_folder)
        ours = self.presets[name]().env_id
        return name if config.env_id == ours else f"{name}-{config.env_id}"


def resolved(config: ConfigT, start: ConfigT) -> ConfigT:
    """The configuration as it is to be kept.

    On another task than the preset's, or as a control that does not look where it wants, a run is
    not the row of the papers' table. Own images are named by full paths, so that the run goes on
    from whatever folder.

    Raises:
        InvalidArgument: Own images are wanted, and none are named.
    """
    config = config.with_own_images(None, None)
    if config.env_id == OWN_IMAGES and not config.image_folder:
        raise InvalidArgument(
            f"{OWN_IMAGES} trains on your own images: add --image-folder DIR --label-file FILE"
        )
    if config.env_changed(start) or getattr(config, "gaze", "policy") != "policy":
        return dataclasses.replace(config, published_error="")
    return config


def expand_paths(arguments: DataclassInstance) -> None:
    """Put the home folder in the place of `~` in all paths of a command line.

    Raises:
        InvalidArgument: Such a path can be none.
    """
    for field in dataclasses.fields(arguments):
        path = getattr(arguments, field.name)
        if isinstance(path, Path) and not is_pretrained(path):
            setattr(arguments, field.name, expanded(field.name, path))


def require_same_run(
    preset: str | None,
    now: DataclassInstance,
    then: DataclassInstance,
    may_change: Sequence[str] = MAY_CHANGE,
) -> None:
    """Refuse options that would make another run of the one that is resumed.

    Args:
        preset: The one that is named, or None.
        now: The configuration that is asked for.
        then: The run's own.
        may_change: Fields in which they may differ.

    Raises:
        InvalidArgument: Such an option.
    """
    if preset:
        raise InvalidArgument("--resume goes on with a run's own configuration: drop --preset")
    ours, before = dataclasses.asdict(now), dataclasses.asdict(then)
    changed = [name for name in ours if ours[name] != before[name] and name not in may_change]
    if changed:
        free = ", ".join(name for name in may_change if name in ours)
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


def tell_schedule(now: RunConfig, then: RunConfig, seen: int) -> None:
    """Say so where a run that goes on for longer, or shorter, jumps to another learning rate."""
    before, after = learning_rate(then, seen), learning_rate(now, seen)
    if before != after:
        print(
            f"note: of {now.images} images instead of {then.images}, the learning rate goes on at "
            f"{after:.2g}; it was at {before:.2g}"
        )
