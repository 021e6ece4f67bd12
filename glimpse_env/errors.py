"""Typed errors. Each message names the offending value and says what to do about it."""

from __future__ import annotations


class GlimpseError(Exception):
    """Base class of every error that this package raises on purpose."""


class InvalidArgument(GlimpseError, ValueError):
    """A constructor argument or a reset option that cannot work."""


class UnknownKeyword(InvalidArgument, TypeError):
    """A keyword that nothing reads.

    A TypeError in Python's own words, "got an unexpected keyword argument", for libraries that try
    keywords out, as TorchRL's `GymEnv` does with "frameskip".
    """


class InvalidAction(GlimpseError, ValueError):
    """A wrong shape, a gaze that is not finite, or a label or move outside its space."""


class MissingData(GlimpseError, FileNotFoundError):
    """A data file that is neither on disk nor to be had by download."""


class CorruptedData(GlimpseError, ValueError):
    """A data file whose checksum, size or content is not what it must be."""


class CacheUnavailable(GlimpseError, OSError):
    """The user's cache cannot take a file: its disk is full, or it cannot be written."""


class MissingPackage(GlimpseError, ImportError):
    """An optional package that this task needs is not installed."""


class DisplayUnavailable(GlimpseError, RuntimeError):
    """`render_mode="human"` on a machine without a display."""
