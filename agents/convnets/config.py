"""Everything that defines the training run of a whole-image network."""

from __future__ import annotations

import dataclasses
from typing import ClassVar, Literal

from agents.runs.config import RunConfig, require_positive_entries
from glimpse_env.errors import InvalidArgument


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConvNetConfig(RunConfig):
    """A baseline's run, whole. Each row of the papers' tables is one (see presets.py)."""

    TRAINER: ClassVar[str] = "train_convnet.py"
    POSITIVE: ClassVar[tuple[str, ...]] = (
        *RunConfig.POSITIVE,
        "blocks",
        "stride",
        "width_factor",
        "batch",
    )

    network: Literal["plain", "residual"] = "plain"
    """Convolutions, pooling and hidden layers as in the papers, or a small ResNet."""
    convolutions: tuple[int, ...] = ()
    """Filters of each convolution of a plain network, or of each stage of a residual one, with a
    space between: 64 64 128. 16 to 512 are usual."""
    kernels: tuple[int, ...] = ()
    """Side of the filters of each convolution, pixels, as many numbers as in `convolutions` (plain
    networks); odd where the stride is 1."""
    stride: int = 1
    """Step of the convolutions, pixels; with 1 they keep the size of the image, with more they are
    not padded (plain networks)."""
    pool_after: tuple[int, ...] = ()
    """Which convolutions, counted from 1, are followed by 2x2 maximum pooling (plain networks)."""
    hidden: tuple[int, ...] = ()
    """Units of each fully connected hidden layer (plain networks)."""
    blocks: int = 1
    """Residual blocks of each stage, 1 or 2."""
    pooled: int = 1
    """Side to which the last feature map of a residual network is averaged, cells; 1 for global
    average pooling. Sequences need more: a label's place is where it is."""
    dropout: float = 0.0
    """Fraction of the features, in [0, 1), that training leaves out before each fully connected
    layer: 0.2 to 0.5 where images are few."""
    width_factor: float = 1.0
    """Factor on all filters and hidden units, above 0: 0.125 is the same network eight times
    narrower, for a machine without a GPU."""
    standardize: bool = False
    """Whether every image is given mean 0 and variance 1; photographs need it, MNIST does not."""

    start_from: str = ""
    """Folder of a run whose weights this one starts with (fine-tuning on other images)."""

    batch: int = 128
    """Images of an update; 128 or 256."""
    warmup: float = 0.05
    """Fraction of the run in which the learning rate rises from 0, in [0, 1)."""

    def scaled(self, widths: tuple[int, ...]) -> tuple[int, ...]:
        """Filters or units times `width_factor`, at least 1."""
        return tuple(max(1, round(width * self.width_factor)) for width in widths)

    def __post_init__(self) -> None:
        """Refuse values that cannot work, by name.

        Raises:
            InvalidArgument: Such a value.
        """
        super().__post_init__()
        require_positive_entries(self, ("convolutions", "kernels", "hidden"))
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
        if self.stride > 1 and 1 in self.kernels:  # see ResidualBlock for what torch does then
            raise InvalidArgument(
                f"kernels={self.kernels} must be at least 2 where stride is {self.stride}"
            )

    def _check_residual(self) -> None:
        if not self.convolutions:
            raise InvalidArgument("convolutions=() leaves a residual network without stages")
        if self.pooled < 1:
            raise InvalidArgument(f"pooled={self.pooled} must be at least 1")
        for name in ("kernels", "pool_after", "hidden"):
            if getattr(self, name):
                raise InvalidArgument(f"{name}={getattr(self, name)} is for plain networks")
