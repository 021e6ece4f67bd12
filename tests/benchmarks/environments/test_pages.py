"""Every id has its page, which says what its code does."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

import envs_registry
from benchmarks.environments import pages
from benchmarks.environments.stand_ins import stand_in

IDS = list(envs_registry.TABLE)
FILES_ONLY = [name for name in IDS if name != "Glimpse-v0"]  # needs no arrays
Keywords = Callable[[str], dict[str, Any]]


def page(env_id: str) -> str:
    return (pages.FOLDER / f"{env_id}.md").read_text(encoding="utf-8")


def test_the_pages_are_what_the_generator_makes() -> None:
    made = pages.pages()
    assert {path.name for path in pages.FOLDER.glob("*.md")} == set(made)
    for name, text in made.items():
        again = "python benchmarks/environments/pages.py"
        assert (pages.FOLDER / name).read_text(encoding="utf-8") == text, f"{name}: {again}"


def test_pages_are_written_where_they_are_wanted(tmp_path: Path) -> None:
    pages.main(pages.Arguments(folder=tmp_path))
    assert len(list(tmp_path.glob("*.md"))) == len(IDS) + 1
    assert (tmp_path / "Glimpse-v0.md").read_text(encoding="utf-8") == page("Glimpse-v0")


@pytest.mark.parametrize("name", FILES_ONLY)
def test_spaces_are_those_of_the_environment(name: str, keywords_of: Keywords) -> None:
    envs: Any = gym.make_vec(name, 1, **keywords_of(name))
    assert envs.single_observation_space == stand_in(name, 1).single_observation_space
    for spaces in (envs.single_observation_space, envs.single_action_space):
        for key, space in spaces.spaces.items():
            assert f"| `{key}` | `{space}` |" in page(name)


@pytest.mark.parametrize("name", FILES_ONLY)
def test_keywords_are_all_there_is_and_defaults_what_they_are(
    name: str, keywords_of: Keywords
) -> None:
    """An environment made with all of them, written out, is the one made with none."""
    (table,) = re.findall(r"## Keywords\n.*?\n\n(\|.*?)\n\n", page(name), re.DOTALL)
    rows = re.findall(r"^\| `(\w+)` \| \**`(.*?)`\** \| .+ \|$", table, re.MULTILINE)
    assert len(rows) == len(table.splitlines()) - 2 > 10
    written = {keyword: ast.literal_eval(value) for keyword, value in rows}
    given = keywords_of(name)
    envs: Any = gym.make_vec(name, 2, **given)
    again: Any = gym.make_vec(name, 2, **written | given)
    glimpses = [made.reset(seed=5)[0]["glimpse"] for made in (envs, again)]
    np.testing.assert_array_equal(*glimpses)
    assert again.recipe.keys() == set(written) | envs.recipe.keys()
    for keyword, value in envs.recipe.items() if "Catch" not in name else ():
        assert value == again.recipe[keyword], keyword


@pytest.mark.parametrize("name", IDS)
def test_a_default_of_the_id_is_marked(name: str) -> None:
    marked = re.findall(r"^\| `(\w+)` \| \*\*`(.*?)`\*\*", page(name), re.MULTILINE)
    for keyword, value in marked:
        assert envs_registry.TABLE[name][keyword] == ast.literal_eval(value)
    assert marked or name in ("Glimpse-v0", "GlimpseCatch-v0")


@pytest.mark.parametrize("name", IDS)
def test_the_classes_of_a_spec_lead_to_the_page(name: str) -> None:
    spec = gym.spec(name)
    for entry in (spec.entry_point, spec.vector_entry_point):
        module, _, made = str(entry).partition(":")
        documented = getattr(importlib.import_module(module), made).__doc__
        assert "docs/environments/" in documented and f"`glimpse_env.{made}`" in page(name)


def test_a_task_is_none_of_the_games_for_being_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that lacks its keywords is not written; what is a game, its actions say."""
    one = pages.Page("GlimpseHouseNumbers-v0")
    one.tasks = ()
    assert "N = 3" in one.length() and "labels" in one.players()["random"]
    assert "images with any label wrong" in one.scores() and " games" not in one.scores()
    monkeypatch.delitem(pages.TASKS, "house_numbers")
    with pytest.raises(KeyError, match="house_numbers"):
        pages.Page("GlimpseHouseNumbers-v0")


def test_the_length_of_an_episode_is_the_one_played(keywords_of: Keywords) -> None:
    for name in ("GlimpseMNIST-v0", "GlimpseMNISTPairs-v0"):
        envs: Any = gym.make_vec(name, 1, **keywords_of(name))
        envs.reset(seed=0)
        steps, over = 0, np.zeros(1, bool)
        while not over.any():
            *_, over, _, _ = envs.step(envs.action_space.sample())
            steps += 1
        assert f"an episode has {steps} steps." in page(name)
