"""Docstrings taken apart: the sections of a class, and what it says of its arguments."""

from __future__ import annotations

import inspect
import re
from typing import Any

_SECTION = re.compile(r"^## (.+)\n((?:(?!## ).*\n?)*)", re.MULTILINE)
_ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n {5,}.*)*)", re.MULTILINE)


def sections(documented: Any) -> dict[str, str]:
    """The text below each `## Heading` of a docstring, by its heading."""
    found = _SECTION.findall(f"{inspect.getdoc(documented)}\n")
    return {heading: text.strip() for heading, text in found}


def summary(documented: Any) -> str:
    """What a docstring says before its first heading, or before its arguments."""
    text = f"{inspect.getdoc(documented)}\n"
    return re.split(r"^(?:## .*|Args:|Raises:)$", text, maxsplit=1, flags=re.MULTILINE)[0].strip()


def arguments(documented: Any) -> dict[str, str]:
    """What a docstring says of each argument, on one line."""
    text = inspect.getdoc(documented) or ""
    found = re.search(r"^Args:\n((?:(?: {4}.*)?\n?)*)", f"{text}\n", re.MULTILINE)
    listed = _ARGUMENT.findall(found[1]) if found else []
    return {name: re.sub(r"\s+", " ", words) for name, words in listed}


def defaults(constructor: Any) -> dict[str, Any]:
    """The keywords of a constructor and their defaults; `inspect.Parameter.empty` for none."""
    named = inspect.signature(constructor).parameters.values()
    return {one.name: one.default for one in named if one.kind is inspect.Parameter.KEYWORD_ONLY}
