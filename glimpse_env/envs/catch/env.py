"""The game of Catch through glimpses: a batch of games that step together."""

from __future__ import annotations

from typing import Any

from gymnasium.vector import AutoresetMode

from glimpse_env.backend import make_backend
from glimpse_env.envs.catch.episodes import CatchEpisodes, PlayedCatch
from glimpse_env.envs.catch.rules import CatchGame
from glimpse_env.envs.gaze.env import GazeEnv
from glimpse_env.envs.gaze.episodes import INITIAL_GAZES
from glimpse_env.envs.gaze.resets import refuse_time_limit
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.errors import UnknownKeyword, require_choice, require_flag
from glimpse_env.sight.eye import Eye
from glimpse_env.tasks.task import SPLITS


class CatchVectorEnv(PlayedCatch, GazeVectorEnv):
    """B games of Catch, of which an agent sees only what it looks at.

    A picture and scores are on the page of its id, docs/environments/GlimpseCatch-v0.md in the
    repository.

    ## Description
    A ball of one pixel falls from the top of a black screen of n x n pixels and bounces off its
    sides; the agent pushes a paddle of two pixels along the bottom row to catch it. It sees the
    screen through a retina, so that it must have the ball in the sharp middle of a glimpse to know
    where it is exactly. This is the dynamic environment of Mnih et al. 2014 (*Recurrent Models of
    Visual Attention*, section 4.2).

    ## Action Space
    A dictionary: where to look next, and how to push the paddle now. One action does both. The
    paddle moves and the ball falls by one row; then the eye moves and looks.

    | key | space of one row | meaning |
    |---|---|---|
    | `gaze` | Box(-1, 1, (2,), float32) | (x, y): (0, 0) is the centre, (-1, -1) the top left corner of the screen, (1, 1) its bottom right corner; clipped |
    | `move` | Discrete(3) | 0: the paddle goes one pixel to the left, 1: stays, 2: goes to the right |

    ## Observation Space
    K scales, g x g cells a glimpse, c x c cells of context. Neither the time nor the places of
    ball and paddle are told: an agent has to look, and to remember.

    | key | space of one row | meaning |
    |---|---|---|
    | `glimpse` | Box(0, 1, (K, g, g), float32) | the glimpse just taken, finest scale first; zeros before the first |
    | `location` | Box(-1, 1, (2,), float32) | where it was taken |
    | `context` | Box(0, 1, (1, c, c), float32) | the whole screen, box-averaged; only with `context_size` > 0 |

    Glimpses are those of `GlimpseVectorEnv`; with `zoom=True` gaze and location have its third number.

    ## Rewards
    1.0 when the ball reaches the bottom row and the paddle is there, 0.0 otherwise and on every
    other step.

    ## Starting State
    The paper leaves it open. Here the ball is in any column of the top row, its speed to the right
    any multiple of 1/256 pixel a step from -1 to 1, and the paddle anywhere, each uniform; see
    `glimpse_env/envs/catch/rules.py`. With `initial_gaze="none"` nothing has been seen at reset; with
    "center" or "random" the reset shows a first glimpse.

    ## Episode End
    One ball an episode: it is over (`terminated`) after n - 1 steps, when the ball is in the bottom
    row. Nothing is ever truncated. The autoreset modes are those of `GlimpseVectorEnv`: with
    "disabled" a row that has ended stays as it is, `terminated` and with reward 0, until it is
    reset.

    ## Info
    `ball` (its column and row), `paddle` (its left column) and `index` (which game): for people and
    for tests, an agent that learns from them is not playing this game. At the end of an episode
    `caught`, and `episode` with return `r` and length `l`. Each has a mask of the rows it holds for
    under the same key after an underscore. `CatchEnv` leaves `episode` to `RecordEpisodeStatistics`.

    ## Arguments
    Args:
        num_envs: B, how many games are played side by side.
        split: "train", "validation" or "test". A held-out split is a fixed set of 10,000 games.
        screen_size: n, pixels along a side of the screen.
        glimpse_size: g, cells along a side of a glimpse.
        num_scales: K, squares in a glimpse, each twice as wide as the one before.
        zoom: Whether a third number of the gaze chooses the finest scale, see `GlimpseVectorEnv`.
        context_size: c, cells along a side of the context; 0 for none.
        initial_gaze: Where a reset looks: "none" (it shows nothing), "center" or "random".
        autoreset_mode: Of a batch, what follows an end: "next_step", "same_step" or "disabled", or
            Gymnasium's `AutoresetMode`.
        backend: "numpy", or "torch": tensors that never leave `device`.
        device: Torch device, such as "cuda:0".
        render_mode: None, "rgb_array" (frames of `render`) or "human" (a window).

    Raises:
        InvalidArgument: A value that cannot work; the message says what can.

    ## Version History
    * v0: first release.
    """  # noqa: E501 (tables cannot be broken)

    choice = "move"
    known = ("ball", "paddle", "index")
    outcome = ("caught",)

    def __init__(
        self,
        num_envs: int = 1,
        *,
        split: str = "train",
        screen_size: int = 24,
        glimpse_size: int = 6,
        num_scales: int = 3,
        zoom: bool = False,
        context_size: int = 0,
        initial_gaze: str = "random",
        autoreset_mode: str | AutoresetMode = "next_step",
        backend: str = "numpy",
        device: str = "cpu",
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        given = dict(locals())
        keywords = CatchVectorEnv.__init__.__kwdefaults__ or {}
        refuse_time_limit(unknown)
        if unknown:
            raise UnknownKeyword(
                f"got an unexpected keyword argument {min(unknown)!r}; Catch takes "
                f"{', '.join(keywords)}"
            )
        recipe = {name: given[name] for name in keywords}
        super().__init__(num_envs, recipe, autoreset_mode=autoreset_mode, render_mode=render_mode)
        require_choice("split", split, SPLITS)
        zoom = require_flag("zoom", zoom)
        require_choice("initial_gaze", initial_gaze, INITIAL_GAZES)
        made = make_backend(backend, device)
        game = CatchGame(made, split=split, screen_size=screen_size)
        eye = Eye(
            made,
            game.image_shape,
            number=self.num_envs,
            glimpse_size=glimpse_size,
            num_scales=num_scales,
            zoom=zoom,
            context_size=context_size,
        )
        episodes = CatchEpisodes(made, game, eye, self.num_envs, initial_gaze)
        self._play(episodes, emits=False)


class CatchEnv(PlayedCatch, GazeEnv):
    """One game at a time; see `CatchVectorEnv` for what it shows, takes and rewards.

    Its page is docs/environments/GlimpseCatch-v0.md in the repository. `gymnasium.make` puts
    wrappers around it: `env.unwrapped.size` and the other properties, which are those of a batch.
    """

    vector_class = CatchVectorEnv
