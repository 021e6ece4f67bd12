"""Train DRAM or RAM: `python agents/train_dram.py`, or with `--preset NAME`; see `--help`."""

from __future__ import annotations

import dataclasses
import signal
import sys
import time
from pathlib import Path

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch
import tyro
from tqdm import tqdm

from agents import checkpoint
from agents.config import Config
from agents.evaluate import Evaluation, Gaze, describe, evaluate, pick_device
from agents.game_training import make_training
from agents.optimization import learning_rate
from agents.pictures import draw_pictures
from agents.presets import PRESETS
from agents.run_folder import RunFolder, write_json
from agents.training import Training
from glimpse_env.errors import GlimpseError, InvalidArgument
from glimpse_env.tasks.arrays import ArrayTask

MONTE_CARLO_SAMPLES = 10  # of the test with averaging
LOG_EVERY = 50  # updates between scalars; each waits for the device once
MAY_CHANGE = ("images", "validation_images")  # when a run is resumed
ANIMATE_EVERY = 5  # epochs between animations in TensorBoard


@dataclasses.dataclass(kw_only=True)
class Arguments:
    """Train a glimpse agent; without arguments, DRAM on rendered house numbers."""

    preset: str | None = None
    """Row of the papers' tables to start from: a name in agents/presets.py. Every option below
    changes it. By default dram_house_numbers with a GPU, dram_house_numbers_cpu without."""
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


def main(arguments: Arguments) -> None:
    """Train from the beginning or from a checkpoint, then evaluate."""
    device = pick_device(arguments.device)
    training = make_training(arguments.config, device)
    if arguments.resume:
        state = checkpoint.load(arguments.resume / "checkpoint.pt")
        require_same_run(arguments, Config(**state["config"]))
        training.restore(state)
        folder = RunFolder.resume(arguments.resume, training.images)
    else:
        name = arguments.preset or default_preset(device)
        folder = RunFolder.new(arguments.runs, name, arguments.config)
        folder.save(training.state())
    print(f"run folder: {folder.path} (tensorboard --logdir {folder.path.parent})")
    finished = train(training, folder)
    folder.save(training.state())
    if finished and arguments.test:
        report(training, folder)
    folder.close()
    if not finished:
        print(f"stopped; to go on: python agents/train_dram.py --resume {folder.path}")


def require_same_run(arguments: Arguments, before: Config) -> None:
    """Refuse options that would make another run of the one that is resumed.

    Raises:
        InvalidArgument: Such an option.
    """
    if arguments.preset:
        raise InvalidArgument("--resume goes on with a run's own configuration: drop --preset")
    now, then = dataclasses.asdict(arguments.config), dataclasses.asdict(before)
    changed = [name for name in now if now[name] != then[name] and name not in MAY_CHANGE]
    if changed:
        raise InvalidArgument(
            f"--resume goes on with a run's own configuration, in which {changed[0]}="
            f"{then[changed[0]]!r}; only {' and '.join(MAY_CHANGE)} may change"
        )


def train(training: Training, folder: RunFolder) -> bool:
    """Update until the configured number of images; False when Ctrl-C came first."""
    config = training.config
    clock, since = time.monotonic(), training.images
    every = 0.1 if sys.stderr.isatty() else 60  # seconds; a log file is no place for animation
    progress = tqdm(
        total=config.images, initial=since, unit="image", smoothing=0.05, mininterval=every
    )
    with progress as bar, Interrupt() as stop:
        recent, epoch = Means(), Means()
        while training.images < config.images and not stop.asked:
            before = training.images
            metrics = training.update()
            recent.add(metrics)
            epoch.add(metrics)
            bar.update(training.images - before)
            if training.updates % LOG_EVERY == 0:
                scalars = recent.take()
                speed = (training.images - since) / (time.monotonic() - clock)
                scalars |= {"time/images_per_second": speed}
                scalars |= {"train/learning_rate": learning_rate(config, training.images)}
                folder.log(training.images, scalars)
                bar.set_postfix(error=f"{100 * scalars['train/error']:.1f} %", refresh=False)
            if before // config.epoch_images != training.images // config.epoch_images:
                end_epoch(training, folder, epoch.take())
    return not stop.asked


