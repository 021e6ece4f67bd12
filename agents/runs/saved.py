"""What a run has left in its folder, and whether it fits what it is wanted for."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from agents.runs import checkpoint, pretrained
from agents.runs.config import RunConfig
from agents.runs.fields import expanded, is_row
from glimpse_env.errors import CorruptedData, InvalidArgument

ConfigT = TypeVar("ConfigT", bound=RunConfig)
_ANOTHER = (
    "{run} is the run of another trainer; go on with it, or read the test split, by python "
    "agents/{script} --resume {run}"
)
_OTHER_VERSION = "use the version of this code that made the run, or train again"


def trainer_of(run: str | Path) -> str | None:
    """The script that made a run, as its checkpoint says; None where none is said.

    Raises:
        MissingData, CorruptedData: There is no checkpoint, or a damaged one.
    """
    trainer = _state_of(run).get("trainer")
    return trainer if isinstance(trainer, str) else None


def load_run(run: str | Path, kind: type[ConfigT]) -> tuple[dict[str, Any], ConfigT]:
    """The checkpoint of a run, and the configuration in it.

    Args:
        run: Its folder, or `pretrained:NAME`.
        kind: Class of the configuration.

    Raises:
        MissingData: The folder has no checkpoint, or there is no such agent.
        CorruptedData: The checkpoint is damaged.
        InvalidArgument: It is that of another trainer, or of another version of this one.
    """
    state = _state_of(run)
    saved = state.get("config")
    if not isinstance(saved, dict):
        raise CorruptedData(f"the checkpoint of {run} has no configuration; train again")
    trainer = state.get("trainer")
    if trainer != kind.TRAINER:
        raise InvalidArgument(_ANOTHER.format(run=run, script=trainer))
    _require_history(run, state)
    unknown = sorted(set(map(str, saved)) - {field.name for field in dataclasses.fields(kind)})
    if unknown:
        raise InvalidArgument(f"{run}: the option {unknown[0]!r} is not known; {_OTHER_VERSION}")
    try:
        return state, kind(**saved)
    except TypeError as error:  # an option that is wanted, and not there
        raise InvalidArgument(f"{run}: {error}; {_OTHER_VERSION}") from error


def _state_of(run: str | Path) -> dict[str, Any]:
    if pretrained.is_pretrained(run):
        return pretrained.load_state(run)
    path = expanded("run", run)
    if (path / "model.zip").exists():  # as Stable-Baselines3 calls its models
        raise InvalidArgument(_ANOTHER.format(run=run, script="train_sb3.py"))
    return checkpoint.load(path / "checkpoint.pt")


def _require_history(run: str | Path, state: dict[str, Any]) -> None:
    """Refuse a state that does not tell how far the run is.

    Raises:
        CorruptedData: It has no number of updates, or metrics that are none.
    """
    updates, metrics = state.get("updates"), state.get("metrics", [])
    if type(updates) is not int or not 0 <= updates < 2**40:
        raise CorruptedData(f"{run}: updates={updates!r} is no number of updates; train again")
    rows = metrics if isinstance(metrics, list) else [metrics]
    if not all(is_row(row) for row in rows):
        raise CorruptedData(f"{run}: the metrics in its checkpoint are no rows; train again")


@contextlib.contextmanager
def fitting(run: str | Path) -> Iterator[None]:
    """Say whose weights it is that do not fit, while they are loaded.

    Raises:
        InvalidArgument: Networks or optimizer have other names or sizes than what they are for.
    """
    try:
        yield
    except Exception as error:  # what was made by hand trips it up in a dozen ways
        raise InvalidArgument(
            f"{run} holds networks of other sizes or names than those wanted here. Give both runs "
            f"the same sizes, or {_OTHER_VERSION}: {error}"
        ) from error
