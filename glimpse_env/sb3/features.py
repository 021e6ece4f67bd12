"""A features extractor of Stable-Baselines3 for glimpses.

SB3's own network for images refuses any below 36 x 36 pixels; without one it flattens them.

```python
PPO("MultiInputPolicy", envs, policy_kwargs={"features_extractor_class": GlimpseExtractor})
```
"""

from __future__ import annotations

import torch
from gymnasium import spaces
from torch import Tensor, nn

from glimpse_env.backend.memory import require_memory
from glimpse_env.errors import InvalidArgument, MissingPackage, require_at_least

try:
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
except ImportError as error:
    raise MissingPackage(
        "glimpse_env.sb3 needs Stable-Baselines3: pip install stable-baselines3"
    ) from error


class GlimpseExtractor(BaseFeaturesExtractor):
    """What is seen times where it is seen, beside the context and whether a label is due.

    The glimpse network of DRAM (Ba et al. 2014, section 3.1): two 3x3 convolutions and a layer read
    the glimpse, a layer reads its location, and the two are multiplied. The context, if there is
    one, has convolutions of its own; `emit` passes through as SB3 encodes it, one of two.

    Args:
        observation_space: Of a glimpse environment.
        features: F, features of a glimpse, and as many of the context.
        channels: Of each convolution.

    Raises:
        InvalidArgument: A space without glimpse and location, or of stacked ones; or numbers of
            features and channels whose weights do not fit into memory.
    """

    def __init__(
        self, observation_space: spaces.Dict, features: int = 128, channels: int = 32
    ) -> None:
        features = require_at_least("features", features, 1)
        channels = require_at_least("channels", channels, 1)
        shown = observation_space.spaces if isinstance(observation_space, spaces.Dict) else {}
        if not {"glimpse", "location"} <= set(shown):
            raise InvalidArgument(
                f"observation space {observation_space} has no glimpse and location"
            )
        location = shown["location"].shape or ()
        if len(shown["glimpse"].shape or ()) != 3 or len(location) != 1:
            raise InvalidArgument(
                f"glimpses of shape {shown['glimpse'].shape} at locations of shape "
                f"{location} must be (C, H, W) at (d,): this network reads one glimpse, not a "
                "stack of them; see docs/other_learners.md, memory"
            )
        for name in ("glimpse", "context"):
            if name in shown:
                _require_memory(shown[name].shape, features, channels)
        size = features * (1 + ("context" in shown)) + 2 * ("emit" in shown)
        super().__init__(observation_space, features_dim=size)
        self.what = _convolutions(shown["glimpse"].shape, features, channels)
        self.where = nn.Sequential(nn.Linear(*location, features), nn.ReLU())
        self.context: nn.Module | None = None
        if "context" in shown:
            self.context = _convolutions(shown["context"].shape, features, channels)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Features (B, features_dim) of observations as SB3 has prepared them."""
        parts = [self.what(observations["glimpse"]) * self.where(observations["location"])]
        if self.context is not None:
            parts.append(self.context(observations["context"]))
        if "emit" in observations:
            parts.append(observations["emit"].flatten(1))
        return torch.cat(parts, 1)


def _require_memory(shape: tuple[int, ...] | None, features: int, channels: int) -> None:
    """Refuse weights that `_convolutions` could not allocate."""
    assert shape is not None
    depth, height, width = shape
    numbers = 9 * (depth + channels) + height * width * features  # of each channel, about
    require_memory(None, "channels", channels, 4 * numbers, f"weights with features={features}")


def _convolutions(shape: tuple[int, ...] | None, features: int, channels: int) -> nn.Sequential:
    """Images (B, *shape) to features (B, F), whatever their size."""
    assert shape is not None
    depth, height, width = shape
    return nn.Sequential(
        nn.Conv2d(depth, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(channels * height * width, features),
        nn.ReLU(),
    )
