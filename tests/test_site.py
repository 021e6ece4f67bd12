"""The site of docs/: built without a warning, with every link leading somewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import envs_registry

ROOT = Path(__file__).parents[1]
CONFIG = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMMAND = "mkdocs build --strict"


def test_every_environment_is_in_the_navigation() -> None:
    listed = re.findall(r"environments/(Glimpse\w*-v0)\.md", CONFIG)
    assert listed == list(envs_registry.TABLE)


def test_one_command_builds_it_here_and_in_ci() -> None:
    assert PROJECT["optional-dependencies"]["docs"]
    assert COMMAND in (ROOT / ".ci" / "docs").read_text()
    assert "bash .ci/docs" in (ROOT / ".ci" / "run").read_text()
    assert "bash .ci/docs" in (ROOT / ".github" / "workflows" / "tests.yml").read_text()
    assert COMMAND in (ROOT / "CONTRIBUTING.md").read_text()


class Page(HTMLParser):
    """Where a page leads, and where in it one can be led to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            if name == "id" and value:
                self.places.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not importlib.util.find_spec("material"):
        pytest.skip('pip install -c constraints.txt -e ".[docs]"')
    folder = tmp_path_factory.mktemp("site")
    quiet = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", *COMMAND.split(), "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=quiet)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def inner_links(page: Page) -> Iterator[tuple[str, str]]:
    for link in page.links:
        if not re.match(r"\w+:|//", link):
            path, _, place = unquote(link).partition("#")
            yield path, place


def test_links_lead_somewhere(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html") if path.name != "404.html"}
    assert len(pages) > 50
    for path, page in pages.items():
        for link, place in inner_links(page):
            there = (path.parent / link).resolve() if link else path
            there = there / "index.html" if there.is_dir() else there
            assert there.is_file(), f"{path.relative_to(site)}: {link}"
            if place and there in pages:
                assert place in pages[there].places, f"{path.relative_to(site)}: {link}#{place}"


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for path in site.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r'<(?:script|img|link)[^>]*(?:src|href)="(?:https?:)?//', text), path


def test_code_and_results_of_the_repository_are_there(site: Path) -> None:
    shown = (site / "repository/examples/plain_ram.py/index.html").read_text(encoding="utf-8")
    assert "highlight" in shown
    kept = site / "repository/benchmarks/results/runs.csv"
    assert kept.read_bytes() == (ROOT / "benchmarks/results/runs.csv").read_bytes()


def test_lists_right_below_text_are_lists(site: Path) -> None:
    """As on GitHub, of which Python's Markdown thinks otherwise."""
    note = (site / "lab/2026-11-27-sums/index.html").read_text(encoding="utf-8")
    assert re.search(r"<strong>Conclusion\.</strong></p>\s*<ul>", note)


def test_everything_can_be_searched_but_code(site: Path) -> None:
    index = (site / "search/search_index.json").read_text(encoding="utf-8")
    for name in envs_registry.TABLE:
        assert f"environments/{name}/" in index
    assert "repository/examples" not in index
