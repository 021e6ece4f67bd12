"""Docstrings are taken apart as they are written."""

from __future__ import annotations

import inspect

from benchmarks.environments.docstrings import arguments, defaults, sections, summary


class Documented:
    """One line.

    More of it.

    ## Action Space
    A sentence.

    | key | meaning |
    |---|---|

    ## Arguments
    Args:
        first: What it is, on
            two lines.
        second: "a" or "b": either.
        **others: Left out.

    Raises:
        ValueError: Never.
    """

    def __init__(self, place: int, *, first: int, second: str = "a", **others: int) -> None:
        pass


def test_sections_by_their_headings() -> None:
    found = sections(Documented)
    assert list(found) == ["Action Space", "Arguments"]
    assert found["Action Space"] == "A sentence.\n\n| key | meaning |\n|---|---|"


def test_what_stands_before_them() -> None:
    assert summary(Documented) == "One line.\n\nMore of it."


def test_arguments_on_one_line_each() -> None:
    assert arguments(Documented) == {
        "first": "What it is, on two lines.",
        "second": '"a" or "b": either.',
    }


def test_keywords_and_their_defaults() -> None:
    assert defaults(Documented.__init__) == {"first": inspect.Parameter.empty, "second": "a"}
