"""How much memory there is, asked before it is taken: who asks for more is stopped by the system.

A process that takes more than there is is killed without a word, and its training with it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from glimpse_env.backend.protocol import Backend
from glimpse_env.errors import InvalidArgument

_GROUPS = (  # of a container: the limit, what is used, and how much of that is spare
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)


def require_memory(
    backend: Backend | None, name: str, number: int, each: int, purpose: str
) -> None:
    """Refuse to begin what does not fit into memory.

    Args:
        backend: Where the arrays will live; None for the host.
        name: The argument that says how many there are.
        number: How many.
        each: Bytes of each.
        purpose: What takes the memory.

    Raises:
        InvalidArgument: They need more than is free; the message says how many fit.
    """
    free = free_memory(backend)
    if free is not None and number * each > free:
        largest = free // each
        fits = f"the largest that fits is {largest}" if largest else "not even 1 fits"
        raise InvalidArgument(
            f"{name}={number} needs {_readable(number * each)} for {purpose}, and "
            f"{_readable(free)} are free; {fits}"
        )


def free_memory(backend: Backend | None) -> int | None:
    """Bytes that can be taken where the arrays of a backend live, or None if that is not known."""
    if backend is not None and backend.name == "torch" and backend.device.startswith("cuda"):
        cuda, device = backend.xp.cuda, backend.device
        unused = cuda.memory_reserved(device) - cuda.memory_allocated(device)  # torch keeps it
        return int(cuda.mem_get_info(device)[0] + unused)
    return min(_host_limits(), default=None)


def _host_limits() -> Iterator[int]:
    with contextlib.suppress(OSError, KeyError):
        yield 1024 * _table(Path("/proc/meminfo"))["MemAvailable:"]
    for limit, used, table in (map(Path("/sys/fs/cgroup").joinpath, names) for names in _GROUPS):
        with contextlib.suppress(OSError, ValueError):  # "max" is no number
            taken = int(used.read_text()) - _file_cache(_table(table))
            yield max(int(limit.read_text()) - taken, 0)
    with contextlib.suppress(AttributeError, OSError, ValueError):  # of the whole machine
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _table(path: Path) -> dict[str, int]:
    """The first number of each line, by its first word."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def _file_cache(table: dict[str, int]) -> int:
    """Bytes of files that are kept while nobody needs the memory."""
    return sum(table.get(f"{kind}_file", 0) for kind in ("active", "inactive"))


def _readable(number: int) -> str:
    """Bytes, in the unit in which people think of them."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return f"{number:,} bytes"
