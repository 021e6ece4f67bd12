"""Checkpoints: written whole or not at all, and verified before they are read."""

from __future__ import annotations

import hashlib
import io
import warnings
from pathlib import Path
from typing import Any

import torch

from agents.runs.files import read_whole, write_atomically
from glimpse_env.errors import CorruptedData

_MAGIC = b"glimpse-checkpoint-1"


def save(path: Path, state: dict[str, Any]) -> None:
    """Write tensors, numbers, strings, lists and dictionaries of them.

    Raises:
        FolderUnwritable: There is no room, or the folder cannot be written; the old file stays.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getvalue()
    write_atomically(path, _MAGIC + hashlib.sha256(payload).digest() + payload)


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote, tensors on the CPU; nothing in the file is executed.

    Raises:
        MissingData: No such file.
        CorruptedData: The file is cut short, altered, or no checkpoint.
    """
    content = read_whole(path, "name the folder of a training run")
    start = len(_MAGIC) + hashlib.sha256().digest_size
    digest, payload = content[len(_MAGIC) : start], content[start:]
    if not content.startswith(_MAGIC) or hashlib.sha256(payload).digest() != digest:
        raise CorruptedData(f"{path} is cut short, altered, or no checkpoint; train again")
    try:
        with warnings.catch_warnings(action="ignore"):
            state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except Exception as error:  # a payload forged by hand trips it up in a dozen ways
        raise CorruptedData(f"{path} holds what no checkpoint holds: {error!r}") from error
    if not isinstance(state, dict):
        raise CorruptedData(f"{path} holds a {type(state).__name__}, which no checkpoint is")
    return state
