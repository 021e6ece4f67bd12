"""Options of learners that are tuned alike: what is tried, and what was found; see tuning.py."""

from __future__ import annotations

Options = dict[str, float]
Ranges = dict[str, tuple[float, ...]]

_RATES = (1e-3, 3e-4, 3e-3)
_PPO: Ranges = {
    "learning_rate": _RATES,
    "entropy_weight": (0.01, 0.001, 0.05),
    "steps": (32, 16, 128),
}
_OURS: Ranges = {"learning_rate": (2e-3, 1e-3, 4e-3), "num_envs": (128, 64, 32, 16, 256)}

RANGES: dict[str, Ranges] = {
    "hybrid": _OURS,
    "hybrid-probability": _OURS,
    "hybrid-information": _OURS,
    "reinforce": {
        "learning_rate": (2e-3, 1e-3, 4e-3),
        "reinforce_weight": (1.0, 0.3, 3.0),
        "entropy_weight": (0.02, 0.005, 0.05),
    },
    "labelled-ppo": _PPO,
    "recurrent-ppo": _PPO,
    "ppo-stack": _PPO,
    "ppo": _PPO,
    "a2c": {**_PPO, "steps": (8, 4, 32)},
    "dqn": {"learning_rate": _RATES, "gaze_bins": (5, 3, 9), "epochs": (1, 2)},
    "sac": {"learning_rate": _RATES, "epochs": (1, 2)},
}
"""Values of each option, the one to start from first."""

TUNED: dict[str, Options] = {
    "hybrid": {"learning_rate": 0.001, "num_envs": 32},
    "hybrid-probability": {"learning_rate": 0.004, "num_envs": 16},
    "hybrid-information": {"learning_rate": 0.002, "num_envs": 32},
    "reinforce": {"learning_rate": 0.001, "reinforce_weight": 1, "entropy_weight": 0.05},
    "labelled-ppo": {"learning_rate": 0.001, "entropy_weight": 0.01, "steps": 32},
    "recurrent-ppo": {"learning_rate": 0.001, "entropy_weight": 0.01, "steps": 128},
    "ppo-stack": {"learning_rate": 0.003, "entropy_weight": 0.001, "steps": 16},
    "ppo": {"learning_rate": 0.001, "entropy_weight": 0.001, "steps": 32},
    "a2c": {"learning_rate": 0.001, "entropy_weight": 0.01, "steps": 8},
    "dqn": {"learning_rate": 0.0003, "gaze_bins": 3, "epochs": 2},
    "sac": {"learning_rate": 0.003, "epochs": 1},
}
"""The best of each learner's trials; games, which MNIST says little about, go without."""
