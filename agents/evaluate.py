"""How well an agent reads a split: `python agents/evaluate.py RUN`, or `--pretrained NAME`."""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path
from typing import Literal

if __name__ == "__main__":  # `agents` here, not a package of that name from elsewhere
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import tyro

from agents.convnets.config import ConvNetConfig
from agents.convnets.reader import evaluate_run
from agents.dram.config import Config
from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.build import fit_gazes, load
from agents.dram.readers.agent_reader import evaluate, label_reader
from agents.dram.readers.focus import FocusReader
from agents.dram.readers.forward_backward import ForwardBackwardReader
from agents.dram.readers.pictures import draw_pictures
from agents.evaluation.evaluation import (
    Evaluation,
    evaluate_reader,
    length_lines,
    mistake_lines,
    write_evaluations,
)
from agents.evaluation.reader import Gaze, Reader
from agents.runs import pretrained
from agents.runs.files import writing
from agents.runs.provenance import sign
from agents.runs.saved import trainer_of
from agents.trainer.command_line import expand_paths
from agents.trainer.commands import run_command
from agents.trainer.envs import (
    Sizes,
    import_module_of,
    make_envs,
    set_precision,
    sizes_of,
    usable_device,
)
from glimpse_env.errors import InvalidArgument, require_at_least

ALL_GAZES: tuple[Gaze, ...] = ("policy", "random", "center")


@dataclasses.dataclass
class Arguments:
    """Evaluate a trained agent on the whole of a split, each image once.

    With `--backward` or `--focus` the agent reads as DRAM does for its tables 3 and 4, at its own
    gazes.
    """

    run: tyro.conf.Positional[Path | None] = None
    """Folder of the training run."""
    pretrained: tuple[str, ...] | None = None
    """An agent that comes with the repository, in the place of a run; without a name, the list of
    them. What is found is kept in `runs/pretrained-NAME`."""
    split: Literal["test", "validation"] = "test"
    """Images to read; choices belong on validation."""
    gaze: tuple[Gaze, ...] | None = None
    """Who looks: the agent, or the controls. None for all; for the one that a control was trained
    with; and for the agent alone with `--backward` or `--focus`."""
    samples: int = 1
    """M: gaze sequences averaged for an image; 1 for the likeliest gaze."""
    backward: Path | None = None
    """Folder of a run with `--backward`: read with both agents, forward and backward."""
    focus: str = ""
    """Environment with larger images, such as GlimpseHouseNumbers110-v0: read these in two passes,
    the second in a crop around the gazes of the first."""
    images: int = 0
    """Only so many of the first images; 0 for all."""
    num_envs: int = 1000
    """Environments stepped together."""
    env_id: str | None = None
    """Another environment with the same labels, to be read by an agent that was not trained on it:
    rendered numbers or photographs. None for the agent's own; one of a module of yours must be
    named (MODULE:ID), because the file of a run imports nothing."""
    data_dir: Path | None = None
    """Folder of data sets, where it is not the one that GLIMPSE_DATA names."""
    image_folder: Path | None = None
    """Of a run on own images, where they lie now, if that is elsewhere."""
    label_file: Path | None = None
    """Of a run on own images, where the file of their labels lies now; what is found with one of
    another name is kept beside the rest."""
    device: str = "auto"
    """Torch device; auto takes a GPU where there is one."""
    examples: tuple[int, ...] | None = None
    """Images to draw into gazes.png and, the first four, glimpses.gif of the run folder; they are
    named by their number in the split. None for the first twelve."""

    def __post_init__(self) -> None:
        """Paths as Python code may give them, too."""
        expand_paths(self)


def main(arguments: Arguments) -> None:
    """Evaluate, print, and keep the result beside the checkpoint."""
    require_at_least("num_envs", arguments.num_envs, 1)
    if arguments.pretrained == () and arguments.run is None:
        print(pretrained_agents())
        return
    import_module_of(arguments.env_id)
    import_module_of(arguments.focus)
    run, folder = run_and_folder(arguments)
    device = usable_device(arguments.device)
    if trainer_of(run) == ConvNetConfig.TRAINER:
        evaluate_whole_images(run, folder, device, arguments)
        return
    agent, trained, sizes, images = load(run, device)
    set_precision(trained.matmul_precision)
    config = with_images_found(trained, agent, sizes, arguments)
    if config.image_folder:
        require_same_lengths(config, arguments.split, sizes)
    require_examples(config, arguments)
    if arguments.backward or arguments.focus:
        results = [evaluate_pair_or_focus(run, agent, config, sizes, arguments)]
        who = re.sub("[ /]", "_", results[0].reader)
    else:
        usual = ALL_GAZES if config.gaze == "policy" else (config.gaze,)
        gazes = arguments.gaze or usual
        results = evaluate_gazes(agent, config, gazes, arguments)
        who = "" if gazes == usual else "_".join(gazes)
    sign(folder, device)
    write_evaluations(folder / file_name(trained, config, who, arguments), results, images)
    print("\n".join([results[0].cost(), *length_lines(results[0]), *mistake_lines(results[0])]))
    if arguments.examples != ():
        for path in draw_pictures(agent, config, arguments.split, folder, arguments.examples):
            print(path)


