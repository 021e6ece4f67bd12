"""The info dictionaries of a batch: every key is paired with a mask of the rows it holds for."""

from __future__ import annotations

from typing import Any

import numpy as np

from glimpse_env.backend import Array, Backend
from glimpse_env.envs.gaze.episodes import Episodes


def masked(backend: Backend, values: dict[str, Array], mask: Array) -> dict[str, Array]:
    """Copies of `values`, each with its mask under the same key after an underscore."""
    info, copy = {}, backend.copy
    for key, value in values.items():
        info[key] = copy(value)
        info["_" + key] = copy(mask)
    return info


def present(episodes: Episodes, mask: Array) -> dict[str, Array]:
    """What is known of the episodes in `mask` at any time."""
    return masked(episodes.backend, episodes.known(), mask)


def ended(episodes: Episodes) -> dict[str, Any]:
    """What is known of the episodes that have just ended."""
    backend, mask, outcome = episodes.backend, episodes.ended, episodes.outcome()
    statistics = {"r": episodes.rows.earned, "l": outcome.pop("length")}
    episode = {"episode": masked(backend, statistics, mask), "_episode": backend.copy(mask)}
    return masked(backend, outcome, mask) | episode


def final(
    backend: Backend,
    observation: dict[str, Array],
    info: dict[str, Any],
    mask: Array,
) -> dict[str, Any]:
    """The last observation and info of the episodes in `mask`, when the next ones begin at once.

    As in Gymnasium, NumPy observations come as an object array with a dictionary or None a row;
    torch observations stay a dictionary of batched tensors, since a row a time would leave the
    device. `episode` is in the info itself, too, where `RecordEpisodeStatistics` puts it.
    """
    final_observation: Any = observation
    if backend.eager:
        final_observation = np.full(len(mask), None, dtype=object)
        for row in np.flatnonzero(mask):
            final_observation[row] = {key: value[row] for key, value in observation.items()}
    statistics = {key: backend.copy(value) for key, value in info["episode"].items()}
    return {
        "episode": statistics,
        "_episode": backend.copy(mask),
        "final_obs": final_observation,
        "_final_obs": backend.copy(mask),
        "final_info": info,
        "_final_info": backend.copy(mask),
    }