class Means:
    """Running means of numbers that stay on the device until they are asked for."""

    def __init__(self) -> None:
        """Nothing yet."""
        self._sums: dict[str, torch.Tensor] = {}
        self._count = 0

    def add(self, metrics: dict[str, torch.Tensor]) -> None:
        """Count in the metrics of an update."""
        for key, value in metrics.items():
            self._sums[key] = self._sums.get(key, 0) + value.detach()
        self._count += 1

    def take(self) -> dict[str, float]:
        """The means since the last time; waits for the device."""
        means = {key: float(value) / self._count for key, value in self._sums.items()}
        self._sums, self._count = {}, 0
        return means


class Interrupt:
    """Ctrl-C asks for a stop after the update; a second one stops at once."""

    def __enter__(self) -> Interrupt:
        """Listen."""
        self.asked = False
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        """Listen no more."""
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, *_: object) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, self._before)


def end_epoch(training: Training, folder: RunFolder, scalars: dict[str, float]) -> None:
    """Validate, log and save."""
    config = training.config
    seen = evaluate(
        training.agent,
        config,
        "validation",
        gaze=config.gaze,
        images=config.validation_images,
    )
    folder.record(training.images, scalars | {"validation/error": seen.error / 100})
    folder.save(training.state())
    if training.images // config.epoch_images % ANIMATE_EVERY == 0:
        animation, _ = draw_pictures(training.agent, config, "validation", folder.path)
        folder.animate(training.images, animation)
    tqdm.write(f"{training.images:>10} images: {describe(seen)}")


def report(training: Training, folder: RunFolder) -> None:
    """Read the test split once and draw the agent's gazes."""
    config = training.config
    results: list[Evaluation] = []
    tests: list[tuple[Gaze, int]] = [(config.gaze, 1)]
    if config.gaze == "policy":
        tests += [("policy", MONTE_CARLO_SAMPLES), ("random", 1), ("center", 1)]
    for gaze, samples in tests:
        result = evaluate(training.agent, config, "test", gaze=gaze, samples=samples, progress=True)
        print(describe(result))
        results.append(result)
    if isinstance(getattr(training.envs, "task", None), ArrayTask):
        print("note: an environment made from arrays shows the same images in every split")
    write_json(folder.path / "result.json", [dataclasses.asdict(result) for result in results])
    animation, picture = draw_pictures(training.agent, config, "test", folder.path)
    folder.animate(training.images, animation)
    if config.published_error:
        print(f"published: {config.published_error}")
    print(f"pictures: {picture}, {animation}")
    print(f"to evaluate again: python agents/evaluate.py {folder.path} --samples 10")


def default_preset(device: str) -> str:
    """The house-number preset sized for the machine."""
    return "dram_house_numbers_cpu" if device == "cpu" else "dram_house_numbers"


def parse(argv: list[str]) -> Arguments:
    """Read the command line; a preset or a run to resume sets the defaults of all other options.

    Raises:
        InvalidArgument: An unknown preset.
    """
    first, _ = tyro.cli(_Start, args=argv, return_unknown_args=True, add_help=False)
    if first.resume:
        state = checkpoint.load(first.resume / "checkpoint.pt")
        config = Config(**state["config"])
    else:
        name = first.preset or default_preset(pick_device(first.device))
        if name not in PRESETS:
            raise InvalidArgument(f"--preset {name} is unknown; choose one of {', '.join(PRESETS)}")
        config = PRESETS[name]()
    arguments = tyro.cli(Arguments, args=argv, default=Arguments(config=config))
    if arguments.config.env_changed(config):  # it is no longer the row of the table
        changed = dataclasses.replace(arguments.config, published_error="")
        arguments = dataclasses.replace(arguments, config=changed)
    return arguments


@dataclasses.dataclass(kw_only=True)
class _Start:
    """The options that decide about the defaults of the others."""

    preset: str | None = None
    resume: Path | None = None
    device: str = "auto"


if __name__ == "__main__":
    try:
        main(parse(sys.argv[1:]))
    except GlimpseError as error:
        sys.exit(f"error: {error}")
