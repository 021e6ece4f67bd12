"""The environments' pages in docs/environments: `python benchmarks/environments/pages.py`.

Everything in them is said elsewhere and once: in docstrings, in the registry, in the spaces of an
environment that is made, in `results/environment_scores.csv`, `runs.csv` and `rows.csv`, and in the
presets, which name what the papers have.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import tyro
from gymnasium.spaces import Dict

import envs_registry
import glimpse_env
from agents.dram.presets import PRESETS
from agents.runs.files import write_atomically
from agents.runs.provenance import ROOT
from agents.trainer.commands import run_command
from benchmarks.csv_rows import read_csv
from benchmarks.environments.docstrings import arguments, defaults, sections, summary
from benchmarks.environments.learned import learned
from benchmarks.environments.scores import IMAGES, SCORES, Score
from benchmarks.environments.stand_ins import stand_in
from benchmarks.tables import table
from glimpse_env.tasks.house_numbers.task import HouseNumberTask
from glimpse_env.tasks.mnist.task import MNISTTask
from glimpse_env.tasks.own_images.arrays import ArrayTask
from glimpse_env.tasks.own_images.folder import ImageFolderTask
from glimpse_env.tasks.svhn.task import SVHNTask

FOLDER = ROOT / "docs" / "environments"
MADE = "<!-- Made by `python benchmarks/environments/pages.py`: change what it reads. -->"
IDS = tuple(envs_registry.TABLE)
TASKS: dict[str, tuple[Any, ...]] = {
    "mnist": (MNISTTask,),
    "house_numbers": (HouseNumberTask,),
    "svhn": (SVHNTask,),
    "arrays": (ArrayTask, ImageFolderTask),
}
OF_THE_ID = ("num_envs", "task")  # arguments that an id's page has no need of
REBUILT = "a rebuilt SVHN subset"  # where SVHN's own archives are not to be had
SCRIPTED = "Gazes and labels of the picture follow a script: nothing has been learned."
DRAWN = "The digits are drawn for the picture, in the shape of MNIST's. "
RENDERED = "Rendered house numbers stand in for photographs. "
GAZES = {  # where agents look that have learned, docs/pictures
    "GlimpseMNIST-v0": "mnist",
    "GlimpseClutteredMNIST60-v0": "cluttered60",
    "GlimpseClutteredMNIST100-v0": "cluttered100",
    "GlimpseMNISTPairs-v0": "pairs",
    "GlimpseMNISTAddition-v0": "sums",
    "GlimpseMNISTSequence-v0": "sequence",
    "GlimpseHouseNumbers-v0": "house_numbers",
    "GlimpseHouseNumbers110-v0": "house_numbers110",
    "GlimpseCatch-v0": "catch",
}
PAPERS = {
    "DRAM": "[DRAM](https://arxiv.org/abs/1412.7755)",
    "RAM": "[RAM](https://arxiv.org/abs/1406.6247)",
    "Sønderby et al. 2015": "[Sønderby et al. 2015](https://arxiv.org/abs/1509.05329)",
}


class Page:
    """What is said of one environment.

    Args:
        env_id: Its id.
    """

    def __init__(self, env_id: str) -> None:
        self.env_id, self.preset = env_id, envs_registry.TABLE[env_id]
        self.single_class, name = (
            entry.split(":")[1] for entry in envs_registry.ENTRY_POINTS[env_id]
        )
        self.vector_class = getattr(glimpse_env, name)
        self.envs = stand_in(env_id, 1)
        self.is_game = self.envs.choice == "move"
        self.tasks = () if self.is_game else TASKS[str(self.preset["task"])]
        self.sections = sections(self.vector_class)

    def text(self) -> str:
        """The page."""
        spaces = self.envs.single_action_space, self.envs.single_observation_space
        parts = {
            "Description": self.description(),
            "Action Space": with_spaces(self.sections["Action Space"], spaces[0]),
            "Observation Space": f"{self.sizes()}\n\n"
            + with_spaces(self.sections["Observation Space"], spaces[1]),
            "Rewards": self.sections["Rewards"],
            "Starting State": self.sections["Starting State"],
            "Episode End": f"{self.sections['Episode End']}\n\n{self.length()}",
            "Info": self.sections["Info"],
            "Keywords": self.keywords(),
            "Scores": self.scores(),
            "Version History": self.sections["Version History"],
        }
        body = "\n\n".join(f"## {heading}\n\n{text}" for heading, text in parts.items())
        if self.is_game:  # its glimpses are those of the others, and told there
            body = body.replace(
                "`GlimpseVectorEnv`", "[`GlimpseVectorEnv`](GlimpseMNIST-v0.md#observation-space)"
            )
        return f"{self.head()}\n\n{body}\n\n{MADE}\n"

    def head(self) -> str:
        """Name, picture, how it is made, and where it comes from."""
        shown, paper = envs_registry.shown(self.env_id)
        source = f" ({with_links(paper)})" if paper else ""
        made = f'envs = gym.make_vec("{self.env_id}", num_envs=128)'
        if self.env_id == "Glimpse-v0":
            made = made.replace("128", "16, images=images, labels=labels, num_classes=10")
        picture = self.env_id.replace("SVHN", "HouseNumbers")
        drawn = DRAWN if "MNIST" in self.env_id else RENDERED if "SVHN" in self.env_id else ""
        return "\n\n".join(
            [
                f"# {self.env_id}",
                f"{shown[0].upper()}{shown[1:]}{source}.",
                f"![{self.env_id}, step by step]({picture}.webp)",
                f"*{drawn}{SCRIPTED}*",
                f"```python\nimport gymnasium as gym\nimport glimpse_env\n\n{made}\n```",
                f"That is a `glimpse_env.{self.vector_class.__name__}`; `gym.make` makes one "
                f"environment alone, a `glimpse_env.{self.single_class}`. {self.files()}",
            ]
        )

    def files(self) -> str:
        """Whether it needs any."""
        if self.preset.get("task") in ("mnist", "svhn", "arrays"):
            return "Where its files are looked for: [data](../data.md)."
        return "It needs no files."

    def description(self) -> str:
        """The task first, then how it is looked at."""
        return "\n\n".join([*map(summary, self.tasks), self.sections["Description"]])

    def sizes(self) -> str:
        """What the letters of the docstring are here."""
        channels, height, width = self.envs.image_shape
        glimpse = self.envs.single_observation_space["glimpse"].shape
        context = self.envs.single_observation_space.spaces.get("context")
        found = {
            "image": f"{width}x{height}, C = {channels}",
            "glimpse": f"K = {glimpse[0] // channels}, g = {glimpse[-1]}",
            "context": f"c = {context.shape[-1]}" if context else "none (c = 0)",
        }
        if self.env_id == "Glimpse-v0":
            found["image"] = "yours; the spaces below are those of the three colour images above"
        return (
            "Here, by default: " + "; ".join(f"{name} {size}" for name, size in found.items()) + "."
        )

    def length(self) -> str:
        """How many steps an episode has."""
        if self.is_game:
            return f"Here, by default, an episode has {self.envs.game.steps} steps."
        rules = self.envs.rules
        most = "at most " if rules.max_said > 1 else ""
        return (
            f"Here, by default, N = {rules.glimpses_per_label}, and an episode has {most}"
            f"{rules.max_steps} step{'s' * (rules.max_steps != 1)}."
        )

    def keywords(self) -> str:
        """Every keyword, its default here, and what it means."""
        rows = keyword_rows(self.vector_class, self.preset, self.tasks)
        text = table(["keyword", "default", "meaning"], rows, right=0)
        if len(self.tasks) > 1:
            text += (
                "\n\nGive either `images`, `labels` and `num_classes`, or `image_folder` and "
                "`label_file`."
            )
        return f"Of `gym.make` and `gym.make_vec`. A default in bold is this id's own.\n\n{text}"

    def scores(self) -> str:
        """What is earned without learning, here, and in the papers."""
        if self.env_id == "Glimpse-v0":
            return "Yours: `agents/evaluate.py` reads the test split, and says with which error."
        found = {
            score.player: score for score in read_csv(Score, SCORES) if score.env_id == self.env_id
        }
        who = self.players()
        rows = [
            [who[name], score.error(), f"{score.mean_return:.3f}"] for name, score in found.items()
        ]
        known = learned(self.env_id)
        published = [
            config().published_error
            for config in PRESETS.values()
            if config().env_id == self.env_id
        ][:1]
        rows += [*known.best, ["published", with_links(", ".join(published)) or "none", ""]]
        what, unit = "images with any label wrong", "images"
        if self.is_game:
            what, unit = "games lost", "games"
        images = next(iter(found.values())).images
        counted = f"{images:,} {unit}" if images == IMAGES else f"{REBUILT}, {images} numbers"
        parts = [table(["who", what, "mean return"], rows, right=2)]
        parts.append(
            f"Of the test split, with 95 % intervals. The first two rows: {counted}, "
            "`python benchmarks/environments/scores.py`."
        )
        if self.env_id in GAZES:
            picture = f"../pictures/{GAZES[self.env_id]}.webp"
            parts.append(f"[Where an agent looks that has learned]({picture}).")
        return "\n\n".join([*parts, *known.tables])

    def players(self) -> dict[str, str]:
        """What the players that learn nothing do."""
        if self.is_game:
            return {
                "random": "random gazes and moves",
                "center": "gaze at the middle, the paddle stays",
            }
        return {
            "random": "random gazes and labels",
            "center": "gaze at the middle, always the commonest label",
        }


def keyword_rows(made: Any, preset: Mapping[str, Any], tasks: Sequence[Any]) -> list[list[str]]:
    """Rows of the table of keywords: those of its tasks first, then the environment's own."""
    meaning, own = arguments(made), defaults(made.__init__)
    known: dict[str, Any] = {}
    for task in tasks:
        # What a task says of a keyword that both have is nearer to it.
        meaning |= {name: words for name, words in arguments(task).items() if name != "backend"}
        given = defaults(task.__init__)
        known |= {name: given[name] for name in given if name not in own | known}
    rows = []
    for name, default in (known | own).items():
        if name in OF_THE_ID:
            continue
        shown = "to be given" if default is inspect.Parameter.empty else f"`{default!r}`"
        if name in preset and preset[name] != default:
            shown = f"**`{preset[name]!r}`**"
        rows.append([f"`{name}`", shown, meaning[name].replace("|", "\\|")])
    return rows


