"""Train a whole-image baseline: `python agents/train_convnet.py --preset NAME`; see `--help`."""

from __future__ import annotations

import dataclasses
import sys
from functools import partial
from pathlib import Path
from typing import Annotated

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro
from tqdm import tqdm

from agents.convnets.config import ConvNetConfig
from agents.convnets.presets import CONVNET_PRESETS
from agents.convnets.reader import (
    ConvNetReader,
    evaluate_convnet,
    load_weights,
    read_whole_images,
)
from agents.convnets.training import ConvNetTraining
from agents.evaluation.evaluation import tell
from agents.runs.folder import RunFolder
from agents.runs.saved import load_run
from agents.trainer.command_line import (
    PresetChoice,
    expand_paths,
    require_same_run,
    resolved,
)
from agents.trainer.commands import run_command
from agents.trainer.envs import usable_device
from agents.trainer.ranks import require_alone
from agents.trainer.run import restore, run_in_folder

CHOICE = PresetChoice(
    CONVNET_PRESETS,
    large="modern_house_numbers",
    small="modern_house_numbers_cpu",
    own_images="modern_image_folder",
)


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Train a network that sees whole images, for tables that set an agent beside it."""

    preset: Annotated[str | None, tyro.conf.arg(help=CHOICE.help())] = None
    resume: Path | None = None
    """Folder of a run to go on with, with its own configuration."""
    device: str = "auto"
    """Torch device; auto takes a GPU where there is one."""
    runs: Path = Path("runs")
    """Folder for run folders."""
    test: bool = True
    """Read the test split at the end, once."""
    config: tyro.conf.OmitArgPrefixes[ConvNetConfig]
    """Every field of the configuration."""

    def __post_init__(self) -> None:
        """Paths as Python code may give them, too."""
        expand_paths(self)


def main(arguments: Arguments) -> int:
    """Train from the beginning or from a checkpoint, then evaluate.

    Returns:
        The exit status: 0, or `STOPPED`.
    """
    require_alone("train_convnet.py")
    device = usable_device(arguments.device)
    if arguments.resume:  # before images are drawn or read, which may take minutes
        state, config = load_run(arguments.resume, ConvNetConfig)
        require_same_run(arguments.preset, arguments.config, config)
    training = ConvNetTraining(arguments.config, device)
    reader = ConvNetReader(training.network, training.config, "validation")
    if arguments.resume:
        restore(training, state, config, arguments.resume)
        folder = RunFolder(arguments.resume, training.images)
    else:
        start_from_another(training)
        name = CHOICE.run_name(arguments.preset, device, arguments.config)
        folder = RunFolder.new(arguments.runs, name, arguments.config)
        folder.save(training.state())
    return run_in_folder(
        training,
        folder,
        device,
        training.source.task,
        partial(end_epoch, training, folder, reader),
        partial(report, training, folder) if arguments.test else None,
    )


def start_from_another(training: ConvNetTraining) -> None:
    """Take over the weights of the run that the configuration names, if it names one.

    Raises:
        MissingData, CorruptedData: That run has no checkpoint, or a damaged one.
        InvalidArgument: Its network is another one, or for other images or labels.
    """
    run = training.config.start_from
    if run:
        state, _ = load_run(run, ConvNetConfig)
        load_weights(training.network, state, run)


def end_epoch(
    training: ConvNetTraining, folder: RunFolder, reader: ConvNetReader, scalars: dict[str, float]
) -> None:
    """Validate, log and save."""
    seen = read_whole_images(reader, "validation", training.config.validation_images)
    folder.record(training.images, scalars | {"validation/error": seen.error / 100})
    folder.save(training.state())
    tqdm.write(f"{training.images:>10} images: {seen.describe()}")


def report(training: ConvNetTraining, folder: RunFolder) -> None:
    """Read the test split once."""
    config = training.config
    result = evaluate_convnet(training.network, config, "test", progress=True)
    print(result.describe())
    tell(folder.path, [result], training.images, training.source.task)
    if config.published_error:
        print(f"published: {config.published_error}")


def parse(argv: list[str]) -> Arguments:
    """Read the command line; a preset or a run to resume sets the defaults of all other options.

    Raises:
        InvalidArgument: An unknown preset.
    """
    start = CHOICE.first(argv, ConvNetConfig)
    arguments = tyro.cli(Arguments, args=argv, default=Arguments(config=start))
    return dataclasses.replace(arguments, config=resolved(arguments.config, start))


if __name__ == "__main__":
    run_command(lambda: main(parse(sys.argv[1:])))
