"""The batched environments as a vector environment of Stable-Baselines3.

```python
from stable_baselines3 import PPO
from glimpse_env.sb3 import GlimpseVecEnv

model = PPO("MultiInputPolicy", GlimpseVecEnv("GlimpseMNIST-v0", num_envs=64))
```
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

import envs_registry  # noqa: F401  (registers the environment ids)
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.errors import InvalidArgument, MissingPackage, require_known
from glimpse_env.wrappers.flat_actions import GAZE_BINS, flat_actions

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise MissingPackage(
        "glimpse_env.sb3 needs Stable-Baselines3: pip install stable-baselines3"
    ) from error

Observation = dict[str, NDArray[Any]]
Indices = None | int | Iterable[int]

# What an episode ends with if all went well; SB3 logs it as its success rate.
_SUCCESS = {"label": "sequence_correct", "move": "caught"}


class GlimpseVecEnv(VecEnv):
    """B rows of one batched environment, as Stable-Baselines3 wants them.

    Nothing is looped over but the infos, which SB3 takes as a list. Rows begin anew at once; the
    last observation of what has ended is in its info under `terminal_observation`, its statistics
    under `episode` (`VecMonitor` adds nothing but a file), `is_success` says whether everything
    said was right. `labels`, `target` and `index` are there at every step, as in Gymnasium.

    Rows are not environments of their own: attributes and methods are those of the batch. Of an
    array with an entry a row, such as the masks of actions, each row gets its entry; all else is
    the same for each.

    Args:
        env: Id of an environment, or a batch made with `autoreset_mode="same_step"`, on its own or
            in wrappers that leave its spaces as they are, such as `VectorInformationReward` (but
            not in `RecordEpisodeStatistics`, which finds `episode` taken).
        num_envs: B of an id; 1 if left out.
        action: "multidiscrete": column and row of the gaze in a grid, and the label (or move);
            "discrete": the same as one number, for DQN; or "box": gaze x and y, and a score for
            each label. See flat_actions.py.
        gaze_bins: Columns and rows of the grid of "multidiscrete" and "discrete".
        **keywords: Of the environment of an id: `split`, `glimpse_size`, `render_mode` and so on.

    Raises:
        InvalidArgument: A value that cannot work, or an environment that is none of these.
    """

    def __init__(
        self,
        env: str | VectorEnv[Any, Any, Any],
        num_envs: int | None = None,
        *,
        action: str = "multidiscrete",
        gaze_bins: int = GAZE_BINS,
        **keywords: Any,
    ) -> None:
        """Make the environment, if it is named by its id."""
        if "autoreset_mode" in keywords:
            raise InvalidArgument("autoreset_mode: Stable-Baselines3 knows no other than same_step")
        if isinstance(env, str):
            env = _make(env, 1 if num_envs is None else num_envs, keywords)
        elif keywords or num_envs is not None:
            raise InvalidArgument(
                f"num_envs and keywords {tuple(keywords)} are for environments named by an id: "
                "this one is made already"
            )
        self.envs, self._played = _batch_in(env), cast(Any, env)  # what is around it, too
        self._flat = flat_actions(action, self.envs.single_action_space, gaze_bins)
        self._actions: Any = None
        super().__init__(self.envs.num_envs, self.envs.single_observation_space, self._flat.space)
        self.metadata = {**self.envs.metadata, **self.metadata}  # `render_fps` for films

    def reset(self) -> Observation:
        """Begin an episode in every row, with what `seed` and `set_options` have asked for."""
        given = any(seed is not None for seed in self._seeds)
        observation, info = self._played.reset(
            seed=self._seeds if given else None, options=self._batched_options()
        )
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = self._infos(info)
        return self._on_host(observation)

    def _batched_options(self) -> dict[str, Any]:
        """The options of all rows as one; `index` is the only one in which rows can differ."""
        for options in self._options:
            require_known("options", options, ("index", *self.envs.changeable))
        pinned = [options["index"] for options in self._options if "index" in options]
        if pinned and len(pinned) != self.num_envs:
            raise InvalidArgument(
                f"options: {len(pinned)} of {self.num_envs} rows have an 'index'; give all rows "
                "one, or none"
            )
        shared = [
            {name: value for name, value in options.items() if name != "index"}
            for options in self._options
        ]
        # By how they are written: arrays, which the batch refuses, are not equal to anything.
        if len({repr(sorted(options.items())) for options in shared}) > 1:
            raise InvalidArgument(
                f"options: the {self.num_envs} rows are one batch, in which 'index' alone may "
                f"differ; give all the same {' and '.join(self.envs.changeable)}"
            )
        return shared[0] | ({"index": pinned} if pinned else {})

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions for `step_wait`; the batch has no workers to send them to."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[Observation, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Do what is chosen in all rows.

        Returns:
            Observations (of new episodes where one has ended), rewards float32 (B,), whether an
            episode has ended (B,), and one info a row.

        Raises:
            InvalidAction: A wrong shape or dtype, or a number outside the space.
        """
        envs, host = self.envs, self.envs.backend.to_numpy
        action = self._flat.decode(envs.backend, self._actions, (self.num_envs,))
        observation, reward, ended, _, info = self._played.step(action)
        infos, over = self._infos(info), host(ended)
        if over.any():
            self._end(infos, over, info)
        for one in infos:
            one["TimeLimit.truncated"] = False  # a glimpse budget is part of the task
        return self._on_host(observation), host(reward).astype(np.float32), over, infos

    def _infos(self, info: dict[str, Any]) -> list[dict[str, Any]]:
        """What is known of each row."""
        host, known = self.envs.backend.to_numpy, self.envs.known
        rows = zip(*(host(info[key]) for key in known), strict=True)
        return [dict(zip(known, row, strict=True)) for row in rows]

    def _end(
        self, infos: list[dict[str, Any]], over: NDArray[np.bool_], info: dict[str, Any]
    ) -> None:
        """Put what is known of the episodes that have ended in the place of what follows them."""
        envs, host = self.envs, self.envs.backend.to_numpy
        last, final = info["final_obs"], info["final_info"]
        if isinstance(last, dict):  # batched, on torch
            last = self._on_host(last)
        values = {key: host(final[key]) for key in (*envs.known, *envs.outcome)}
        statistics = {key: host(final["episode"][key]) for key in ("r", "l")}
        for row in np.flatnonzero(over).tolist():
            self.reset_infos[row] = infos[row]
            infos[row] = {key: value[row] for key, value in values.items()}
            infos[row] |= {
                "terminal_observation": _row(last, row),
                "is_success": bool(values[_SUCCESS[envs.choice]][row]),
                "episode": {key: value[row].item() for key, value in statistics.items()},
            }

    def _on_host(self, observation: dict[str, Any]) -> Observation:
        return {key: self.envs.backend.to_numpy(value) for key, value in observation.items()}

    def close(self) -> None:
        """Close the window, if there is one."""
        self._played.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """One frame a row; `render` tiles them."""
        return self.envs.render() or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """An attribute of the batch, or each row's entry of it; spaces are those of one row.

        Raises:
            AttributeError: There is none of this name.
        """
        owner = self if attr_name in ("observation_space", "action_space") else self.envs
        return self._row_by_row(getattr(owner, attr_name), indices)

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set an attribute of the batch.

        Raises:
            InvalidArgument: It is to be set for some rows alone.
        """
        self._require_all("set_attr", indices)
        setattr(self.envs, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the batch, once; of what it returns, each row gets its part.

        Raises:
            AttributeError: There is none of this name.
            InvalidArgument: It changes all rows, and is to be called for some alone.
        """
        if method_name in ("reset", "step", "close"):
            self._require_all(method_name, indices)
        owner = self._played if method_name in ("reset", "step", "close") else self.envs
        found = getattr(owner, method_name)(*method_args, **method_kwargs)
        if method_name == "render":
            found = found or [None] * self.num_envs
            return [found[row] for row in self._rows(indices)]
        return self._row_by_row(found, indices)

    def _row_by_row(self, found: Any, indices: Indices) -> list[Any]:
        return [_part(found, row, self.num_envs) for row in self._rows(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper[Any, Any, Any, Any]], indices: Indices = None
    ) -> list[bool]:
        """False for each row: nothing wraps a row of a batch."""
        return [False] * len(self._rows(indices))

    def _rows(self, indices: Indices) -> list[int]:
        return list(self._get_indices(indices))

    def _require_all(self, name: str, indices: Indices) -> None:
        if set(self._rows(indices)) != set(range(self.num_envs)):
            raise InvalidArgument(
                f"{name} for indices={indices}: the {self.num_envs} rows are one batch, leave "
                "indices out"
            )


