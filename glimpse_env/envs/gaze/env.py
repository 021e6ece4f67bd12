"""Single environments: one row of a vector environment, without the batch axis."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec

from glimpse_env.envs.gaze.episodes import OVER, Played
from glimpse_env.envs.gaze.resets import parse_options, parse_seed
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv, own_seed
from glimpse_env.envs.spec import plain_spec
from glimpse_env.errors import InvalidAction, UnknownKeyword


class GazeEnv(Played, gym.Env[dict[str, Any], dict[str, Any]]):
    """One episode at a time; a subclass says of which vector environment it is a row.

    Everything comes as NumPy arrays and numbers, with `backend="torch"` too. `info["episode"]` is
    left to Gymnasium's `RecordEpisodeStatistics`, which refuses environments that have it.

    Args:
        **arguments: Those of the vector environment, but for `num_envs` and `autoreset_mode`.
    """

    _spec: EnvSpec | None = None
    vector_class: ClassVar[Any]  # of the vector environments: called with keywords of their own
    metadata = {"render_modes": ["rgb_array", "human"], "render_fps": 4}  # noqa: RUF012

    def __init__(self, *, render_mode: str | None = None, **arguments: Any) -> None:
        for name in ("num_envs", "autoreset_mode"):
            if name in arguments:
                raise UnknownKeyword(
                    f"{name}={arguments[name]!r} is for batches, not for single environments: give "
                    f'it to gym.make_vec; beside vectorization_mode="sync" or "async", '
                    "autoreset_mode belongs in vector_kwargs"
                )
        self._vector: GazeVectorEnv = self.vector_class(
            1, autoreset_mode="disabled", render_mode=render_mode, **arguments
        )
        self._gaze_shape = (self._vector.gaze_size,)
        self._begun = False
        self._on_torch = self._vector.backend_name == "torch"
        self.render_mode = render_mode
        self.observation_space = self._vector.single_observation_space
        self.action_space = self._vector.single_action_space

    @property
    def spec(self) -> EnvSpec | None:
        """What makes it again; given arrays are in it, for copies of the spec to share."""
        return self._spec

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        self._spec = plain_spec(value, self._vector.recipe)

    @property
    def episodes(self) -> Any:
        """The one row that it plays, for what is part of it; it changes with every step."""
        return self._vector.episodes

    @property
    def recipe(self) -> dict[str, Any]:
        """The keywords that make the same environment again, as those of a batch."""
        return self._vector.recipe

    @property
    def choice(self) -> str:
        """The key of an action beside "gaze": "label" or "move"."""
        return self._vector.choice

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode.

        Args:
            seed: Decides which images or games follow, and random first gazes; None goes on with
                those that the last seed gives.
            options: `index`: which image or game, in 0 .. `size` - 1, instead of the one that
                follows from seed and episode; and the keywords in `changeable` of the batch, which
                keep the values that they are given here until a reset gives them others.

        Returns:
            Observation and info.

        Raises:
            InvalidArgument: A seed or options that cannot be.
        """
        if seed is not None:
            seed = parse_seed(seed)
        options = parse_options(options, self._vector.changeable)
        first = own_seed(self) if seed is None and not self._begun else seed
        self._vector.restart(first, options)  # before the generator is another one: it may raise
        super().reset(seed=seed)
        self._begun = True
        return self._observation(), self._info()

    def step(
        self, action: Mapping[str, Any]
    ) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Do what is chosen, then move the eye.

        Args:
            action: `gaze`: real numbers, clipped to [-1, 1], of the shape that the action space
                says; and `label` or `move`: an integer.

        Returns:
            Observation, reward, whether the episode is over, False (nothing is truncated) and info.

        Raises:
            ResetNeeded: `reset` has not been called.
            InvalidAction: A missing key, a wrong shape or dtype, a gaze that is not finite, or a
                choice that is read and outside its space. Nothing has changed then.
        """
        reward = float(self._vector.advance(self._batch_of_one(action))[0])
        over = bool(self._vector.episodes.rows.over[0])
        return self._observation(), reward, over, False, self._info()

    def render(self) -> Any:
        """The present moment for people: the whole image, gaze path, glimpses, what was said.

        Returns:
            uint8 (height, width, 3) with `render_mode="rgb_array"`, None with "human" (a window
            shows it).

        Raises:
            ResetNeeded: `reset` has not been called.
            DisplayUnavailable: `render_mode="human"` without a display.
        """
        frames = self._vector.render()
        return frames if frames is None else frames[0]

    def close(self) -> None:
        """Close the window, if there is one."""
        self._vector.close()
        super().close()

    def _batch_of_one(self, action: Mapping[str, Any]) -> dict[str, Any]:
        choice, shape = self._vector.choice, self._gaze_shape
        try:
            gaze, chosen = np.asarray(action["gaze"]), np.asarray(action[choice])
        except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
            raise InvalidAction(
                f"an action is a dictionary with 'gaze', real numbers of shape {shape}, and "
                f"{choice!r}, an integer: {error}"
            ) from error
        if gaze.shape != shape or chosen.shape != ():
            raise InvalidAction(
                f"action['gaze'] of shape {gaze.shape} and action[{choice!r}] of shape "
                f"{chosen.shape} must have shapes {shape} and ()"
            )
        return {"gaze": gaze[None], choice: chosen[None]}

    def __copy__(self) -> Self:
        """A copy that steps on its own, as that of a batch does."""
        return copy.deepcopy(self)

    def _observation(self) -> dict[str, Any]:
        """What the row sees."""
        batch = self._on_host(self._vector.episodes.observe())
        return {key: value[0] for key, value in batch.items()}

    def _info(self) -> dict[str, Any]:
        """What is known of the row and, if it has just ended, of its end."""
        episodes = self._vector.episodes
        batch = episodes.known()
        if OVER in episodes.clocks and episodes.ended[0]:
            outcome = episodes.outcome()
            batch |= {key: outcome[key] for key in self._vector.outcome}
        return {key: self._own(value[0]) for key, value in self._on_host(batch).items()}

    @staticmethod
    def _own(value: Any) -> Any:
        """What nobody else holds: a copy, but of numbers, which do not change.

        Gymnasium's batches of single environments know Python's booleans, not NumPy's.
        """
        if isinstance(value, np.ndarray):
            return value.copy()
        return bool(value) if isinstance(value, np.bool_) else value

    def _on_host(self, batch: dict[str, Any]) -> dict[str, Any]:
        if not self._on_torch:
            return batch
        return {key: self._vector.backend.to_numpy(value) for key, value in batch.items()}