def with_spaces(section: str, space: Dict) -> str:
    """A section whose table has the spaces of an environment in its second column."""
    lines = []
    for line in section.splitlines():
        found = re.match(r"\| `(\w+)` \| .*? \| (.*)", line)
        if found:
            shown = f"`{space[found[1]]}`" if found[1] in space.spaces else "none by default"
            line = f"| `{found[1]}` | {shown} | {found[2]}"
        lines.append(line.replace("space of one row", "space"))
    return "\n".join(lines)


def with_links(paper: str) -> str:
    """A source with its paper linked."""
    pattern = "|".join(rf"\b{name}\b" for name in PAPERS)
    return re.sub(pattern, lambda found: PAPERS[found[0]], paper, count=1)


def overview() -> str:
    """The page of all: the registry's table with links, and the pictures."""
    listed = re.sub(r"`(Glimpse\w*-v0)`", r"[`\1`](\1.md)", envs_registry.readme_table())
    shown = [name for name in IDS if "SVHN" not in name]
    pictures = "\n\n".join(f"### {name}\n\n[![{name}]({name}.webp)]({name}.md)" for name in shown)
    return (
        f"# Environments\n\nEvery id has a page: pictures, spaces, rewards, all keywords "
        f"with their defaults, and scores.\n\n{listed}\n\n{DRAWN}{SCRIPTED}\n\n{pictures}\n\n"
        f"{MADE}\n"
    )


def pages() -> dict[str, str]:
    """All pages by the names of their files."""
    return {"README.md": overview()} | {f"{name}.md": Page(name).text() for name in IDS}


@dataclasses.dataclass
class Arguments:
    """Write the pages of the environments."""

    folder: Path = FOLDER
    """Where to."""


def main(arguments: Arguments) -> None:
    """Write them."""
    for name, text in pages().items():
        write_atomically(arguments.folder / name, text.encode())


if __name__ == "__main__":
    run_command(lambda: main(tyro.cli(Arguments)))
