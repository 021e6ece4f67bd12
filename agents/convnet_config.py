"""Everything that defines the training run of a whole-image network."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from agents.config import Config
from agents.config_checks import require_choices, require_positive
from glimpse_env.errors import InvalidArgument

_ENV_OPTIONS = ("max_digits", "num_distractors", "num_images", "extra")
_POSITIVE = (
    "blocks",
    "stride",
    "width_factor",
    "batch",
    "learning_rate",
    "gradient_clip",
    "images",
    "epoch_images",
    "validation_images",
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvNetConfig:
    """A baseline's run, whole. Each row of the papers' tables is one (see convnet_presets.py)."""

    env_id: str
    """Environment whose images and labels are used; its eye is not."""
    max_digits: int | None = None
    """Longest number (house numbers and MNIST sequences); None for the environment's own."""
    num_distractors: int | None = None
    """Patches of clutter (MNIST); None for the environment's own."""
    num_images: int | None = None
    """Use only so many training images (house numbers, SVHN); None for all."""
    extra: bool | None = None
    """Train on SVHN's extra images, too; None for the environment's own."""

    network: Literal["plain", "residual"] = "plain"
    """Convolutions, pooling and hidden layers as in the papers, or a small ResNet."""
    convolutions: tuple[int, ...] = ()
    """Filters of each convolution, or of each stage of a residual network."""
    kernels: tuple[int, ...] = ()
    """Side of the filters of each convolution, pixels (plain networks)."""
    stride: int = 1
    """Of the convolutions; with 1 they keep the size of the image, with more they are not padded
    (plain networks)."""
    pool_after: tuple[int, ...] = ()
    """Which convolutions, counted from 1, are followed by 2x2 maximum pooling (plain networks)."""
    hidden: tuple[int, ...] = ()
    """Units of each fully connected hidden layer (plain networks)."""
    blocks: int = 1
    """Residual blocks of a stage."""
    pooled: int = 1
    """Side to which the last feature map of a residual network is averaged, cells; 1 for global
    average pooling. Sequences need more: a label's place is where it is."""
    dropout: float = 0.0
    """Fraction of the features dropped before each fully connected layer."""
    width_factor: float = 1.0
    """Multiplies filters and hidden units: the same network, narrower, for a machine without a
    GPU."""
    standardize: bool = False
    """Give every image mean 0 and variance 1; photographs need it, MNIST does not."""

    batch: int = 128
    """Images of an update."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """AdamW, or the papers' SGD with Nesterov momentum 0.9."""
    learning_rate: float = 1e-3
    """At its highest."""
    schedule: Literal["cosine", "linear", "exponential", "constant"] = "cosine"
    """How the learning rate falls: to 0 at the end, or by `decay` each epoch."""
    decay: float = 0.97
    """Factor an epoch of the exponential schedule (DRAM: 0.97)."""
    warmup: float = 0.05
    """Fraction of the run in which the learning rate rises from 0."""
    weight_decay: float = 0.0
    """Of the optimizer."""
    gradient_clip: float = 5.0
    """Largest norm of the whole gradient."""
    images: int = 1_000_000
    """Images to train on, in all."""
    epoch_images: int = 50_000
    """Images of an epoch: schedules count them; each ends with a validation and a checkpoint."""

    seed: int = 0
    """Of the weights, the images' order and the dropout."""
    validation_images: int = 2_000
    """Images of the validation split read after each epoch."""
    published_error: str = ""
    """The row of the papers' tables, and its error."""

    def env_options(self) -> dict[str, Any]:
        """The keywords that the run gives the environment over its own defaults."""
        chosen = {name: getattr(self, name) for name in _ENV_OPTIONS}
        return {name: value for name, value in chosen.items() if value is not None}

    def env_changed(self, other: ConvNetConfig) -> bool:
        """Whether the other run has another task than this one."""
        return (self.env_id, self.env_options()) != (other.env_id, other.env_options())

    def scaled(self, widths: tuple[int, ...]) -> tuple[int, ...]:
        """Filters or units times `width_factor`, at least 1."""
        return tuple(max(1, round(width * self.width_factor)) for width in widths)

    def __post_init__(self) -> None:
        """Refuse values that cannot work, by name.

        Raises:
            InvalidArgument: Such a value.
        """
        require_positive(self, _POSITIVE)
        require_choices(self)
        for name in ("convolutions", "kernels", "hidden"):
            if any(number < 1 for number in getattr(self, name)):
                raise InvalidArgument(f"{name}={getattr(self, name)}: all must be at least 1")
        if self.seed < 0:
            raise InvalidArgument(f"seed={self.seed} must be at least 0")
        if not 0 <= self.dropout < 1:
            raise InvalidArgument(f"dropout={self.dropout} must be in 0 .. 1, 1 left out")
        if self.network == "plain":
            self._check_plain()
        else:
            self._check_residual()

    def _check_plain(self) -> None:
        layers = len(self.convolutions)
        if len(self.kernels) != layers:
            raise InvalidArgument(f"kernels={self.kernels}: name one for each of {layers} layers")
        if any(not 1 <= layer <= layers for layer in self.pool_after):
            raise InvalidArgument(f"pool_after={self.pool_after} must be in 1 .. {layers}")
        if self.stride == 1 and any(kernel % 2 == 0 for kernel in self.kernels):
            raise InvalidArgument(f"kernels={self.kernels} must be odd where stride is 1")

    def _check_residual(self) -> None:
        if not self.convolutions:
            raise InvalidArgument("convolutions=() leaves a residual network without stages")
        if self.pooled < 1:
            raise InvalidArgument(f"pooled={self.pooled} must be at least 1")
        for name in ("kernels", "pool_after", "hidden"):
            if getattr(self, name):
                raise InvalidArgument(f"{name}={getattr(self, name)} is for plain networks")


AnyConfig = Config | ConvNetConfig
