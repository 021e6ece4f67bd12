"""The single environment: one row of the vector environment, without the batch axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np

from glimpse_env.errors import InvalidAction
from glimpse_env.vector_env import GlimpseVectorEnv


class GlimpseEnv(gym.Env[dict[str, Any], dict[str, Any]]):
    """One glimpse episode at a time; see `GlimpseVectorEnv` for what it shows, takes and rewards.

    Everything comes as NumPy arrays and numbers, with `backend="torch"` too.

    Args:
        **arguments: Those of `GlimpseVectorEnv`, but for `num_envs` and `autoreset_mode`.
    """

    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 4}  # noqa: RUF012

    def __init__(self, *, render_mode: str | None = None, **arguments: Any) -> None:
        """Make the vector environment of one row."""
        for name in ("num_envs", "autoreset_mode"):
            if name in arguments:
                raise TypeError(f"{name!r} is for vector environments: use gym.make_vec")
        self._vector = GlimpseVectorEnv(
            1, autoreset_mode="disabled", render_mode=render_mode, **arguments
        )
        self._begun = False
        self._on_torch = self._vector.backend_name == "torch"
        self.render_mode = render_mode
        self.observation_space = self._vector.single_observation_space
        self.action_space = self._vector.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode; see `GlimpseVectorEnv.reset`."""
        super().reset(seed=seed)
        if seed is None and not self._begun:
            seed = int(self.np_random.integers(2**31))
        observation, info = self._vector.reset(seed=seed, options=options)
        self._begun = True
        return self._first(observation), self._info(info)

    def step(
        self, action: Mapping[str, Any]
    ) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Judge the label if one is due, then move the eye; see `GlimpseVectorEnv.step`."""
        observation, reward, terminated, _, info = self._vector.step(_batch_of_one(action))
        return (
            self._first(observation),
            float(reward[0]),
            bool(terminated[0]),
            False,
            self._info(info),
        )

    def render(self) -> Any:
        """The frame of the one row; see `GlimpseVectorEnv.render`."""
        frames = self._vector.render()
        return frames if frames is None else frames[0]

    def close(self) -> None:
        """Close the window, if there is one."""
        self._vector.close()
        super().close()

    def _first(self, batch: dict[str, Any]) -> dict[str, Any]:
        if self._on_torch:
            batch = {key: np.asarray(value.cpu()) for key, value in batch.items()}
        return {key: value[0] for key, value in batch.items()}

    def _info(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Row 0 of a vector info; what is known of an end, only if it has come."""
        info = self._first({key: batch[key] for key in ("labels", "target", "index")})
        if "episode" in batch and batch["_episode"][0]:
            info |= self._first({key: batch[key] for key in ("emitted", "sequence_correct")})
            info["episode"] = self._first({key: batch["episode"][key] for key in ("r", "l")})
        return info


def _batch_of_one(action: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return {
            "gaze": np.asarray(action["gaze"])[None],
            "label": np.asarray(action["label"])[None],
        }
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise InvalidAction(
            "an action is a dictionary with 'gaze', two real numbers, and 'label', an integer: "
            f"{error}"
        ) from error
