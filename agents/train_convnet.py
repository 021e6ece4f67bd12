"""Train a whole-image baseline: `python agents/train_convnet.py --preset NAME`; see `--help`."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from functools import partial
from pathlib import Path
from typing import Annotated

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro
from tqdm import tqdm

from agents.convnets.config import ConvNetConfig
from agents.convnets.presets import CONVNET_PRESETS
from agents.convnets.training import (
    ConvNetReader,
    ConvNetTraining,
    evaluate_convnet,
    read_whole_images,
)
from agents.evaluation.evaluation import length_lines, write_evaluations
from agents.runs.folder import RunFolder
from agents.runs.provenance import sign
from agents.runs.saved import fitting, load_run
from agents.trainer.command_line import (
    PresetChoice,
    expand_paths,
    require_left,
    require_same_run,
    resolved,
    tell_schedule,
)
from agents.trainer.commands import STOPPED, going_on_later, how_to_go_on, run_command
from agents.trainer.envs import check_own_images, usable_device
from agents.trainer.loop import train
from agents.trainer.ranks import require_alone
from glimpse_env.tasks.own_images.arrays import ArrayTask

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
    if arguments.resume:
        with fitting(arguments.resume):
            training.restore(state)
        require_left("images", arguments.config.images, config.images, training.images)
        tell_schedule(arguments.config, config, training.images)
        folder = RunFolder(arguments.resume, training.images)
    else:
        name = CHOICE.run_name(arguments.preset, device, arguments.config)
        folder = RunFolder.new(arguments.runs, name, arguments.config)
        folder.save(training.state())
    with (
        contextlib.closing(folder),
        going_on_later("train_convnet.py", folder.path, training.config.env_id),
    ):
        sign(folder.path, device, images=training.images)
        began = time.monotonic()
        print(f"run folder: {folder.path} (tensorboard --logdir {folder.path.parent})")
        check_own_images(training.config, training.source.task, device, test=arguments.test)
        reader = ConvNetReader(training.network, training.config, "validation")
        finished = train(training, folder, partial(end_epoch, training, folder, reader))
        folder.save(training.state())
        seconds = round(time.monotonic() - began)
        sign(folder.path, device, images=training.images, seconds=seconds)
        if finished and arguments.test:
            report(training, folder)
    if not finished:
        print(how_to_go_on("train_convnet.py", folder.path, training.config.env_id))
    return 0 if finished else STOPPED


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
    print("\n".join([result.cost(), *length_lines(result)]))
    if type(training.source.task) is ArrayTask:
        print("note: an environment made from arrays shows the same images in every split")
    write_evaluations(folder.path / "result.json", [result], training.images)
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
