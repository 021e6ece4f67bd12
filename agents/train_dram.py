"""Train DRAM or RAM: `python agents/train_dram.py`, or with `--preset NAME`; see `--help`."""

from __future__ import annotations

import dataclasses
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro
from torch import Tensor
from tqdm import tqdm

from agents.dram.config import Config
from agents.dram.learning.make import make_training
from agents.dram.learning.training import Training
from agents.dram.presets import PRESETS
from agents.dram.readers.agent_reader import AgentReader, GameReader, agent_reader, evaluate
from agents.dram.readers.pictures import draw_pictures
from agents.evaluation.evaluation import (
    Evaluation,
    evaluate_reader,
    tell,
)
from agents.evaluation.reader import Gaze
from agents.runs.folder import RunFolder
from agents.runs.saved import fitting, load_run
from agents.trainer.command_line import (
    PresetChoice,
    expand_paths,
    require_same_run,
    resolved,
)
from agents.trainer.commands import naming, run_command
from agents.trainer.envs import usable_device
from agents.trainer.loop import train
from agents.trainer.ranks import join
from agents.trainer.run import restore, run_in_folder
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument
from glimpse_env.tasks.backward import BackwardTask
from glimpse_env.tasks.task import Task

CHOICE = PresetChoice(
    PRESETS,
    large="dram_house_numbers",
    small="dram_house_numbers_cpu",
    own_images="dram_image_folder",
)
MONTE_CARLO_SAMPLES = 10  # of the test with averaging
ANIMATE_EVERY = 5  # epochs between animations in TensorBoard


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Train a glimpse agent; without arguments, DRAM on rendered house numbers.

    `torchrun --nproc-per-node 2 agents/train_dram.py ...` trains the same agent in two processes
    that share the environments, each on a GPU of its own where there are GPUs.
    """

    preset: Annotated[str | None, tyro.conf.arg(help=CHOICE.help())] = None
    resume: Path | None = None
    """Folder of a run to go on with, with its own configuration."""
    device: str = "auto"
    """Torch device; auto takes a GPU where there is one."""
    runs: Path = Path("runs")
    """Folder for run folders."""
    test: bool = True
    """Read the test split at the end, once, with the agent's gazes and with random and central."""
    config: tyro.conf.OmitArgPrefixes[Config]
    """Every field of the configuration."""

    def __post_init__(self) -> None:
        """Paths as Python code may give them, too."""
        expand_paths(self)


def main(arguments: Arguments) -> int:
    """Train from the beginning or from a checkpoint, then evaluate; alone, or as one of the ranks.

    All ranks train; the first one does the rest.

    Returns:
        The exit status: 0, or `STOPPED` of the first rank.
    """
    with join(usable_device(arguments.device)) as (ranks, device):
        if arguments.resume:  # before images are drawn or read, which may take minutes
            state, config = load_run(arguments.resume, Config)
            require_same_run(arguments.preset, arguments.config, config)
        training = make_training(arguments.config, device, ranks)
        if arguments.resume:
            restore(training, state, config, arguments.resume)
        else:
            start_from_others(training)
        ranks.require_same(training.beginning())
        if not ranks.leads:
            train(training, None, lambda _: None, ranks)
            return 0  # torchrun would end the first rank, which may still be saving, with us
        reader, config = validation_reader(training), training.config
        folder = open_folder(arguments, training)
        return run_in_folder(
            training,
            folder,
            device,
            task_of(training),
            partial(end_epoch, training, folder, reader),
            partial(report, training, folder) if arguments.test else None,
            ranks,
            [f"credit: {config.credit_line}"] if config.gaze == "policy" else [],
            processes=ranks.count,
            capture=training.capture,
        )


def task_of(training: Training) -> Task | None:
    """Where the images come from, whichever way they are read; None for games."""
    if not isinstance(training.envs, GlimpseVectorEnv):
        return None
    task = training.envs.task
    return task.forward if isinstance(task, BackwardTask) else task


def open_folder(arguments: Arguments, training: Training) -> RunFolder:
    """The folder of the run that goes on, or a new one with a first checkpoint."""
    if arguments.resume:
        return RunFolder(arguments.resume, training.images)
    name = CHOICE.run_name(arguments.preset, training.device, arguments.config)
    folder = RunFolder.new(arguments.runs, name, arguments.config)
    folder.save(training.state())
    return folder


