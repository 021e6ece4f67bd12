"""Gymnasium's rules for vector environments, to hold any of them to."""

from glimpse_env.testing.checker import RULES, check_vector_env
from glimpse_env.testing.rollouts import ConformanceError

__all__ = ["RULES", "ConformanceError", "check_vector_env"]