def evaluate_whole_images(run: str | Path, folder: Path, device: str, arguments: Arguments) -> None:
    """Evaluate a network that sees whole images: it looks nowhere, and draws nothing.

    Raises:
        InvalidArgument: An option for agents that look.
    """
    looking = {
        "gaze": arguments.gaze,
        "samples": arguments.samples != 1,
        "backward": arguments.backward,
        "focus": arguments.focus,
        "examples": arguments.examples,
        "image-folder": arguments.image_folder,
        "label-file": arguments.label_file,
        "num-envs": arguments.num_envs != Arguments.num_envs,
    }
    for option, given in looking.items():
        if given:
            raise InvalidArgument(f"{run} sees whole images: --{option} is for agents that look")
    result, config, images = evaluate_run(
        run,
        arguments.split,
        env_id=arguments.env_id,
        data_dir=arguments.data_dir,
        images=arguments.images,
        device=device,
    )
    name = f"evaluation_{arguments.split}"
    if arguments.images:
        name += f"_images{arguments.images}"
    if arguments.env_id:
        name = f"{in_file_names(config.env_id)}_{name}"
    sign(folder, device)
    write_evaluations(folder / f"{name}.json", [result], images)
    print("\n".join([result.describe(), *length_lines(result), *mistake_lines(result)]))


def file_name(trained: Config, config: Config, who: str, arguments: Arguments) -> str:
    """What results are kept as: other ones than before in another file, never in its place.

    Args:
        trained: The configuration of the run.
        config: That which was read with.
        who: Who read, where it was not the run's own gazes and its controls; "" where it was.
        arguments: What was read.
    """
    name = f"evaluation_{arguments.split}_samples{arguments.samples}"
    if arguments.images:
        name += f"_images{arguments.images}"
    if who:
        name += f"_{who}"
    if config.label_file and trained.label_file:
        table = Path(config.label_file)
        if table.name != Path(trained.label_file).name:  # of other images
            name = f"{table.stem}_{name}"
    if config.env_id != trained.env_id:
        name = f"{in_file_names(config.env_id)}_{name}"
    return f"{name}.json"


def in_file_names(env_id: str) -> str:
    """An environment's id without what no file's name may have."""
    return env_id.replace(":", "-").replace("/", "-")


def run_and_folder(arguments: Arguments) -> tuple[str | Path, Path]:
    """Whose agent reads, and the folder of what it has read.

    Raises:
        InvalidArgument: Neither a run nor the name of a pretrained agent, or more than one.
    """
    given = arguments.pretrained or ()
    if len(given) + (arguments.run is not None) != 1:
        raise InvalidArgument("name one run, or one agent that comes with it: --pretrained NAME")
    if arguments.run and not pretrained.is_pretrained(arguments.run):
        return arguments.run, arguments.run
    name = given[0] if given else pretrained.name_of(str(arguments.run))
    pretrained.page(name)  # before a folder is made for it
    folder = Path("runs") / f"pretrained-{name}"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return pretrained.PREFIX + name, folder