def _batch_in(env: Any) -> GazeVectorEnv:
    """The batch itself, out of wrappers that leave its spaces as they are."""
    batch = env.unwrapped if isinstance(env, VectorEnv) else env
    if not isinstance(batch, GazeVectorEnv) or batch.autoreset_mode != AutoresetMode.SAME_STEP:
        raise InvalidArgument(
            f"{env} must be the id of a glimpse environment, or one made by gym.make_vec with "
            'autoreset_mode="same_step"'
        )
    for name in ("observation_space", "action_space"):
        if getattr(env, name) != getattr(batch, name):
            raise InvalidArgument(
                f"{env} changes the {name}: give GlimpseVecEnv the environment without that "
                "wrapper, and `action` for flat actions"
            )
    return batch


def _make(env_id: str, num_envs: int, keywords: dict[str, Any]) -> Any:
    try:
        return gym.make_vec(env_id, num_envs=num_envs, autoreset_mode="same_step", **keywords)
    except InvalidArgument:  # which may be a TypeError, too
        raise
    except TypeError as error:
        raise InvalidArgument(f"{env_id!r} is not a glimpse environment: {error}") from error


def _part(found: Any, row: int, number: int) -> Any:
    """A row's part of what was made for a batch: of each array with an entry a row, that entry."""
    if isinstance(found, dict):
        return {key: _part(value, row, number) for key, value in found.items()}
    if type(found) in (list, tuple):
        return type(found)(_part(value, row, number) for value in found)
    batched = isinstance(found, np.ndarray) or hasattr(found, "is_cuda")  # a tensor
    return found[row] if batched and tuple(found.shape[:1]) == (number,) else found


def _row(observations: Any, row: int) -> dict[str, Any]:
    """The observation of one row, out of a batch of them or a list."""
    if isinstance(observations, dict):
        return {key: value[row] for key, value in observations.items()}
    return dict(observations[row])
