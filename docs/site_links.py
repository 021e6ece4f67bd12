"""What makes Markdown that is written for GitHub a site: links, and lists below text.

Links that leave docs/ lead to files of the repository; the site gets these files too.
On GitHub `../benchmarks/results/runs.csv` is a file beside docs/. In the site it is a copy below
`repository/`, where Markdown becomes a page and Python a page that shows it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

COPIES = "repository"
_LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
_LIST_BELOW_TEXT = re.compile(r"^((?![-*] |\d+\. )\S.*)\n(?=[-*] |\d+\. )", re.MULTILINE)
_FENCED = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what pages link to, and what that links to."""
    root, docs = _folders(config)
    waiting = [Path(str(file.abs_src_path)) for file in files.documentation_pages()]
    seen = set(waiting)
    while waiting:
        page = waiting.pop()
        for target, _ in _LINK.findall(_prose(page.read_text(encoding="utf-8"))):
            path = (page.parent / target).resolve()
            outside = path.is_relative_to(root) and not path.is_relative_to(docs)
            if outside and path.is_file() and path not in seen:
                seen.add(path)
                files.append(_copy(path, root, config))
                waiting += [path] if path.suffix == ".md" else []
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn its links to where their files are in the site, and set lists off from text."""
    root, docs = _folders(config)
    here = page.file.src_uri
    source = root / here.removeprefix(f"{COPIES}/") if here.startswith(COPIES) else docs / here

    def turned(link: re.Match[str]) -> str:
        path = (source.parent / link[1]).resolve()
        if not path.is_file() or not path.is_relative_to(root):
            return link[0]  # for MkDocs to warn of
        there = path.relative_to(docs).as_posix() if path.is_relative_to(docs) else _uri(path, root)
        return posixpath.relpath(there, posixpath.dirname(here)) + (link[2] or "")

    def prose(text: str) -> str:
        return _LIST_BELOW_TEXT.sub(r"\1\n\n", _LINK.sub(turned, text))

    parts = _FENCED.split(markdown)
    return "".join(part if part.startswith("```") else prose(part) for part in parts)


def _folders(config: MkDocsConfig) -> tuple[Path, Path]:
    return Path(str(config.config_file_path)).parent.resolve(), Path(config.docs_dir).resolve()


def _prose(markdown: str) -> str:
    return _FENCED.sub("", markdown)


def _uri(path: Path, root: Path) -> str:
    """Where a file of the repository is in the site's sources."""
    suffix = ".md" if path.suffix == ".py" else ""
    return f"{COPIES}/{path.relative_to(root).as_posix()}{suffix}"


def _copy(path: Path, root: Path, config: MkDocsConfig) -> File:
    made: dict[str, Any] = {"abs_src_path": str(path)}
    if path.suffix == ".py":
        code = path.read_text(encoding="utf-8")
        title = path.relative_to(root).as_posix()
        made = {
            "content": f"---\nsearch: {{exclude: true}}\n---\n# {title}\n\n```python\n{code}```\n"
        }
    return File.generated(config, _uri(path, root), inclusion=InclusionLevel.NOT_IN_NAV, **made)
