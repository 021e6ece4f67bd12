"""Frames for people: what the image is, where the eye went, what it saw and what was said."""

from __future__ import annotations

from typing import Any


class Trace:
    def __init__(self, number: int) -> None: ...
