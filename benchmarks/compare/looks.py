"""Where a learner looks on the first validation images, and what it says: kept with its run."""

from __future__ import annotations

from typing import Any

import numpy as np

from agents.evaluation.learner import Actor, ActorReader
from agents.evaluation.reader import Gaze
from benchmarks.compare.tasks import Task
from glimpse_env.envs.reading.env import GlimpseVectorEnv

PICTURED = 12  # images, the same for all

# Of one image: "gazes" [[x, y], ...] of its glimpses, and "said" [[label, whether right], ...].
Looked = dict[str, list[list[Any]]]


def look_on(actor: Actor, task: Task, gaze: Gaze) -> list[Looked]:
    """Let an actor read the pictured images; games have none.

    Args:
        actor: Who reads.
        task: What.
        gaze: Who looks: "policy", or "random" and "center", the controls.
    """
    if task.is_game:
        return []
    envs = task.envs("validation", PICTURED, stop_on_mistake=False)
    assert isinstance(envs, GlimpseVectorEnv)
    found: list[Looked] = [{"gazes": [], "said": []} for _ in range(PICTURED)]
    looks = envs.sees_at_reset  # else the first observation shows no glimpse
    for moment in ActorReader(actor, envs, gaze).moments(np.arange(PICTURED), 0):
        for row in np.flatnonzero(moment.running):
            if looks:
                place = moment.before["location"][row, :2].tolist()
                found[row]["gazes"].append([round(value, 4) for value in place])
            if moment.before["emit"][row]:
                label = int(moment.action["label"][row])
                word = "end" if label == envs.rules.num_classes else str(label)
                found[row]["said"].append([word, bool(moment.reward[row] > 0)])
        looks = True
    return found
