"""Flat actions and observations, for learners that take no dictionaries; rewards for glimpses."""

from glimpse_env.wrappers.flat_observations import FlatObservation, VectorFlatObservation
from glimpse_env.wrappers.flat_wrappers import (
    FlatBoxAction,
    FlatDiscreteAction,
    FlatMultiDiscreteAction,
    VectorFlatBoxAction,
    VectorFlatDiscreteAction,
    VectorFlatMultiDiscreteAction,
)
from glimpse_env.wrappers.information_reward import VectorInformationReward

__all__ = [
    "FlatBoxAction",
    "FlatDiscreteAction",
    "FlatMultiDiscreteAction",
    "FlatObservation",
    "VectorFlatBoxAction",
    "VectorFlatDiscreteAction",
    "VectorFlatMultiDiscreteAction",
    "VectorFlatObservation",
    "VectorInformationReward",
]
