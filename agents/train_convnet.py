"""Train a whole-image baseline: `python agents/train_convnet.py --preset NAME`; see `--help`."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
import time
from functools import partial
from pathlib import Path

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro
from tqdm import tqdm

from agents.build import pick_device
from agents.command_line import first_config, require_left, require_same_run, settled
from agents.convnets.config import ConvNetConfig
from agents.convnets.presets import CONVNET_PRESETS
from agents.convnets.training import ConvNetTraining, evaluate_convnet
from agents.evaluation import length_lines
from agents.files import write_json
from agents.loop import STOPPED, train
from agents.own_images import check_own_images
from agents.provenance import sign
from agents.ranks import require_alone
from agents.run_folder import RunFolder
from agents.saved_run import fitting, load_run
from glimpse_env.errors import GlimpseError
from glimpse_env.tasks.arrays import ArrayTask


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Train a network that sees whole images, for tables that set an agent beside it."""

    preset: str | None = None
    """Row of the papers' tables to start from: a name in agents/convnets/presets.py. The options
    below override it. By default modern_house_numbers with a GPU, modern_house_numbers_cpu
    without, and modern_image_folder where `--image-folder` is given."""
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


def main(arguments: Arguments) -> int:
    """Train from the beginning or from a checkpoint, then evaluate.

    Returns:
        The exit status: 0, or `STOPPED`.
    """
    require_alone("train_convnet.py")
    device = pick_device(arguments.device)
    if arguments.resume:  # before images are drawn or read, which may take minutes
        state, config = load_run(arguments.resume, ConvNetConfig)
        require_same_run(arguments.preset, arguments.config, config)
    training = ConvNetTraining(arguments.config, device)
    if arguments.resume:
        with fitting(arguments.resume):
            training.restore(state)
        require_left("images", arguments.config.images, config.images, training.images)
        folder = RunFolder(arguments.resume, training.images)
    else:
        name = arguments.preset or default_preset(device, arguments.config.image_folder)
        folder = RunFolder.new(arguments.runs, name, arguments.config)
        folder.save(training.state())
    with contextlib.closing(folder):
        sign(folder.path, device, images=training.images)
        began = time.monotonic()
        print(f"run folder: {folder.path} (tensorboard --logdir {folder.path.parent})")
        check_own_images(training.config, training.source.task, device, test=arguments.test)
        finished = train(training, folder, partial(end_epoch, training, folder))
        folder.save(training.state())
        seconds = round(time.monotonic() - began)
        sign(folder.path, device, images=training.images, seconds=seconds)
        if finished and arguments.test:
            report(training, folder)
    if not finished:
        print(f"stopped; to go on: python agents/train_convnet.py --resume {folder.path}")
    return 0 if finished else STOPPED


def end_epoch(training: ConvNetTraining, folder: RunFolder, scalars: dict[str, float]) -> None:
    """Validate, log and save."""
    config = training.config
    seen = evaluate_convnet(training.network, config, "validation", images=config.validation_images)
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
    write_json(folder.path / "result.json", [dataclasses.asdict(result)])
    if config.published_error:
        print(f"published: {config.published_error}")


def default_preset(device: str, image_folder: str | None = None) -> str:
    """The house-number preset sized for the machine, or the one for own images."""
    if image_folder:
        return "modern_image_folder"
    return "modern_house_numbers_cpu" if device == "cpu" else "modern_house_numbers"


def parse(argv: list[str]) -> Arguments:
    """Read the command line; a preset or a run to resume sets the defaults of all other options.

    Raises:
        InvalidArgument: An unknown preset.
    """
    start = first_config(argv, ConvNetConfig, CONVNET_PRESETS, default_preset)
    arguments = tyro.cli(Arguments, args=argv, default=Arguments(config=start))
    return dataclasses.replace(arguments, config=settled(arguments.config, start))


if __name__ == "__main__":
    try:
        sys.exit(main(parse(sys.argv[1:])))
    except GlimpseError as error:
        sys.exit(f"error: {error}")
