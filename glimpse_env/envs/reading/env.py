"""The environment in which labels are read: a batch of glimpse episodes that step together."""

from __future__ import annotations

from typing import Any

from gymnasium.vector import AutoresetMode

from glimpse_env.envs.gaze.env import GazeEnv
from glimpse_env.envs.gaze.episodes import INITIAL_GAZES
from glimpse_env.envs.gaze.resets import refuse_time_limit
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.episodes import PlayedReading, ReadingEpisodes
from glimpse_env.envs.reading.rules import Rules
from glimpse_env.errors import (
    InvalidArgument,
    require_between,
    require_choice,
    require_flag,
    require_not_negative,
)
from glimpse_env.sight.eye import TaskEye
from glimpse_env.tasks.backward import BackwardTask
from glimpse_env.tasks.build import make_backend_and_task, resolved

MAX_GLIMPSES = 8  # before a label, where the agent decides
MOST_GLIMPSES = 1_000_000  # that can be asked for


class GlimpseVectorEnv(PlayedReading, GazeVectorEnv):
    """B images, of each of which an agent sees only what it looks at, and reads the labels.

    Every id, whose keywords `gymnasium.spec(id).kwargs` has, has a page: docs/environments/ID.md in
    the repository, with pictures, its own spaces, keywords and defaults, and scores.

    ## Description
    An agent looks at an image through glimpses: small squares around its gaze, sharp in the middle
    and coarse around. After every N = `glimpses_per_label` glimpses it says one label; with N = 0
    it decides for itself when it has seen enough. But for N = 0, these are the tasks of Mnih et al.
    2014 (*Recurrent Models of Visual Attention*, RAM) and Ba et al. 2014 (*Multiple Object
    Recognition with Visual Attention*, DRAM).

    ## Action Space
    A dictionary: where to look next, and what to say now. One action does both. The label, if one
    is due, is judged from the glimpses seen so far; then the eye moves.

    | key | space of one row | meaning |
    |---|---|---|
    | `gaze` | Box(-1, 1, (2,), float32) | (x, y): (0, 0) is the centre, (-1, -1) the top left corner of the image, (1, 1) its bottom right corner; clipped. Not read in the last step. With `zoom=True` (3,): see below. |
    | `label` | Discrete(n) | the label said; read only where `emit` is 1. Classes come first; in sequence tasks one number more, the number of classes (10 for digits), means "end". With N = 0 one more still, n - 1, means "keep looking". |

    ## Observation Space
    K scales, C channels, g x g cells a glimpse, c x c cells of context.

    | key | space of one row | meaning |
    |---|---|---|
    | `glimpse` | Box(0, 1, (K * C, g, g), float32) | the glimpse just taken, finest scale first; zeros before the first |
    | `location` | Box(-1, 1, (2,), float32) | the gaze, clipped, at which it was taken |
    | `emit` | Discrete(2) | 1 if the label of the next action will be read |
    | `context` | Box(0, 1, (C, c, c), float32) | the whole image, box-averaged; only with `context_size` > 0 |

    At gaze l = (x, y) let p = (l + 1) / 2 * (W, H), in pixels. Scale k covers the square of side
    g * 2^k whose top left pixel is floor(p - side / 2 + 0.5); each cell is the exact mean of
    2^k x 2^k pixels; pixels outside the image are 0.

    With `zoom=True` gaze and location have a third number, z in [-1, 1]: how far the eye has zoomed
    out. All scales double n times, so that scale k covers a square of side g * 2^(k + n). The range
    of z falls into E + 1 equal parts, one for each n = 0 .. E: n = min(floor((z + 1) / 2 * (E + 1)),
    E). At z = -1 a glimpse is as without a zoom; at z = 1 its coarsest scale is as wide as the image
    or wider: E is the least number with g * 2^(K - 1 + E) >= max(H, W), but at least 1, and no more
    than 9 - K. A reset shows z = -1.

    ## Rewards
    1.0 for a right label, 0.0 for a wrong one and on every other step. The return up to label s is
    the cumulative R_s of DRAM, eq. 16. With N = 0 every glimpse after the reset takes off
    `glimpse_cost`.

    ## Starting State
    With `initial_gaze="none"` nothing has been seen, and S labels take N * S + 1 steps. With
    "center" or "random" the reset shows a first glimpse, as in RAM, and they take N * S steps.
    With N = 0 each label may be said after one glimpse and must be said after `max_glimpses`: who
    still keeps looking then has said nothing, which is wrong.

    For a curriculum, `reset(options={"num_distractors": 2})` makes the task another one from there
    on: `min_digits`, `max_digits` and `num_distractors`, where the task has them. All is then as in
    an environment made with that keyword, `max_labels` and so the shapes of infos among it; spaces
    stay, and `spec` is still that of the environment as it was made.

    ## Episode End
    A single-label task ends (`terminated`) with its label. A sequence ends when "end" is said, when
    `max_labels` + 1 labels have been said, or, with `stop_on_mistake`, at the first wrong label.
    Nothing is ever truncated. As in Gymnasium, with `autoreset_mode="next_step"` the step after the
    end ignores its action, earns 0 and shows the next episode's reset, and with "same_step" the
    last step shows it at once. Its own observation is then in `info["final_obs"]` (NumPy: an array
    with a dictionary or None a row; torch: a dictionary of batched tensors) and its own info in
    `info["final_info"]`. With `autoreset_mode="disabled"` a row that has ended stays as it is,
    `terminated` and with reward 0, until it is reset.

    ## Info
    `labels` (L,) padded with -1, `target` (the label due now or next, -1 for none) and `index`
    (which image); at the end of an episode `emitted` (L,) padded with -1, `sequence_correct`, and
    `episode` with return `r` and length `l` (with "same_step" all in `final_info`, and `episode` in
    the info itself, too). Each has a mask of the rows it holds for under the same key after an
    underscore. On NumPy the keys of an end are there in steps in which a row has ended, on torch,
    which does not look, in all in which one can. The targets are for learners that use them, as the
    papers' do; an agent that reads only the reward is pure reinforcement learning. Gymnasium's
    `vector.RecordEpisodeStatistics` finds `episode` taken and refuses: it is not needed, or wants a
    `stats_key` of its own. (The single environment leaves `episode` to the wrapper.)

    ## Arguments
    Args:
        num_envs: B, how many images are read side by side.
        task: "mnist", "house_numbers", "svhn" or "arrays" (your own, from memory or from files).
        split: "train", "validation" or "test". A held-out split is a fixed set of images. Arrays
            from memory are the same in every split.
        glimpse_size: g, cells along a side of a glimpse.
        num_scales: K, squares in a glimpse, each twice as wide as the one before.
        zoom: Whether a third number of the gaze chooses the finest scale (see above).
        glimpses_per_label: N, glimpses before each label; 0 lets the agent decide.
        max_glimpses: With N = 0, the most glimpses before a label; None for 8.
        glimpse_cost: With N = 0, what a glimpse costs, in units of the reward for a label.
        context_size: c, cells along a side of the context; 0 for none.
        initial_gaze: Where a reset looks: "none" (it shows nothing), "center" or "random".
        stop_on_mistake: Whether a wrong label ends a sequence.
        backward: Whether the labels are due from last to first (DRAM's backward reader).
        autoreset_mode: Of a batch, what follows an end: "next_step", "same_step" or "disabled", or
            Gymnasium's `AutoresetMode`.
        backend: "numpy", or "torch": tensors that never leave `device`.
        device: Torch device, such as "cuda:0".
        data_dir: Folder of data files, or None for `GLIMPSE_DATA` or the user cache.
        render_mode: None, "rgb_array" (frames of `render`) or "human" (a window).
        **task_options: Keywords of the task (see glimpse_env/tasks/). For "arrays": `images`,
            `labels` and `num_classes`; or `image_folder` and `label_file`, a CSV file with the
            columns `file` and `labels` (see glimpse_env/tasks/own_images/label_file.py), and then `image_size`,
            which scales images to fit a square of that side, `color`, `background` (the grey seen
            through transparent pixels), `max_pixels` of a file, `outside_folder`, and `num_classes`
            where the file does not have the largest label.

    Raises:
        InvalidArgument: A value that cannot work; the message says what can.
        MissingData: A data file is neither on disk nor to be downloaded.
        CorruptedData: A data file is not what it must be.
        CacheUnavailable: There is no room for a download, or for what is made from it.
        MissingPackage: The task needs an optional package.

    ## Version History
    * v0: first release.
    """  # noqa: E501 (tables cannot be broken)

    choice = "label"
    known = ("labels", "target", "index")
    outcome = ("emitted", "sequence_correct")
    changeable = ("min_digits", "max_digits", "num_distractors")

    def __init__(
        self,
        num_envs: int = 1,
        *,
        task: str = "arrays",
        split: str = "train",
        glimpse_size: int = 12,
        num_scales: int = 2,
        zoom: bool = False,
        glimpses_per_label: int = 3,
        max_glimpses: int | None = None,
        glimpse_cost: float = 0.0,
        context_size: int = 0,
        initial_gaze: str = "random",
        stop_on_mistake: bool = True,
        backward: bool = False,
        autoreset_mode: str | AutoresetMode = "next_step",
        backend: str = "numpy",
        device: str = "cpu",
        data_dir: str | None = None,
        render_mode: str | None = None,
        **task_options: Any,
    ) -> None:
        refuse_time_limit(task_options)
        data_dir, task_options = resolved(task, data_dir, task_options)
        given = dict(locals())
        keywords = GlimpseVectorEnv.__init__.__kwdefaults__ or {}
        recipe = {name: given[name] for name in keywords} | task_options
        super().__init__(num_envs, recipe, autoreset_mode=autoreset_mode, render_mode=render_mode)
        glimpses_per_label = require_between(
            "glimpses_per_label", glimpses_per_label, 0, MOST_GLIMPSES
        )
        if max_glimpses is not None:
            max_glimpses = require_between("max_glimpses", max_glimpses, 1, MOST_GLIMPSES)
        glimpse_cost = require_not_negative("glimpse_cost", glimpse_cost)
        if glimpses_per_label and (max_glimpses is not None or glimpse_cost):
            raise InvalidArgument(
                f"max_glimpses={max_glimpses} and glimpse_cost={glimpse_cost} are for "
                f"glimpses_per_label=0, where the agent decides; here it is {glimpses_per_label}"
            )
        stop_on_mistake = require_flag("stop_on_mistake", stop_on_mistake)
        backward = require_flag("backward", backward)
        zoom = require_flag("zoom", zoom)
        require_choice("initial_gaze", initial_gaze, INITIAL_GAZES)
        made, shown = make_backend_and_task(
            task, backend=backend, device=device, split=split, data_dir=data_dir, **task_options
        )
        if backward:
            shown = BackwardTask(made, shown)
        rules = Rules(
            glimpses_per_label=glimpses_per_label,
            max_glimpses=glimpses_per_label or max_glimpses or MAX_GLIMPSES,
            num_classes=shown.num_classes,
            max_labels=shown.max_labels,
            has_end=shown.has_end,
            stop_on_mistake=stop_on_mistake,
            sees_at_reset=initial_gaze != "none",
        )
        eye = TaskEye(
            made,
            shown,
            number=self.num_envs,
            glimpse_size=glimpse_size,
            num_scales=num_scales,
            zoom=zoom,
            context_size=context_size,
        )
        episodes = ReadingEpisodes(
            made, shown, rules, eye, self.num_envs, initial_gaze, glimpse_cost
        )
        self._play(episodes, emits=True)


class GlimpseEnv(PlayedReading, GazeEnv):
    """One image at a time; see `GlimpseVectorEnv` for what it shows, takes and rewards.

    Every id has a page: docs/environments/ID.md in the repository. `gymnasium.make` puts wrappers
    around it: `env.unwrapped.size` and the other properties, which are those of a batch.
    """

    vector_class = GlimpseVectorEnv
