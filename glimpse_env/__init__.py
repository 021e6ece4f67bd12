"""Glimpse-attention tasks as Gymnasium environments: the agent sees only what it looks at.

`import glimpse_env` registers every id of `envs_registry.TABLE` and loads nothing heavier than
gymnasium; the classes below are imported when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import envs_registry

if TYPE_CHECKING:
    from glimpse_env.envs.catch.env import CatchEnv, CatchVectorEnv
    from glimpse_env.envs.reading.env import GlimpseEnv, GlimpseVectorEnv
    from glimpse_env.errors import (
        CacheUnavailable,
        CorruptedData,
        DisplayUnavailable,
        GlimpseError,
        InvalidAction,
        InvalidArgument,
        MissingData,
        MissingPackage,
        UnknownKeyword,
    )

__all__ = [
    "CacheUnavailable",
    "CatchEnv",
    "CatchVectorEnv",
    "CorruptedData",
    "DisplayUnavailable",
    "GlimpseEnv",
    "GlimpseError",
    "GlimpseVectorEnv",
    "InvalidAction",
    "InvalidArgument",
    "MissingData",
    "MissingPackage",
    "UnknownKeyword",
    "envs_registry",
]

_MODULES = {
    "CatchEnv": "glimpse_env.envs.catch.env",
    "CatchVectorEnv": "glimpse_env.envs.catch.env",
    "GlimpseEnv": "glimpse_env.envs.reading.env",
    "GlimpseVectorEnv": "glimpse_env.envs.reading.env",
}


def __getattr__(name: str) -> Any:
    """Import a public class on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'glimpse_env' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES.get(name, "glimpse_env.errors")), name)
