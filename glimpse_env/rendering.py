"""Frames for people: what the image is, where the eye went, what it saw and what was said."""

from __future__ import annotations

from typing import Any


class Trace:
    """Where each row looked and what it said last."""

    def __init__(self, number: int) -> None:
        """Nothing yet."""

    def begin(self, mask: Any, gaze: Any, *, seen: bool) -> None:
        """Rows in `mask` begin."""

    def look(self, mask: Any, gaze: Any) -> None:
        """Rows in `mask` moved."""

    def say(self, mask: Any, label: Any, right: Any) -> None:
        """Rows in `mask` spoke."""
