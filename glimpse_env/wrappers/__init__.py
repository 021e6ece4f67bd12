"""Flat actions, for learners that take no dictionaries."""

from glimpse_env.wrappers.flat_wrappers import (
    FlatBoxAction,
    FlatMultiDiscreteAction,
    VectorFlatBoxAction,
    VectorFlatMultiDiscreteAction,
)

__all__ = [
    "FlatBoxAction",
    "FlatMultiDiscreteAction",
    "VectorFlatBoxAction",
    "VectorFlatMultiDiscreteAction",
]
