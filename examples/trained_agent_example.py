"""A trained agent in a loop of your own: `python examples/trained_agent_example.py runs/NAME`.

In the place of a run's folder, `pretrained:ram_mnist` or another agent that comes with the
repository. Every test image once, at the mean gaze. For agents with a fixed number of glimpses a
label; `agents/dram/rollouts/play.py` plays all kinds, `agents.image_reader.ImageReader` reads
images without labels.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from agents.dram.model.build import load_agent
from agents.dram.rollouts.rows import require_fixed_pace
from agents.trainer.commands import run_command
from agents.trainer.envs import make_reading_envs

ROWS = 500


@torch.no_grad()
def main(run: str) -> None:
    """Play the test split and print how many images were read without a mistake."""
    agent, config = load_agent(run)
    envs = make_reading_envs(config, "test", ROWS)  # gym.make_vec(id, ROWS, split="test", ...)
    require_fixed_pace(envs.rules)
    right = 0
    for first in range(0, envs.size, ROWS):
        image = np.arange(first, first + ROWS)
        observation, _ = envs.reset(seed=0, options={"index": image % envs.size})
        seen = {key: torch.as_tensor(value) for key, value in observation.items()}
        state = agent.begin(seen["location"], seen.get("context"))
        over, blind = np.zeros(ROWS, bool), not envs.sees_at_reset
        while not over.all():
            if not blind:  # with a context the first gaze is chosen before there is a glimpse
                state = agent.look(state, seen["glimpse"], seen["location"])
            blind = False
            params, _ = agent.where_next(state)
            gaze = agent.gazes.mode(params)
            action = {"gaze": gaze.numpy(), "label": agent.logits(state).argmax(1).numpy()}
            observation, _, over, _, info = envs.step(action)
            seen = {key: torch.as_tensor(value) for key, value in observation.items()}
            if "sequence_correct" in info:  # of the rows that have just ended
                ended = info["_sequence_correct"] & (image < envs.size)
                right += int(info["sequence_correct"][ended].sum())
    print(f"{right} of {envs.size} images read, an error of {100 * (1 - right / envs.size):.2f} %")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run_command(lambda: main(sys.argv[1]))
