"""The environment: a batch of glimpse episodes that step together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import logger
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from glimpse_env import arguments, infos, spaces
from glimpse_env.actions import read
from glimpse_env.backend import Array
from glimpse_env.episode import OVER, Rules
from glimpse_env.episodes import Episodes
from glimpse_env.eye import Eye
from glimpse_env.tasks.build import make_backend_and_task
from glimpse_env.viewer import Viewer


class GlimpseVectorEnv(VectorEnv[dict[str, Array], dict[str, Array], Array]):
    """B images, of each of which an agent sees only what it looks at, and reads the labels.

    ## Description
    An agent looks at an image through glimpses: small squares around its gaze, sharp in the middle
    and coarse around. After every N = `glimpses_per_label` glimpses it says one label. These are
    the tasks of Mnih et al. 2014 (*Recurrent Models of Visual Attention*, RAM) and Ba et al. 2014
    (*Multiple Object Recognition with Visual Attention*, DRAM).

    ## Action Space
    A dictionary: where to look next, and what to say now. One action does both. The label, if one
    is due, is judged from the glimpses seen so far; then the eye moves.

    | key | space of one row | meaning |
    |---|---|---|
    | `gaze` | Box(-1, 1, (2,), float32) | (x, y): (0, 0) is the centre, (-1, -1) the top left corner of the image, (1, 1) its bottom right corner; clipped. Not read in the last step. |
    | `label` | Discrete(n) | the label said; read only where `emit` is 1. In sequence tasks n - 1 means "end". |

    ## Observation Space
    K scales, C channels, g x g cells a glimpse, c x c cells of context.

    | key | space of one row | meaning |
    |---|---|---|
    | `glimpse` | Box(0, 1, (K * C, g, g), float32) | the glimpse just taken, finest scale first; zeros before the first |
    | `location` | Box(-1, 1, (2,), float32) | where it was taken |
    | `emit` | Discrete(2) | 1 if the label of the next action will be read |
    | `context` | Box(0, 1, (C, c, c), float32) | the whole image, box-averaged; only with `context_size` > 0 |

    At gaze l = (x, y) let p = (l + 1) / 2 * (W, H), in pixels. Scale k covers the square of side
    g * 2^k whose top left pixel is floor(p - side / 2 + 0.5); each cell is the exact mean of
    2^k x 2^k pixels; pixels outside the image are 0.

    ## Rewards
    1.0 for a right label, 0.0 for a wrong one and on every other step. The return up to label s is
    the cumulative R_s of DRAM, eq. 16.

    ## Starting State
    With `initial_gaze="none"` nothing has been seen, and S labels take N * S + 1 steps. With
    "center" or "random" the reset shows a first glimpse, as in RAM, and they take N * S steps.

    ## Episode End
    A single-label task ends (`terminated`) with its label. A sequence ends when "end" is said, when
    `max_labels` + 1 labels have been said, or, with `stop_on_mistake`, at the first wrong label.
    Nothing is ever truncated. With `autoreset_mode="disabled"` a row that has ended stays as it is,
    `terminated` and with reward 0, until it is reset.

    ## Info
    `labels` (L,) padded with -1, `target` (the label due now or next, -1 for none) and `index`
    (which image); at the end of an episode `emitted` (L,) padded with -1, `sequence_correct`, and
    `episode` with return `r` and length `l`. Each has a mask of the rows it holds for under the
    same key after an underscore. The targets are for learners that use them, as the papers' do; an
    agent that reads only the reward is pure reinforcement learning.

    ## Arguments
    Args:
        num_envs: B.
        task: "mnist", "house_numbers", "svhn" or "arrays" (your own).
        split: "train", "validation" or "test". A held-out split is a fixed set of images.
        glimpse_size: g.
        num_scales: K.
        glimpses_per_label: N.
        context_size: c; 0 for no context.
        initial_gaze: "none", "center" or "random".
        stop_on_mistake: Whether a wrong label ends a sequence.
        autoreset_mode: "next_step", "same_step" or "disabled", as in Gymnasium.
        backend: "numpy", or "torch": tensors that never leave `device`.
        device: Torch device.
        data_dir: Folder of data files, or None for `GLIMPSE_DATA` or the user cache.
        render_mode: None, "rgb_array" or "human".
        **task_options: Keywords of the task; `images`, `labels` and `num_classes` for "arrays"
            (see glimpse_env/tasks/).

    Raises:
        InvalidArgument: A value that cannot work; the message says what can.
        MissingData: A data file is neither on disk nor to be downloaded.
        CorruptedData: A data file is not what it must be.
        CacheUnavailable: There is no room for a download, or for what is made from it.
        MissingPackage: The task needs an optional package.

    ## Version History
    * v0: first release.
    """  # noqa: E501 (tables cannot be broken)

    metadata = {  # noqa: RUF012 (Gymnasium declares it so)
        "render_modes": ["rgb_array", "human"],
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

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
        keywords = GlimpseVectorEnv.__init__.__kwdefaults__ or {}
        self._recipe = {name: given[name] for name in keywords} | task_options
        arguments.require_at_least("num_envs", num_envs, 1)
        arguments.require_at_least("glimpses_per_label", glimpses_per_label, 1)
        arguments.require_at_least("context_size", context_size, 0)
        arguments.require_choice("stop_on_mistake", stop_on_mistake, (False, True))
        arguments.require_choice("initial_gaze", initial_gaze, arguments.INITIAL_GAZES)
        arguments.require_choice("render_mode", render_mode, arguments.RENDER_MODES)
        self.num_envs = num_envs
        self.render_mode = render_mode
        if not isinstance(autoreset_mode, AutoresetMode):
            arguments.require_choice("autoreset_mode", autoreset_mode, arguments.AUTORESET_MODES)
            autoreset_mode = AutoresetMode[autoreset_mode.upper()]
        self.autoreset_mode = autoreset_mode
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}
        self._backend, self.task = make_backend_and_task(
            task, backend=backend, device=device, split=split, data_dir=data_dir, **task_options
        )
        self.rules = Rules(
            glimpses_per_label=glimpses_per_label,
            num_classes=self.task.num_classes,
            max_labels=self.task.max_labels,
            has_end=self.task.has_end,
            stop_on_mistake=bool(stop_on_mistake),
            sees_at_reset=initial_gaze != "none",
        )
        eye = Eye(
            self._backend,
            self.task,
            number=num_envs,
            glimpse_size=glimpse_size,
            num_scales=num_scales,
            context_size=context_size,
        )
        self._episodes = Episodes(self._backend, self.task, self.rules, eye, num_envs, initial_gaze)
        self._begun = False
        self._viewer = None
        if render_mode:
            fps = self.metadata["render_fps"]
            self._viewer = Viewer(self._episodes, num_envs, render_mode, fps)
        self.single_observation_space = spaces.observation_space(
            eye.glimpse_shape, eye.context_shape
        )
        self.single_action_space = spaces.action_space(self.rules.num_labels)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    @property
    def device(self) -> str:
        """Where arrays live: "cpu" or a torch device."""
        return self._backend.device

    @property
    def backend_name(self) -> str:
        """Whether arrays are NumPy's or torch's: "numpy" or "torch"."""
        return self._backend.name

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
        pinned = arguments.parse_index(options.get("index"), self.num_envs, self.task.size)
        mask, episodes = self._reset_mask(options), self._episodes
        super().reset(seed=next((value for value in seeds if value is not None), None))
        self._seed(seeds, mask)
        running = episodes.clocks if "reset_mask" in options else frozenset()
        episodes.clocks = running | {episodes.first_clock}
        self._begun = True
        self._begin(mask, None if pinned is None else self._backend.asarray(pinned, "int64"))
        return episodes.observe(), infos.present(self._backend, episodes.rows, mask)

    def _seed(self, seeds: list[int | None], mask: Array) -> None:
        """Seed the rows in `mask` that are given a seed, and at first every row."""
        seed, backend = self._episodes.rows.seed, self._backend
        if not self._begun:
            first = int(self.np_random.integers(2**31))
            seed(backend, backend.arange(self.num_envs) + first, self._episodes.everyone)
        if any(value is not None for value in seeds):
            given = backend.asarray([value is not None for value in seeds], "bool")
            values = backend.asarray([value or 0 for value in seeds], "int64")
            seed(backend, values, mask & given)

    def _reset_mask(self, options: Mapping[str, Any]) -> Array:
        if "reset_mask" not in options:
            return self._episodes.everyone
        mask = options["reset_mask"]
        if self._backend.name == "torch" and hasattr(mask, "is_cuda"):
            mask = self._backend.to_numpy(mask)
        return self._backend.asarray(arguments.parse_reset_mask(mask, self.num_envs), "bool")

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Array], Array, Array, Array, dict[str, Any]]:
        """Judge the labels that are due, then move the eyes.

        Args:
            actions: `gaze`: real numbers (num_envs, 2), clipped to [-1, 1]. `label`: integers
                (num_envs,), read where the last observation's `emit` is 1.

        Returns:
            Observations, rewards, terminations, truncations (always False) and infos.

        Raises:
            ResetNeeded: `reset` has not been called.
            InvalidAction: A missing key, a wrong shape or dtype, a gaze that is not finite, or a
                label that is due and outside the label space. Nothing has changed then.
        """
        if not self._begun:
            raise ResetNeeded("call reset() before the first step()")
        gaze, label = read(self._backend, actions, self.num_envs)
        backend, episodes = self._backend, self._episodes
        before, was_over = episodes.clocks, episodes.rows.over
        reward, verdict = episodes.advance(gaze, label)
        if self._viewer:
            self._viewer.follow(label, verdict, self._title)
        ended, extra = episodes.rows.over, {}
        if OVER in episodes.clocks:
            extra = infos.ended(backend, episodes.rows, ended & ~was_over, self.rules)
        if self.autoreset_mode == AutoresetMode.SAME_STEP:
            extra = self._reset_same_step(ended, extra)
        elif OVER in before and self.autoreset_mode == AutoresetMode.NEXT_STEP:
            episodes.clocks |= {episodes.first_clock}
            self._begin(was_over)
            ended = episodes.rows.over
        elif OVER in before:
            episodes.clocks |= {OVER}
        info = infos.present(backend, episodes.rows, episodes.everyone)
        info.update(extra)
        truncated = backend.zeros((self.num_envs,), "bool")
        return episodes.observe(), reward, backend.copy(ended), truncated, info

    def _reset_same_step(self, ended: Array, info: dict[str, Any]) -> dict[str, Any]:
        """Begin anew in the rows that have ended; returns the info of what has ended."""
        backend, episodes = self._backend, self._episodes
        if not info or (backend.eager and not ended.any()):
            return {}
        info = infos.present(backend, episodes.rows, ended) | info
        final = infos.final(backend, episodes.observe(), info, ended)
        episodes.clocks = (episodes.clocks - {OVER}) | {episodes.first_clock}
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
        """One frame a row: the image, the gaze path, the boxes of every scale, the last label.

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

    def __getstate__(self) -> dict[str, Any]:
        """All but the pixels, which the task gives back, and the window."""
        left_out = ("task", "_backend", "_episodes", "_viewer")
        state = {key: value for key, value in self.__dict__.items() if key not in left_out}
        trace = self._viewer.trace if self._viewer else None
        return state | {"_past": self._episodes.state(), "_trace": trace}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Load the task again and put every row before its image."""
        past, trace = state.pop("_past"), state.pop("_trace")
        fresh = type(self)(state["num_envs"], **state["_recipe"])
        self.__dict__.update({**fresh.__dict__, **state})
        if self._viewer:
            self._viewer.trace = trace
        if self._begun:
            self._episodes.take_over(past)
