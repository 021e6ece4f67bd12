"""The environment: a batch of glimpse episodes that step together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import logger
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from glimpse_env import arguments, counter_hash, episode, infos, spaces
from glimpse_env.actions import read as read_actions
from glimpse_env.backend import Array
from glimpse_env.eye import Eye
from glimpse_env.rows import Rows
from glimpse_env.tasks.build import make_backend_and_task
from glimpse_env.trace import Trace

if TYPE_CHECKING:
    from glimpse_env.window import Window

_ARGUMENTS = (
    "num_envs task split glimpse_size num_scales glimpses_per_label context_size initial_gaze "
    "stop_on_mistake autoreset_mode backend device data_dir render_mode"
).split()


class GlimpseVectorEnv(VectorEnv[dict[str, Array], dict[str, Array], Array]):
    """DOCSTRING."""

    metadata = {  # noqa: RUF012 (Gymnasium declares it so)
        "render_modes": ["rgb_array", "human"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    _window: Window | None = None  # opened when first shown

    def __init__(
        self,
        num_envs: int = 1,
        *,
        task: str = "arrays",
        split: str = "train",
        glimpse_size: int = 12,
        num_scales: int = 2,
        glimpses_per_label: int = 3,
        context_size: int = 0,
        initial_gaze: str = "random",
        stop_on_mistake: bool = True,
        autoreset_mode: str | AutoresetMode = "next_step",
        backend: str = "numpy",
        device: str = "cpu",
        data_dir: str | None = None,
        render_mode: str | None = None,
        **task_options: Any,
    ) -> None:
        """Load the task and allocate the state; the arguments are described above."""
        given = dict(locals())
        self._recipe = {name: given[name] for name in _ARGUMENTS} | task_options
        arguments.require_at_least("num_envs", num_envs, 1)
        arguments.require_at_least("glimpses_per_label", glimpses_per_label, 1)
        arguments.require_at_least("context_size", context_size, 0)
        arguments.require_choice("initial_gaze", initial_gaze, arguments.INITIAL_GAZES)
        arguments.require_choice("render_mode", render_mode, arguments.RENDER_MODES)
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.autoreset_mode = arguments.parse_autoreset_mode(autoreset_mode)
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        self._initial_gaze = initial_gaze
        self._backend, self.task = make_backend_and_task(
            task, backend=backend, device=device, split=split, data_dir=data_dir, **task_options
        )
        self.rules = episode.Rules(
            glimpses_per_label=glimpses_per_label,
            num_classes=self.task.num_classes,
            max_labels=self.task.max_labels,
            has_end=self.task.has_end,
            stop_on_mistake=bool(stop_on_mistake),
            sees_at_reset=initial_gaze != "none",
        )
        self._eye = Eye(
            self._backend,
            self.task,
            number=num_envs,
            glimpse_size=glimpse_size,
            num_scales=num_scales,
            context_size=context_size,
        )
        self.single_observation_space = spaces.observation_space(
            self._eye.glimpse_shape, self._eye.context_shape
        )
        self.single_action_space = spaces.action_space(self.rules.num_labels)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._has_context = context_size > 0
        self._rows = Rows.unborn(self._backend, num_envs, self.rules)
        self._clocks = frozenset({episode.OVER})
        self._begun = False
        self._trace = Trace(num_envs) if render_mode else None
        self._label_range = f"action['label'] must be in 0 .. {self.rules.num_labels - 1}"
        self._low, self._high = self._backend.asarray([[-1.0], [1.0]], "float32")
        self._three = self._backend.arange(3)
        self._row_numbers = self._backend.arange(num_envs)
        self._none = self._backend.zeros((num_envs,), "bool")
        self._all = self._backend.ones((num_envs,), "bool")

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[dict[str, Array], dict[str, Any]]:
        """Begin an episode in every row, or in some.

        Args:
            seed: Row i is seeded with `seed + i`, or with the i-th number of a sequence; None goes
                on with the episodes that the last seeds give.
            options: `index`: which image (an integer, or one a row), instead of the one that
                follows from seed and episode. `reset_mask`: bool (num_envs,), which rows to reset;
                the others stay as they are.

        Returns:
            The observations and infos of all rows.

        Raises:
            InvalidArgument: Seeds, indices, masks or options that cannot be.
        """
        options = options or {}
        arguments.require_known("options", options, ("index", "reset_mask"))
        seeds = arguments.parse_seeds(seed, self.num_envs)
        mask = self._reset_mask(options)
        pinned = arguments.parse_index(options.get("index"), self.num_envs, self.task.size)
        super().reset(seed=next((s for s in seeds if s is not None), None))
        self._seed(seeds, mask)
        whole = "reset_mask" not in options
        self._clocks = (frozenset() if whole else self._clocks) | {self._first_clock}
        self._begun = True
        self._begin(mask, None if pinned is None else self._backend.asarray(pinned, "int64"))
        return self._observe(), infos.present(self._backend, self._rows, mask)

    def _seed(self, seeds: list[int | None], mask: Array) -> None:
        """Seed the rows in `mask` that are given a seed, and at first every row."""
        seed, backend = self._rows.seed, self._backend
        if not self._begun:
            first = int(self.np_random.integers(2**31))
            seed(backend, self._row_numbers + first, self._all)
        if any(s is not None for s in seeds):
            given = backend.asarray([s is not None for s in seeds], "bool")
            seed(backend, backend.asarray([s or 0 for s in seeds], "int64"), mask & given)

    def _reset_mask(self, options: Mapping[str, Any]) -> Array:
        if "reset_mask" not in options:
            return self._all
        mask = options["reset_mask"]
        if self._backend.name == "torch" and hasattr(mask, "is_cuda"):
            mask = self._backend.to_numpy(mask)
        return self._backend.asarray(arguments.parse_reset_mask(mask, self.num_envs), "bool")

    @property
    def device(self) -> str:
        """Where arrays live: "cpu" or a torch device."""
        return self._backend.device

    @property
    def backend_name(self) -> str:
        """"numpy" or "torch"."""
        return self._backend.name

    @property
    def _first_clock(self) -> int:
        return int(self.rules.sees_at_reset)

    def _begin(self, mask: Array, pinned: Array | None = None) -> None:
        """Begin the next episode of the rows in `mask`."""
        chosen = self._backend.rows(mask)
        if not len(chosen):
            return
        keep, rows = mask[chosen], self._rows
        rows.episode = rows.episode + mask
        numbers = rows.draws(chosen, self._three)
        index = counter_hash.below(numbers[:, 0], self.task.size)
        if pinned is not None:
            index = pinned[chosen]
        labels = self.task.labels(index)
        rows.begin(
            self._backend,
            chosen,
            keep,
            index=index,
            labels=labels,
            targets=episode.targets(self._backend, labels, self.rules),
            seen=self._backend.zeros((len(chosen),), "int64") + self._first_clock,
            gaze=self._first_gaze(numbers[:, 1:]),
        )
        rows.over = rows.over & ~mask
        self._eye.turn_to(chosen, index, keep)
        self._look_up_target()
        self._notice_due()
        if self._trace:
            self._trace.begin(*self._on_host(mask, rows.gaze), seen=self.rules.sees_at_reset)
            self._show()

    def _first_gaze(self, numbers: Array) -> Array:
        gaze = self._backend.cast(counter_hash.signed_unit(numbers), "float32")
        return gaze if self._initial_gaze == "random" else gaze * 0

    def _look_up_target(self) -> None:
        rows = self._rows
        target = rows.targets[self._row_numbers, rows.said]
        rows.target = self._backend.xp.where(rows.over, -1, target)

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Array], Array, Array, Array, dict[str, Any]]:
        """Judge the labels that are due, then move the eyes.

        Args:
            actions: `gaze`: float (num_envs, 2), clipped to [-1, 1]. `label`: int (num_envs,),
                read where the last observation's `emit` is 1 and otherwise ignored.

        Returns:
            Observations, rewards, terminations, truncations (always False) and infos.

        Raises:
            ResetNeeded: `reset` has not been called.
            InvalidAction: A missing key, a wrong shape, a gaze that is not finite, or a label that
                is due and outside the label space.
        """
        if not self._begun:
            raise ResetNeeded("call reset() before the first step()")
        gaze, label = read_actions(self._backend, actions, self.num_envs)
        before, was_over = self._clocks, self._rows.over
        reward = self._judge(label)
        self._clocks = episode.next_clocks(self.rules, before - {episode.OVER})
        self._move(gaze, may_be_over=episode.OVER in before | self._clocks)
        terminated, extra = self._rows.over, {}
        if episode.OVER in self._clocks:
            extra = infos.ended(self._backend, self._rows, terminated & ~was_over, self.rules)
        if self.autoreset_mode == AutoresetMode.SAME_STEP:
            extra = self._reset_same_step(terminated, extra)
        elif episode.OVER in before and self.autoreset_mode == AutoresetMode.NEXT_STEP:
            self._clocks |= {self._first_clock}
            self._begin(was_over)
            terminated = self._rows.over
        elif episode.OVER in before:
            self._clocks |= {episode.OVER}
        info = infos.present(self._backend, self._rows, self._all)
        return (
            self._observe(),
            reward,
            self._backend.copy(terminated),
            self._backend.zeros((self.num_envs,), "bool"),
            info | extra if extra else info,
        )

    def _reset_same_step(self, ended: Array, info: dict[str, Any]) -> dict[str, Any]:
        """Begin anew in the rows that have ended; returns the info of what has ended."""
        if not info or (self._backend.eager and not ended.any()):
            return {}
        info = infos.present(self._backend, self._rows, ended) | info
        final = infos.final(self._backend, self._observe(), info, ended)
        self._clocks = (self._clocks - {episode.OVER}) | {self._first_clock}
        self._begin(ended)
        return final

    def _judge(self, label: Array) -> Array:
        """Judge the labels that are due; returns the rewards."""
        rows, backend = self._rows, self._backend
        if not episode.any_may_be_due(self.rules, self._clocks):
            return backend.zeros((self.num_envs,), backend.float_reward)
        inside = label // self.rules.num_labels == 0
        backend.require(inside | ~rows.due, self._label_range, label)
        verdict = episode.judge(self.rules, rows.due, rows.said, label, rows.target)
        rows.record(backend, verdict, label, self.rules)
        self._look_up_target()
        if self._trace:
            self._trace.say(*self._on_host(verdict.due, label, verdict.right))
        return backend.cast(verdict.right, backend.float_reward)

    def _move(self, gaze: Array, *, may_be_over: bool) -> None:
        """Move the eyes of the rows that go on."""
        rows, xp = self._rows, self._backend.xp
        gaze = xp.minimum(xp.maximum(gaze, self._low), self._high)
        if may_be_over:
            rows.gaze = xp.where(rows.over[:, None], rows.gaze, gaze)
            rows.seen = rows.seen + ~rows.over
        else:
            rows.gaze = gaze
            rows.seen = rows.seen + 1
        self._notice_due()
        if self._trace:
            self._trace.look(*self._on_host(~rows.over, rows.gaze))
            self._show()

    def _notice_due(self) -> None:
        rows = self._rows
        if episode.any_may_be_due(self.rules, self._clocks):
            rows.due = episode.label_due(self.rules, rows.seen, rows.said)
        else:
            rows.due = self._none

    def _on_host(self, *arrays: Array) -> list[np.ndarray[Any, np.dtype[Any]]]:
        return [self._backend.to_numpy(array) for array in arrays]

    def _observe(self) -> dict[str, Array]:
        """The present observation of every row, in arrays that nobody else holds."""
        rows, backend = self._rows, self._backend
        glimpse = self._eye.look(rows.gaze)
        if 0 in self._clocks:  # nothing seen yet
            glimpse = glimpse * (rows.seen > 0)[:, None, None, None]
        observation = {
            "glimpse": glimpse,
            "location": backend.copy(rows.gaze),
            "emit": backend.cast(rows.due, "int64"),
        }
        if self._has_context:
            observation["context"] = self._eye.context()
        return observation

    def render(self) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], ...] | None:
        """One frame a row: the image, the gaze path, the boxes of every scale, the last label.

        Returns:
            uint8 (height, width, 3) frames with `render_mode="rgb_array"`, None with "human" (a
            window shows them).

        Raises:
            ResetNeeded: `reset` has not been called.
            DisplayUnavailable: `render_mode="human"` without a display.
        """
        if self._trace is None:
            logger.warn('nothing is rendered: make the environment with render_mode="rgb_array"')
            return None
        if not self._begun:
            raise ResetNeeded("call reset() before the first render()")
        self._show()
        return None if self.render_mode == "human" else tuple(self._frames(self.num_envs))

    def _show(self) -> None:
        """Bring the window up to date, if there is to be one."""
        if self.render_mode == "human":
            from glimpse_env import window  # loads OpenCV

            name = self.spec.id if self.spec else "glimpse_env"
            self._window = self._window or window.Window(name)
            frames = self._frames(min(self.num_envs, window.MOST_FRAMES))
            self._window.show(frames, self.metadata["render_fps"])

    def _frames(self, number: int) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
        """The frames of the first rows."""
        from glimpse_env.rendering import draw_frames  # loads OpenCV

        assert self._trace is not None
        rows, end = self._rows, self.rules.num_classes
        images = self.task.images(rows.index[:number])
        images, targets = self._on_host(images, rows.targets[:number])
        seen = {key: self._backend.to_numpy(value) for key, value in self._observe().items()}
        return draw_frames(images, seen, self._trace, targets=targets, end=end)

    def close_extras(self) -> None:
        """Close the window, if there is one."""
        if self._window:
            self._window.close()

    def __getstate__(self) -> dict[str, Any]:
        """All but the pixels, which the task gives back."""
        return {k: v for k, v in self.__dict__.items() if k not in ("task", "_eye", "_backend")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Load the task again and put every row before its image."""
        fresh = type(self)(**state["_recipe"])
        self.__dict__.update({**fresh.__dict__, **state})
        if self._begun:
            self._eye.turn_to(self._backend.arange(self.num_envs), self._rows.index, self._all)
