"""What every training run has, of an agent or of a whole-image network."""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import tyro

from agents.runs.fields import expanded, settle_fields
from envs_registry import TABLE
from glimpse_env import errors
from glimpse_env.errors import InvalidArgument

OWN_IMAGES = "Glimpse-v0"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig:
    """The task, the optimizer and the length of a run; a subclass says what is trained."""

    TRAINER: ClassVar[str]  # the script that makes such runs
    ENV_OPTIONS: ClassVar[tuple[str, ...]] = (
        "max_digits",
        "layout",
        "num_distractors",
        "num_images",
        "extra",
        "data_dir",
        "image_folder",
        "label_file",
        "image_size",
        "color",
        "num_classes",
    )
    POSITIVE: ClassVar[tuple[str, ...]] = (
        "learning_rate",
        "gradient_clip",
        "images",
        "epoch_images",
        "validation_images",
    )
    NOT_NEGATIVE: ClassVar[tuple[str, ...]] = ("weight_decay", "seed")

    env_id: str
    """Id of the environment to train on; a whole-image network takes its images and labels alone.
    """
    max_digits: int | None = None
    """Most digits of an image, 1 or more (house numbers and SVHN: at most 5; MNIST sequences); None
    for the environment's own."""
    layout: Literal["independent", "apart", "slope"] | None = None
    """Where digits lie (MNIST): "independent" (anywhere, they may overlap), "apart" (two, anywhere
    but on each other) or "slope" (from left to right along a line); None for the environment's
    own."""
    num_distractors: int | None = None
    """Patches of other digits that clutter an image (MNIST), 0 or more: 4 at 60x60, 8 at 100x100.
    None for the environment's own."""
    num_images: int | None = None
    """How many of the training images are used (house numbers, SVHN), to see what fewer cost; None
    for all."""
    extra: bool | None = None
    """Train on SVHN's extra images, too; None for the environment's own."""
    data_dir: str | None = None
    """Folder of data sets (MNIST, SVHN), such as GLIMPSE_DATA names; None for the environment's
    own."""
    image_folder: str | None = None
    """Folder of your own images, for Glimpse-v0."""
    label_file: str | None = None
    """CSV file with the columns `file` and `labels`, and perhaps `split`, of these images."""
    image_size: int | None = None
    """Side of the images, pixels (house numbers, SVHN: 54 or 110); your own are scaled to fit such
    a square. None for the environment's own: your own must then have one size."""
    color: bool | None = None
    """Whether images have three colour channels in place of one grey one (house numbers, SVHN, your
    own images); None for the environment's own, grey."""
    num_classes: int | None = None
    """Object classes of your own images, where the label file does not have all of them; None for
    one more than its largest label. An agent that starts from another run needs as many as that."""

    optimizer: Literal["adam", "sgd"] = "adam"
    """What steps the weights: AdamW, or the papers' SGD with Nesterov momentum 0.9."""
    learning_rate: float = 1e-3
    """Step size of the optimizer at its highest: 1e-3 to 3e-3 with AdamW, where most presets are;
    0.01 with SGD."""
    schedule: Literal["cosine", "exponential"] = "cosine"
    """How the learning rate falls: along a cosine to 0 at the end of the run, or by the factor
    `decay` each epoch."""
    decay: float = 0.97
    """Factor by which the exponential schedule multiplies the learning rate each epoch, above 0 and
    at most 1 (DRAM: 0.97; 1 keeps the rate)."""
    warmup: float = 0.0
    """Fraction of the run in which the learning rate rises from 0, in [0, 1): 0, or 0.05 for
    networks of whole images."""
    weight_decay: float = 0.0
    """How much of each weight the optimizer takes away a step, times the learning rate: 0 for none,
    0.05 for networks of whole images."""
    gradient_clip: float = 5.0
    """Largest norm of the whole gradient; longer ones are scaled down to it. All
    presets have 5."""
    images: int = 1_000_000
    """Images, or games, to train on in all, counted once each time they are shown: 0.4 to 45
    million in the presets of agents."""
    epoch_images: int = 50_000
    """Images of an epoch, at whose end there is a validation and a checkpoint; the exponential
    schedule counts epochs. 50,000 to 300,000 in the presets for a CPU."""

    seed: int = 0
    """Number from which the first weights, the order of images and all noise follow, 0 or more."""
    validation_images: int = 2_000
    """Images of the validation split that are read after each epoch: an error of 5 % of 2,000 is
    known to 1 %, of 10,000 to 0.4 %."""
    published_error: tyro.conf.Suppress[str] = ""
    """The row of the papers' tables, and its error: a caption of presets, and no option."""

    def env_options(self) -> dict[str, Any]:
        """The keywords that the run gives the environment over its own defaults."""
        chosen = {name: getattr(self, name) for name in self.ENV_OPTIONS}
        return {name: value for name, value in chosen.items() if value is not None}

    def with_own_images(self, image_folder: Path | None, label_file: Path | None) -> Self:
        """This configuration with own images elsewhere, by full paths, which hold in any folder.

        Args:
            image_folder: Where the images are now; None for where they were.
            label_file: Where their labels are now; None for where they were.
        """
        return dataclasses.replace(
            self,
            image_folder=_full_path("image_folder", image_folder or self.image_folder),
            label_file=_full_path("label_file", label_file or self.label_file),
        )

    def env_changed(self, other: Self) -> bool:
        """Whether the other run has another task than this one."""
        return (self.env_id, self.env_options()) != (other.env_id, other.env_options())

    def __post_init__(self) -> None:
        """Refuse values that cannot work, by name.

        Raises:
            InvalidArgument: Such a value.
        """
        settle_fields(self)
        require_positive(self, self.POSITIVE)
        require_not_negative(self, self.NOT_NEGATIVE)
        if not 0 <= self.warmup < 1:
            raise InvalidArgument(f"warmup={self.warmup} must be in [0, 1)")
        if not 0 < self.decay <= 1:
            raise InvalidArgument(f"decay={self.decay} must be greater than 0, at most 1")
        if (self.image_folder is None) != (self.label_file is None):
            raise InvalidArgument(
                f"image_folder={self.image_folder!r} and label_file={self.label_file!r} go "
                "together: give both, or none"
            )
        if self.image_folder and self.env_id in TABLE and self.env_id != OWN_IMAGES:
            raise InvalidArgument(
                f"image_folder={self.image_folder!r} is read by {OWN_IMAGES}, not by "
                f"{self.env_id}: add --env-id {OWN_IMAGES}"
            )


