"""What a batch gains over a list of environments: `python benchmarks/batch_gain.py`.

PPO of Stable-Baselines3 is trained twice, on one batch (`GlimpseVecEnv`) and on as many single
environments (SB3's `make_vec_env`), all else equal; and both are stepped alone. Seconds are those
of the processor, so that a busy machine does not matter, and what is compared is measured in turn.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
import tyro

from agents.runs.provenance import circumstances
from agents.trainer.commands import run_command
from benchmarks import measuring, reporting
from benchmarks.measuring import Rate, Round, Work

PACKAGES = ("gymnasium", "numpy", "stable-baselines3", "torch")
LIST, BATCH = "a list of environments", "one batch"
TITLE = "What a batch gains"
EXPLANATION = """\
Steps a second of processor time (rows times calls), {rows} rows, one thread: the median of
{repetitions} repetitions, the columns in turn. *Alone*: random actions in Stable-Baselines3's form.
*PPO*: `learn()` as in docs/other_learners.md (`GlimpseExtractor`, 32 steps a row, batches of 512),
for 10 passes over what was collected, SB3's default, and for 1. The list is `make_vec_env`, SB3's
own, with `FlatMultiDiscreteAction`."""


@dataclasses.dataclass
class Arguments:
    """Measure a batch against a list of environments, alone and in a training."""

    ids: tuple[str, ...] = ("GlimpseMNIST-v0", "GlimpseHouseNumbers-v0")
    """Environments."""
    rows: int = 64
    """Environments in a list, and rows of a batch."""
    seconds: float = 2.0
    """The least that one repetition counts."""
    output: Path = reporting.RESULTS / "batch_gain.md"
    """Where the result goes; a .json file is written beside it."""


def make(kind: str, env_id: str, rows: int) -> Any:
    """The environment as SB3 takes it."""
    from stable_baselines3.common.env_util import make_vec_env

    from glimpse_env.sb3 import GlimpseVecEnv
    from glimpse_env.wrappers import FlatMultiDiscreteAction

    keywords: dict[str, Any] = {"num_images": 256} if "HouseNumbers" in env_id else {}
    if kind == BATCH:
        return GlimpseVecEnv(env_id, rows, **keywords)
    wrapped: Any = FlatMultiDiscreteAction
    return make_vec_env(env_id, rows, wrapper_class=wrapped, env_kwargs=keywords)


def on_the_processor(steps: int, work: Callable[[], object]) -> Work:
    """Put `work`, which takes `steps` steps, on the clock of this process."""

    def run() -> Round:
        start = time.process_time()
        work()
        return Round(steps, time.process_time() - start)

    return run


def alone(envs: Any, calls: int = 48) -> Work:
    """Random actions, drawn before."""
    rows = range(envs.num_envs)
    drawn = np.array([[envs.action_space.sample() for _ in rows] for _ in range(calls)])
    envs.reset()
    return on_the_processor(calls * envs.num_envs, lambda: [envs.step(one) for one in drawn])


def ppo(envs: Any, passes: int) -> Work:
    """One collection and what is learned from it."""
    from stable_baselines3 import PPO

    from glimpse_env.sb3 import GlimpseExtractor

    features = {"features_extractor_class": GlimpseExtractor}
    model = PPO(
        "MultiInputPolicy",
        envs,
        n_steps=32,
        batch_size=512,
        n_epochs=passes,
        policy_kwargs=features,
        device="cpu",
        seed=0,
    )
    steps = 32 * envs.num_envs
    return on_the_processor(steps, lambda: model.learn(steps, reset_num_timesteps=False))


def measured(arguments: Arguments) -> dict[tuple[str, str, str], Rate]:
    """All rates, by id, what was done, and on what."""
    works: dict[tuple[str, str, str], Work] = {}
    for env_id in arguments.ids:
        for kind in (LIST, BATCH):
            envs = make(kind, env_id, arguments.rows)
            works[env_id, "alone", kind] = alone(envs)
            for passes in (1, 10):
                name = f"PPO, {passes} pass{'es' * (passes > 1)}"
                works[env_id, name, kind] = ppo(make(kind, env_id, arguments.rows), passes)
    return measuring.measure(works, arguments.seconds)


def main(arguments: Arguments) -> None:
    """Measure, write, and print what was written."""
    measuring.use_one_thread()
    rates = measured(arguments)
    rows = [
        [
            env_id,
            done,
            reporting.per_second(rates[env_id, done, LIST]),
            reporting.per_second(rate),
            f"{rate.median / rates[env_id, done, LIST].median:.2f}",
        ]
        for (env_id, done, kind), rate in rates.items()
        if kind == BATCH
    ]
    parts = [
        EXPLANATION.format(rows=arguments.rows, repetitions=measuring.REPETITIONS),
        reporting.table(["id", "", LIST, BATCH, "times"], rows),
    ]
    data = {
        "rates": [
            {"id": id_, "done": done, "kind": kind, **rate._asdict()}
            for (id_, done, kind), rate in rates.items()
        ]
    }
    print(reporting.write(arguments.output, TITLE, circumstances(PACKAGES), parts, data))


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
