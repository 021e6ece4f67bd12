"""Flat actions and observations, for learners that take no dictionaries."""

from glimpse_env.wrappers.flat_observations import FlatObservation, VectorFlatObservation
from glimpse_env.wrappers.flat_wrappers import (
    FlatBoxAction,
    FlatMultiDiscreteAction,
    VectorFlatBoxAction,
    VectorFlatMultiDiscreteAction,
)

__all__ = [
    "FlatBoxAction",
    "FlatMultiDiscreteAction",
    "FlatObservation",
    "VectorFlatBoxAction",
    "VectorFlatMultiDiscreteAction",
    "VectorFlatObservation",
]