RunConfigT = typing.TypeVar("RunConfigT", bound=RunConfig)


class Presets(dict[str, Callable[[], RunConfigT]]):
    """Whole configurations by the names of the functions that return them."""

    def add(self, preset: Callable[[], RunConfigT]) -> Callable[[], RunConfigT]:
        """List a preset; a decorator."""
        self[preset.__name__] = preset
        return preset


def _full_path(name: str, path: str | Path | None) -> str | None:
    return str(expanded(name, path).absolute()) if path else None


def require_positive(config: object, names: Iterable[str]) -> None:
    """Refuse fields that are not greater than 0.

    Raises:
        InvalidArgument: Such a field.
    """
    for name in names:
        if not 0 < getattr(config, name) < math.inf:
            raise InvalidArgument(f"{name}={getattr(config, name)} must be finite, greater than 0")


def require_not_negative(config: object, names: Iterable[str]) -> None:
    """Refuse fields below 0.

    Raises:
        InvalidArgument: Such a field.
    """
    for name in names:
        errors.require_not_negative(name, getattr(config, name))


def require_positive_entries(config: object, names: Iterable[str]) -> None:
    """Refuse tuples with an entry below 1.

    Raises:
        InvalidArgument: Such a tuple.
    """
    for name in names:
        if any(number < 1 for number in getattr(config, name)):
            raise InvalidArgument(f"{name}={getattr(config, name)}: all must be at least 1")
