"""Pictures of docs/ that do not move: where they are, and how they are written."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from agents.runs.files import write_atomically
from agents.runs.provenance import ROOT

PICTURES = ROOT / "docs" / "pictures"


def write_webp(path: Path, picture: Image.Image, quality: int) -> None:
    """Write a picture as WebP, in a tenth of a PNG's room; the whole file, or nothing.

    Args:
        path: The file.
        picture: What is in it.
        quality: In 0 .. 100; from 75 on no eye misses what is lost.

    Raises:
        FolderUnwritable: There is no room, or the folder cannot be written.
    """
    content = io.BytesIO()
    picture.save(content, "WEBP", quality=quality)
    write_atomically(path, content.getvalue())