def start_from_others(training: Training) -> None:
    """Take over the weights that the configuration wants from other runs.

    Raises:
        MissingData, CorruptedData: Such a run has no checkpoint, or a damaged one.
        InvalidArgument: Its networks have other sizes or other labels, or it is that of another
            trainer.
    """
    config, agent = training.config, training.agent
    ours = agent.state_dict()
    for run, module, prefix in (
        (config.start_from, agent, ""),
        (config.share_glimpse, agent.glimpse, "glimpse."),
    ):
        if run:
            state, other = load_run(run, Config)
            if other.standardize != config.standardize:  # which no weight shows
                raise InvalidArgument(f"{run} was trained with standardize={other.standardize}")
            theirs = state["agent"]
            if run == config.start_from:
                theirs = with_fitting_classifier(config, theirs, ours)
            with fitting(run):
                wanted = {
                    name.removeprefix(prefix): weight
                    for name, weight in theirs.items()
                    if name.startswith(prefix)
                }
                module.load_state_dict(wanted)


def with_fitting_classifier(
    config: Config, theirs: dict[str, Tensor], ours: dict[str, Tensor]
) -> dict[str, Tensor]:
    """The weights of a run to start from, with a classifier for our labels.

    Raises:
        InvalidArgument: It has other labels than we have, and no fresh classifier is asked for.
    """
    kept, fresh = (
        {name: weight for name, weight in weights.items() if name.startswith("classification.")}
        for weights in (theirs, ours)
    )
    if config.new_classifier:
        return {name: weight for name, weight in theirs.items() if name not in kept} | fresh
    known, wanted = (len([*weights.values()][-1]) for weights in (kept, fresh))
    if known != wanted:
        raise InvalidArgument(
            f"{config.start_from} tells {known} labels apart, and here are {wanted}: add "
            "--new-classifier to learn them anew with the rest of its weights"
        )
    return theirs


def validation_reader(training: Training) -> AgentReader | GameReader:
    """Who reads the validation split after every epoch: the agent, as it has learned until then."""
    return agent_reader(training.agent, training.config, "validation", gaze=training.config.gaze)


def end_epoch(
    training: Training,
    folder: RunFolder,
    reader: AgentReader | GameReader,
    scalars: dict[str, float],
) -> None:
    """Validate, log and save."""
    config = training.config
    reader.rewind()
    images = config.validation_images
    seen = evaluate_reader(reader, "validation", gaze=config.gaze, images=images, costs=False)
    folder.record(training.images, scalars | {"validation/error": seen.error / 100})
    folder.save(training.state())
    if training.images // config.epoch_images % ANIMATE_EVERY == 0:
        animation, _ = draw_pictures(training.agent, config, "validation", folder.path)
        folder.animate(training.images, animation)
    tqdm.write(f"{training.images:>10} images: {seen.describe()}")


def report(training: Training, folder: RunFolder) -> None:
    """Read the test split once and draw the agent's gazes."""
    config = training.config
    results: list[Evaluation] = []
    tests: list[tuple[Gaze, int]] = [(config.gaze, 1)]
    if config.gaze == "policy":
        tests += [("policy", MONTE_CARLO_SAMPLES), ("random", 1), ("center", 1)]
    for gaze, samples in tests:
        result = evaluate(training.agent, config, "test", gaze=gaze, samples=samples, progress=True)
        print(result.describe())
        results.append(result)
    tell(folder.path, results, training.images, task_of(training))
    animation, picture = draw_pictures(training.agent, config, "test", folder.path)
    folder.animate(training.images, animation)
    if config.published_error:
        print(f"published: {config.published_error}")
    print(f"pictures: {picture}, {animation}")
    again = f"{folder.path} --samples 10{naming(config.env_id)}"
    print(f"to evaluate again: python agents/evaluate.py {again}")


def parse(argv: list[str]) -> Arguments:
    """Read the command line; a preset or a run to resume sets the defaults of all other options.

    Raises:
        InvalidArgument: An unknown preset.
    """
    start = CHOICE.first(argv, Config)
    arguments = tyro.cli(Arguments, args=argv, default=Arguments(config=start))
    return dataclasses.replace(arguments, config=resolved(arguments.config, start))


if __name__ == "__main__":
    run_command(lambda: main(parse(sys.argv[1:])))
