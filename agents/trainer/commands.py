"""How commands end: with a line instead of a traceback, and an exit status."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from agents.runs.provenance import commit
from glimpse_env.errors import GlimpseError

STOPPED = 130  # exit status after Ctrl-C or SIGTERM; no script takes the run for a whole one


def run_command(command: Callable[[], int | None]) -> NoReturn:
    """End the process as commands do: with a line instead of a traceback, and an exit status.

    Args:
        command: What to do; returns the exit status, None for 0.
    """
    commit()  # of the code that runs, which may change on the disk while it does
    try:
        try:
            status = command()
        finally:
            sys.stdout.flush()
    except GlimpseError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit(STOPPED)
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(STOPPED)
    sys.exit(status)


@contextlib.contextmanager
def going_on_later(script: str, run: Path, env_id: str) -> Iterator[None]:
    """Say how to go on with a run, if Ctrl-C ends what is done inside."""
    try:
        yield
    except KeyboardInterrupt:
        print(how_to_go_on(script, run, env_id))
        raise


def how_to_go_on(script: str, run: Path, env_id: str) -> str:
    """The line that a stopped run ends with."""
    return f"stopped; to go on: python agents/{script} --resume {run}{naming(env_id)}"


def naming(env_id: str) -> str:
    """What a command that is given a run must say of its environment, for its module's sake."""
    return f" --env-id {env_id}" if ":" in env_id else ""
