"""Train an algorithm of Stable-Baselines3: `python agents/train_sb3.py --algo ppo`; see `--help`.

It learns from rewards alone (but labelled-ppo), and is then read out as all others are.
docs/other_learners.md says what to expect.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from pathlib import Path

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro

from glimpse_env.errors import MissingPackage

try:
    from stable_baselines3.common.base_class import BaseAlgorithm
except ImportError as error:
    missing = MissingPackage(
        "agents/train_sb3.py needs Stable-Baselines3: pip install stable-baselines3"
    )
    if __name__ == "__main__":
        sys.exit(f"error: {missing}")
    raise missing from error

from agents.evaluation.evaluation import Evaluation, length_lines, write_evaluations
from agents.evaluation.reader import Gaze
from agents.runs.folder import locked, new_folder
from agents.runs.provenance import PACKAGES, sign
from agents.sb3.callback import Companion, run_logger
from agents.sb3.config import Sb3Config
from agents.sb3.model import load_config, load_model, make_model, save_model, training_envs
from agents.sb3.reader import evaluate_sb3
from agents.trainer.command_line import expand_paths, require_left, require_same_run
from agents.trainer.commands import STOPPED, going_on_later, how_to_go_on, run_command
from agents.trainer.envs import import_module_of, usable_device
from agents.trainer.loop import Interrupt

SB3_PACKAGES = (*PACKAGES, "stable-baselines3", "sb3-contrib")


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Train an algorithm on a glimpse environment; without arguments, PPO on MNIST."""

    resume: Path | None = None
    """Folder of a run to go on with, with its own configuration; more `--timesteps` may be asked
    for. SB3 keeps neither environments nor random numbers: the run goes on, but not as if nothing
    had happened. dqn, sac and tqc go on with an empty replay buffer, too."""
    device: str = "auto"
    """Torch device; auto takes a GPU where there is one."""
    runs: Path = Path("runs")
    """Folder for run folders."""
    test: bool = True
    """Read the test split at the end, once, with the model's gazes and with random and central."""
    config: tyro.conf.OmitArgPrefixes[Sb3Config]
    """Every field of the configuration."""

    def __post_init__(self) -> None:
        """Paths as Python code may give them, too."""
        expand_paths(self)


def main(arguments: Arguments) -> int:
    """Train from the beginning or from a saved model, then evaluate.

    Returns:
        The exit status: 0, or `STOPPED`.
    """
    config, device = arguments.config, usable_device(arguments.device)
    envs = training_envs(config)
    with contextlib.ExitStack() as opened:
        if arguments.resume:
            run, then = arguments.resume, load_config(arguments.resume)
            require_same_run(None, config, then, may_change=("timesteps",))
            opened.enter_context(locked(run))
            model = load_model(run, envs, device)
            require_left("timesteps", config.timesteps, then.timesteps, model.num_timesteps)
        else:
            model = make_model(config, envs, device)
            run = new_folder(arguments.runs, f"{config.algo}-{config.env_id}", config.seed)
            opened.enter_context(locked(run))
        opened.enter_context(going_on_later("train_sb3.py", run, config.env_id))
        save_model(run, config, model)
        sign(run, device, SB3_PACKAGES, steps=model.num_timesteps)
        began = time.monotonic()
        print(f"run folder: {run} (tensorboard --logdir {run.parent})")
        finished = learn(model, config, run)
        save_model(run, config, model)
        seconds = round(time.monotonic() - began)
        sign(run, device, SB3_PACKAGES, steps=model.num_timesteps, seconds=seconds)
        if finished and arguments.test:
            report(model, config, run)
    if not finished:
        print(how_to_go_on("train_sb3.py", run, config.env_id))
    return 0 if finished else STOPPED


def learn(model: BaseAlgorithm, config: Sb3Config, run: Path) -> bool:
    """Learn until the configured number of steps; False when Ctrl-C came first."""
    logger = run_logger(run, model.num_timesteps)
    model.set_logger(logger)
    with Interrupt() as stop:
        model.learn(
            config.timesteps - model.num_timesteps,
            callback=Companion(config, run, stop),
            log_interval=10,
            reset_num_timesteps=False,
        )
    logger.close()
    return not stop.asked


def report(model: BaseAlgorithm, config: Sb3Config, run: Path) -> None:
    """Read the test split once, at the model's own gazes and those of the controls."""
    results: list[Evaluation] = []
    gazes: tuple[Gaze, ...] = ("policy", "random", "center")
    for gaze in gazes:
        result = evaluate_sb3(model, config, "test", gaze=gaze, progress=True)
        print(result.describe())
        results.append(result)
    print("\n".join([results[0].cost(), *length_lines(results[0])]))
    write_evaluations(run / "result.json", results, model.num_timesteps)


@dataclasses.dataclass(kw_only=True)
class _Start:
    """The options that decide about the defaults of the others, and about what is imported."""

    resume: Path | None = None
    env_id: str | None = None


def parse(argv: list[str]) -> Arguments:
    """Read the command line; a run to resume sets the defaults of all other options.

    Raises:
        MissingData: There is no such run.
        InvalidArgument: No module of the name that --env-id has.
    """
    first, _ = tyro.cli(_Start, args=argv, return_unknown_args=True, add_help=False)
    import_module_of(first.env_id)
    start = load_config(first.resume) if first.resume else Sb3Config()
    return tyro.cli(Arguments, args=argv, default=Arguments(config=start))


if __name__ == "__main__":
    run_command(lambda: main(parse(sys.argv[1:])))