def pretrained_agents() -> str:
    """A table of the agents that come with the repository."""
    rows = [("name", "environment", "error of the test split", "parameters", "published")]
    for name in pretrained.names():
        page = pretrained.page(name)
        parameters = f"{page.results[0]['parameters']:,}"
        rows.append((name, page.config["env_id"], page.error, parameters, page.published))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(word.ljust(width) for word, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def elsewhere(config: Config, agent: GlimpseAgent, trained: Sizes, arguments: Arguments) -> Config:
    """The configuration of an agent that reads another environment than its own.

    Raises:
        InvalidArgument: It shows other glimpses or wants other labels.
    """
    data_dir = str(arguments.data_dir.absolute()) if arguments.data_dir else None
    moved = dataclasses.replace(
        config,
        env_id=arguments.env_id or config.env_id,
        data_dir=data_dir or config.data_dir,
        num_images=None,
    )
    sizes = sizes_of(make_envs(moved, arguments.split, 1))
    for name in ("glimpse", "context", "choices", "num_classes", "has_end"):
        ours, theirs = getattr(trained, name), getattr(sizes, name)
        if ours != theirs:
            raise InvalidArgument(
                f"env_id={moved.env_id!r} has {name} {theirs}, and the agent, of "
                f"{config.env_id!r}, was made for {ours}: only environments with the same labels, "
                "glimpses and context can be read"
            )
    fit_gazes(agent, sizes.image)
    return moved


def require_examples(config: Config, arguments: Arguments) -> None:
    """Refuse examples that the split does not have, before it is read.

    Raises:
        InvalidArgument: Such an example.
    """
    if not arguments.examples:
        return
    size = make_envs(config, arguments.split, 1).size
    outside = [number for number in arguments.examples if not 0 <= number < size]
    if outside:
        raise InvalidArgument(f"examples: {outside[0]} is outside 0 .. {size - 1}")


def with_images_found(
    config: Config, agent: GlimpseAgent, trained: Sizes, arguments: Arguments
) -> Config:
    """The configuration of a run with the images that its agent is to read, where they lie now.

    Raises:
        InvalidArgument: They are of another environment, which the agent cannot read.
    """
    config = config.with_own_images(arguments.image_folder, arguments.label_file)
    if config.image_folder:  # of the classes that the agent knows
        config = dataclasses.replace(config, num_classes=trained.num_classes)
    if arguments.env_id or arguments.data_dir:
        config = elsewhere(config, agent, trained, arguments)
    return config


def require_same_lengths(config: Config, split: str, trained: Sizes) -> None:
    """Refuse own images with more or fewer labels than an agent was trained to say.

    Raises:
        InvalidArgument: The label file has longer or shorter sequences, or, as the environment
            finds, classes that the agent does not know.
    """
    ours, theirs = sizes_of(make_envs(config, split, 1)).max_labels, trained.max_labels
    if ours != theirs:
        raise InvalidArgument(
            f"{config.label_file} has up to {ours} labels an image, the run {theirs}: put the new "
            "lines below those that it was trained with, and say by a column 'split' which are to "
            "be read"
        )


def evaluate_gazes(
    agent: GlimpseAgent, config: Config, gazes: tuple[Gaze, ...], arguments: Arguments
) -> list[Evaluation]:
    """One agent, at its own gazes or those of controls."""
    results = []
    for gaze in gazes:
        result = evaluate(
            agent,
            config,
            arguments.split,
            gaze=gaze,
            samples=arguments.samples,
            images=arguments.images,
            num_envs=arguments.num_envs,
            progress=True,
        )
        print(result.describe())
        results.append(result)
    return results


def evaluate_pair_or_focus(
    run: str | Path, agent: GlimpseAgent, config: Config, sizes: Sizes, arguments: Arguments
) -> Evaluation:
    """The readers of DRAM's tables 3 and 4.

    Raises:
        InvalidArgument: Runs that cannot read together, or gazes of controls.
    """
    if arguments.gaze not in (None, ("policy",)):
        raise InvalidArgument(
            f"gaze={arguments.gaze} is for one agent alone; --backward and --focus read where "
            "their agents look"
        )
    split, samples, rows = arguments.split, arguments.samples, arguments.num_envs
    reader: Reader
    if arguments.backward:
        device = str(next(agent.parameters()).device)
        other, mirrored, theirs, _ = load(arguments.backward, device)
        mirrored = with_images_found(mirrored, other, theirs, arguments)
        if arguments.focus or config.backward or not mirrored.backward:
            raise InvalidArgument(
                f"{run} must be a forward run and {arguments.backward} one that was "
                "trained with --backward; --focus reads with one agent alone"
            )
        if mirrored.env_id != config.env_id:
            raise InvalidArgument(
                f"{run} reads {config.env_id} and {arguments.backward} {mirrored.env_id}"
            )
        if theirs.num_classes != sizes.num_classes:
            raise InvalidArgument(
                f"{run} knows {sizes.num_classes} classes and {arguments.backward} "
                f"{theirs.num_classes}: train both with the same --num-classes"
            )
        forward = label_reader(agent, config, split, samples=samples, num_envs=rows)
        backward = label_reader(other, mirrored, split, samples=samples, num_envs=rows)
        reader = ForwardBackwardReader(forward, backward)
        name = f"forward-backward with {arguments.backward.name}"
    else:
        wide = arguments.focus
        reader = FocusReader(agent, config, split, wide, samples=samples, num_envs=rows)
        name = f"focus on {wide}"
    result = evaluate_reader(
        reader, split, name=name, samples=samples, images=arguments.images, progress=True
    )
    print(result.describe())
    return result


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
