"""What `spec` says of an environment: its arrays are shared by copies, all else is plain JSON."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode

from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.own_images.shared_array import SharedArray


class ArraySpec(EnvSpec):
    """The spec of an environment that was given arrays."""

    def to_json(self) -> str:
        """As Gymnasium does, where the arrays have been taken out.

        Raises:
            InvalidArgument: There are arrays, which JSON does not hold.
        """
        names = [name for name, value in self.kwargs.items() if isinstance(value, SharedArray)]
        if names:
            raise InvalidArgument(
                f"{' and '.join(names)} are arrays, which JSON does not hold: pickle the spec, or "
                "take them out of spec.kwargs and give them to gym.make again, or keep images in "
                "files (image_folder=..., label_file=...)"
            )
        return super().to_json()


def plain_spec(spec: EnvSpec | None, recipe: dict[str, Any]) -> EnvSpec | None:
    """A spec that makes the same environment, can be copied for nothing, and be JSON if any can.

    Args:
        spec: As Gymnasium gives it, with keywords as the user gave them.
        recipe: The keywords as the environment holds them.
    """
    if spec is None:
        return None
    fields = {
        field.name: getattr(spec, field.name) for field in dataclasses.fields(spec) if field.init
    }
    held = {name: value for name, value in recipe.items() if isinstance(value, SharedArray)}
    kwargs = {name: held.get(name, _plain(value)) for name, value in spec.kwargs.items()}
    made = ArraySpec if held.keys() & kwargs.keys() else EnvSpec
    return made(**fields | {"kwargs": kwargs})


def _plain(value: Any) -> Any:
    if isinstance(value, AutoresetMode):
        return value.name.lower()
    if isinstance(value, np.generic):
        return value.item()
    return str(value) if isinstance(value, Path) else value
