"""What all batches of episodes with a gaze have in common: resets, masks, frames, copies."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import gymnasium as gym
import numpy as np
from gymnasium import logger
from gymnasium.envs.registration import EnvSpec
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from glimpse_env.backend import Array
from glimpse_env.envs.gaze import infos, spaces
from glimpse_env.envs.gaze.episodes import OVER, RESTING, Episodes, Played
from glimpse_env.envs.gaze.resets import parse_index, parse_options, parse_reset_mask, parse_seeds
from glimpse_env.envs.gaze.spaces import read
from glimpse_env.envs.gaze.viewer import RENDER_MODES, Viewer
from glimpse_env.envs.spec import plain_spec
from glimpse_env.errors import InvalidArgument, InvalidType, require_at_least, require_choice


class GazeVectorEnv(Played, VectorEnv[dict[str, Array], dict[str, Array], Array]):
    """B episodes that step together, seen through glimpses; a subclass says which episodes.

    Args:
        num_envs: B.
        recipe: The keywords that make the same environment again.
        autoreset_mode: "next_step", "same_step" or "disabled", or Gymnasium's `AutoresetMode`.
        render_mode: None, "rgb_array" or "human".

    Raises:
        InvalidArgument: A value that cannot work; the message says what can.
    """

    metadata = {  # noqa: RUF012 (Gymnasium declares it so)
        "render_modes": ["rgb_array", "human"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }
    choice: ClassVar[str]  # the key of an action beside "gaze"
    known: ClassVar[tuple[str, ...]]  # keys of every info
    outcome: ClassVar[tuple[str, ...]]  # keys of the info at the end of an episode, `episode` aside
    changeable: ClassVar[tuple[str, ...]] = ()  # keywords that a reset may give another value
    _spec: EnvSpec | None = None
    _viewer: Viewer | None = None  # Gymnasium before 1.3 closes what could not be made

    def __init__(
        self,
        num_envs: int,
        recipe: dict[str, Any],
        *,
        autoreset_mode: str | AutoresetMode,
        render_mode: str | None,
    ) -> None:
        """Check what all have in common; `_play` must follow."""
        self.num_envs = require_at_least("num_envs", num_envs, 1)
        require_choice("render_mode", render_mode, RENDER_MODES)
        self.recipe = recipe
        self.render_mode = render_mode
        self.autoreset_mode = _mode_of(autoreset_mode)
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        self._begun = False

    @property
    def spec(self) -> EnvSpec | None:
        """What makes it again; given arrays are in it, for copies of the spec to share."""
        return self._spec

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        self._spec = plain_spec(value, self.recipe)

    def _play(self, episodes: Episodes, *, emits: bool) -> None:
        """Make these the episodes; `emits` tells whether observations have an `emit`."""
        self._episodes, self._backend = episodes, episodes.backend
        if self.render_mode:
            fps = self.metadata["render_fps"]
            self._viewer = Viewer(episodes, self.num_envs, self.render_mode, fps)
        eye = episodes.eye
        self.single_observation_space = spaces.observation_space(eye, emits=emits)
        self.single_action_space = spaces.action_space(eye, self.choice, episodes.num_choices)
        self._gaze_shape = (self.num_envs, eye.gaze_size)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    @property
    def episodes(self) -> Episodes:
        """The rows that it plays, for what is part of it; they change with every step."""
        return self._episodes

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Begin an episode in every row, or in some.

        Args:
            seed: Row i is seeded with `seed + i`, or with the i-th number of a sequence; None goes
                on with the episodes that the last seeds give, and begins with `np_random_seed`.
            options: `index`: which image or game (an integer, or one a row), instead of the one
                that follows from seed and episode. `reset_mask`: bool (num_envs,), which rows to
                reset; the others stay as they are. And the keywords in `changeable`, which keep
                the values that they are given here until a reset gives them others.

        Returns:
            The observations and infos of all rows.

        Raises:
            InvalidArgument: Seeds, indices, masks or options that cannot be.
            ResetNeeded: The first reset leaves some rows out.
        """
        mask = self.restart(seed, options)
        return self._episodes.observe(), infos.present(self._episodes, mask)

    def restart(
        self, seed: int | Sequence[int | None] | None, options: dict[str, Any] | None
    ) -> Array:
        """Do what `reset` does, and tell nothing of it but the rows that begin, bool (B,)."""
        options = parse_options(options, self.changeable)
        seeds = parse_seeds(seed, self.num_envs)
        index = self._on_host(options.get("index"))
        made = self._changed(options)
        pinned = parse_index(index, self.num_envs, made.size)
        if made is not self:
            self._go_on_as(made)
        mask = self._reset_mask(options)
        if not self._begun and "reset_mask" in options and not mask.all():
            raise ResetNeeded("the first reset() begins every row: leave options['reset_mask'] out")
        super().reset(seed=next((value for value in seeds if value is not None), None))
        if not self._begun and None in seeds:
            # Beside seeds that are given for some rows, theirs must not come again.
            first = own_seed(self) if seed is None else int(self.np_random.integers(2**63))
            own = parse_seeds(first, self.num_envs)
            seeds = [mine if one is None else one for mine, one in zip(own, seeds, strict=True)]
        self._seed(seeds, mask)
        self._begun = True
        self._begin(mask, None if pinned is None else self._backend.asarray(pinned, "int64"))
        return mask

    def _changed(self, options: Mapping[str, Any]) -> Self:
        """This batch, or one that is made with the keywords that the options change."""
        change = {name: options[name] for name in self.changeable if name in options}
        if not change:
            return self
        if "reset_mask" in options:
            raise InvalidArgument(
                f"options: {' and '.join(change)} are those of all rows: leave 'reset_mask' out"
            )
        for name, value in change.items():
            now = self.recipe.get(name)
            if type(value) is not type(now) or value != now:  # 4.0 is refused, 4 is not
                return type(self)(self.num_envs, **self.recipe | change)
        return self

    def _go_on_as(self, made: Self) -> None:
        """Take its episodes, of which none has begun, with the own seeds and episode numbers."""
        rows = self._episodes.rows
        made._episodes.rows.key, made._episodes.rows.episode = rows.key, rows.episode
        self._episodes, self._backend, self.recipe = made._episodes, made._backend, made.recipe
        if self._viewer:
            self._viewer.turn_to(self._episodes)

    def begin(self, seeds: Array, index: Array) -> tuple[dict[str, Array], dict[str, Any]]:
        """Reset every row from arrays that are on the device already; nothing is checked.

        What `reset` does after its checks, for loops on a GPU: it neither waits for the device nor
        sends anything there, reads nothing of the episodes before, and so can be part of a CUDA
        graph. A graph plays the task that it was captured with: capture another one after a `reset`
        with one of the keywords in `changeable`.

        Args:
            seeds: int64 (B,), in 0 .. 2**63 - 1: of each row.
            index: int64 (B,), in 0 .. `size` - 1: which image or game for each row.

        Returns:
            The observations and infos of all rows, as `reset(seed=..., options={"index": index})`.
        """
        episodes = self._episodes
        episodes.rows = episodes.rows.emptied(self._backend)
        episodes.rows.seed(self._backend, seeds, episodes.everyone)
        self._begun = True
        self._begin(episodes.everyone, index)
        return episodes.observe(), infos.present(episodes, episodes.everyone)

    def _seed(self, seeds: list[int | None], mask: Array) -> None:
        """Seed the rows in `mask` that are given a seed."""
        backend = self._backend
        if any(value is not None for value in seeds):
            given = backend.asarray([value is not None for value in seeds], "bool")
            values = backend.asarray([value or 0 for value in seeds], "int64")
            self._episodes.rows.seed(backend, values, mask & given)

    def _reset_mask(self, options: Mapping[str, Any]) -> Array:
        if "reset_mask" not in options:
            return self._episodes.everyone
        mask = parse_reset_mask(self._on_host(options["reset_mask"]), self.num_envs)
        return self._backend.asarray(mask, "bool")

    def _on_host(self, option: Any) -> Any:
        """An option as it is, or as a NumPy array if it is a tensor, whatever its device."""
        if self._backend.name == "torch" and hasattr(option, "is_cuda"):
            try:
                return self._backend.to_numpy(option)
            except (TypeError, RuntimeError) as error:  # a sparse one, or one with a gradient
                raise InvalidType(f"options: a tensor that is no array: {error}") from error
        return option

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Array], Array, Array, Array, dict[str, Any]]:
        """Do what is chosen, then move the eyes.

        Args:
            actions: `gaze`: real numbers (num_envs, d), clipped to [-1, 1], as many a row as its
                space has; and `label` or `move`: integers (num_envs,).

        Returns:
            Observations, rewards, terminations, truncations (always False) and infos.

        Raises:
            ResetNeeded: `reset` has not been called.
            InvalidAction: A missing key, a wrong shape or dtype, a gaze that is not finite, or a
                choice that is read and outside its space. Nothing has changed then. On a GPU, where
                looking at values would make the host wait, a wrong value is a device-side assertion
                instead, which CUDA raises at its next synchronization; the process is lost to it.
        """
        reward = self.advance(actions)
        backend, episodes = self._backend, self._episodes
        ended, extra = episodes.rows.over, {}
        if OVER in episodes.clocks:
            extra = infos.ended(episodes)
            if self.autoreset_mode == AutoresetMode.SAME_STEP:
                extra = self._reset_same_step(extra)
        if RESTING in episodes.clocks and self.autoreset_mode == AutoresetMode.NEXT_STEP:
            self._begin(episodes.resting)
            ended = episodes.rows.over
        info = infos.present(episodes, episodes.everyone)
        info.update(extra)
        truncated = backend.zeros((self.num_envs,), "bool")
        return episodes.observe(), reward, backend.copy(ended), truncated, info

    def advance(self, actions: Mapping[str, Any]) -> Array:
        """Do what `step` does in episodes that run on, and tell nothing but the rewards (B,)."""
        if not self._begun:
            raise ResetNeeded("call reset() before the first step()")
        gaze, choice = read(self._backend, actions, self._gaze_shape, self.choice)
        reward, said = self._episodes.advance(gaze, choice)
        if self._viewer:
            self._viewer.follow(said, self._title)
        return reward

    def _reset_same_step(self, info: dict[str, Any]) -> dict[str, Any]:
        """Begin anew in the rows that have ended; `info` and the result tell of what has ended."""
        episodes, ended = self._episodes, self._episodes.ended
        info = infos.present(episodes, ended) | info
        final = infos.final(self._backend, episodes.observe(), info, ended)
        self._begin(ended)
        return final

    def _begin(self, mask: Array, pinned: Array | None = None) -> None:
        self._episodes.begin(mask, pinned)
        if self._viewer:
            self._viewer.begin(mask, self._title)

    @property
    def _title(self) -> str:
        return self.spec.id if self.spec else "glimpse_env"

    def render(self) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], ...] | None:
        """One frame a row: image, gaze path, the boxes of every scale, what was said or done.

        Frames are for people: they show the whole image, and the labels that are right.

        Returns:
            uint8 (height, width, 3) frames with `render_mode="rgb_array"`, None with "human" (a
            window shows them).

        Raises:
            ResetNeeded: `reset` has not been called.
            DisplayUnavailable: `render_mode="human"` without a display.
        """
        if self._viewer is None:
            logger.warn('nothing is rendered: make the environment with render_mode="rgb_array"')
            return None
        if not self._begun:
            raise ResetNeeded("call reset() before the first render()")
        self._viewer.show(self._title)
        return None if self.render_mode == "human" else tuple(self._viewer.frames())

    def close_extras(self, **kwargs: Any) -> None:
        """Close the window, if there is one."""
        if self._viewer:
            self._viewer.close()

    def __copy__(self) -> Self:
        """A copy that steps on its own: half a copy would show one image and judge another."""
        return copy.deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        """All but the pixels, which the recipe gives back, and the window."""
        left_out = ("_backend", "_episodes", "_viewer")
        state = {key: value for key, value in self.__dict__.items() if key not in left_out}
        trace = self._viewer.trace if self._viewer else None
        return state | {"_past": self._episodes.state(), "_trace": trace}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make it again from its recipe and put every row before what it looked at."""
        past, trace = state.pop("_past"), state.pop("_trace")
        fresh = type(self)(state["num_envs"], **state["recipe"])
        # The recipe of the fresh one, whose arrays are those that it looks at.
        self.__dict__.update({**fresh.__dict__, **state, "recipe": fresh.recipe})
        if self._viewer:
            self._viewer.trace = trace
        if self._begun:
            self._episodes.take_over(past)


def own_seed(env: gym.Env[Any, Any] | VectorEnv[Any, Any, Any]) -> int:
    """What an environment begins with that is given no seed: `np_random_seed`, which repeats it.

    A generator that the user has put there has none; then one is drawn from it.
    """
    known = env.np_random_seed
    assert isinstance(known, int)
    return known if known >= 0 else int(env.np_random.integers(2**63))


def _mode_of(value: Any) -> AutoresetMode:
    """The mode of that name, Gymnasium's own spelling ("SameStep") among them."""
    if isinstance(value, AutoresetMode):
        return value
    modes = {mode.name.lower(): mode for mode in AutoresetMode}
    spellings = modes | {mode.value: mode for mode in AutoresetMode}
    if not isinstance(value, str) or value not in spellings:
        require_choice("autoreset_mode", value, tuple(modes))
    return spellings[value]
