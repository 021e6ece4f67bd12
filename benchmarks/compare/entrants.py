"""Who takes part in a comparison: one line for each. To enter an algorithm, add its line here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import NamedTuple

from agents.evaluation.learner import Learner
from benchmarks.compare import others, ours, shaped
from benchmarks.compare.tasks import Task
from glimpse_env.errors import InvalidArgument

Maker = Callable[..., Learner]  # task, seed, budget; options by keyword


class Entrant(NamedTuple):
    """An algorithm with its options."""

    make: Maker | None
    """None for the network that sees whole images, which does not act."""
    about: str
    """One line for tables."""
    labels: bool = False
    """Whether it learns from labels, and not from rewards alone."""
    gaze: str = "policy"
    """Who looks, also when it is tested."""
    tasks: tuple[str, ...] = ()
    """Those that it is for; () for all that it can learn."""
    like: str = ""
    """The entrant whose tuned options it shares; "" for its own."""


ENTRANTS: dict[str, Entrant] = {
    "hybrid": Entrant(ours.hybrid_environment, "ours: cross-entropy and REINFORCE", labels=True),
    "hybrid-probability": Entrant(
        ours.hybrid_probability, "ours, gazes earn the right label's probability", labels=True
    ),
    "hybrid-information": Entrant(
        ours.hybrid_information, "ours, gazes earn information", labels=True
    ),
    "reinforce": Entrant(ours.rewards_alone, "ours, the label is drawn and reinforced"),
    "ram": Entrant(ours.hybrid_environment, "ours: REINFORCE for moves and gazes"),
    "labelled-ppo": Entrant(others.labelled_ppo, "recurrent PPO and cross-entropy", labels=True),
    "recurrent-ppo": Entrant(others.recurrent_ppo, "PPO with an LSTM"),
    "ppo-stack": Entrant(others.ppo_stack, "PPO over the last glimpses"),
    "ppo": Entrant(others.ppo, "PPO without a memory"),
    "a2c": Entrant(others.a2c, "A2C without a memory"),
    "dqn": Entrant(others.dqn, "DQN on a grid of gazes and labels"),
    "sac": Entrant(others.sac, "SAC on real gazes and scores"),
    "tqc": Entrant(others.tqc, "TQC on real gazes and scores"),
    "ppo-informed": Entrant(
        shaped.ppo_informed,
        "PPO, paid for what a glimpse tells a reader",
        tasks=("mnist",),
        like="ppo",
    ),
    "ppo-stack-informed": Entrant(
        shaped.ppo_stack_informed,
        "ppo-stack, paid in the same way",
        tasks=("mnist",),
        like="ppo-stack",
    ),
    "reinforce-curriculum": Entrant(
        shaped.curriculum,
        "reinforce, images get harder in stages",
        tasks=tuple(shaped.STAGES),
        like="reinforce",
    ),
    "random-gaze": Entrant(
        ours.random_gaze, "control: ours at random gazes", True, "random", like="hybrid"
    ),
    "center-gaze": Entrant(
        ours.center_gaze, "control: ours at the centre", True, "center", like="hybrid"
    ),
    "whole-image": Entrant(None, "bound: a small ResNet sees the whole image", labels=True),
}
OF_LABELS = ("hybrid", "hybrid-probability", "hybrid-information", "reinforce", "labelled-ppo")


def entrant_named(name: str) -> Entrant:
    """The entrant of that name; `module:function` is one of your own.

    Raises:
        InvalidArgument: There is none.
    """
    module, _, function = name.partition(":")
    if function:
        return Entrant(_imported(module, function), "")
    if name not in ENTRANTS:
        raise InvalidArgument(
            f"no learner {name!r}; there are: {', '.join(ENTRANTS)}, and MODULE:FUNCTION of your "
            "own, which is given task, seed and steps and returns a Learner"
        )
    return ENTRANTS[name]


def _imported(module: str, function: str) -> Maker:
    try:
        maker: Maker = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise InvalidArgument(
            f"learner {module}:{function}: {error}; the module must be where Python finds it, such "
            "as in the folder that the command is run in"
        ) from error
    return maker


def takes_part(name: str, task: Task) -> bool:
    """Whether an entrant can learn a task: labels want some, and `ram` is for games."""
    known = ENTRANTS.get(name)
    if known and known.tasks:
        return task.name in known.tasks
    if task.is_game:
        return name not in (*OF_LABELS, "whole-image")
    return name != "ram"
