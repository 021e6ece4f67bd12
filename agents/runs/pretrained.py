"""Agents that come with the repository: weights without code, and a page that says what they are.

`agents/pretrained/NAME.safetensors` has the weights, in half precision; `NAME.json` the whole
configuration, sizes, provenance, results and the checksum of the weights. Wherever the folder of a
run is asked for, `pretrained:NAME` names one of them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from agents.runs.files import write_atomically
from glimpse_env.errors import CorruptedData, InvalidArgument, MissingData

PREFIX = "pretrained:"
FOLDER = Path(__file__).resolve().parents[1] / "pretrained"
LARGEST = 3 * 2**20  # bytes of a file of weights
_REMEDY = "restore it from the repository"


@dataclasses.dataclass(frozen=True)
class Page:
    """What is known of a pretrained agent."""

    trainer: str  # the script that made it
    config: dict[str, Any]  # every option
    sizes: dict[str, Any]  # what it was made for
    updates: int  # of its weights
    provenance: dict[str, Any]  # command, commit, date, machine, versions, seconds
    results: list[dict[str, Any]]  # evaluations of the test split
    sha256: str  # of the weights

    @property
    def error(self) -> str:
        """The error of the test split at the mean gaze, with its interval, percent."""
        first = self.results[0]
        low, high = first["interval"]
        return f"{first['error']:.2f} % ({low:.2f} .. {high:.2f})"

    @property
    def published(self) -> str:
        """The row of the papers' tables, and its error."""
        return str(self.config.get("published_error") or "none")


def is_pretrained(run: str | Path) -> bool:
    """Whether a run is named that comes with the repository."""
    return str(run).startswith(PREFIX)


def name_of(run: str | Path) -> str:
    """What follows `pretrained:`."""
    return str(run).removeprefix(PREFIX)


def names(folder: Path = FOLDER) -> list[str]:
    """All that there are."""
    return sorted(path.stem for path in folder.glob("*.safetensors"))


def page(name: str, folder: Path = FOLDER) -> Page:
    """What is known of one.

    Raises:
        MissingData: There is none of that name.
        CorruptedData: The file is damaged.
    """
    path = folder / f"{name}.json"
    if name not in names(folder) or not path.exists():
        known = ", ".join(names(folder)) or "none"
        raise MissingData(f"no pretrained agent {name!r}; there are: {known}")
    try:
        return Page(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise CorruptedData(f"{path} is damaged ({error}); {_REMEDY}") from error


def load_state(run: str | Path, folder: Path = FOLDER) -> dict[str, Any]:
    """The state of `pretrained:NAME`, as a checkpoint has it but for the optimizer.

    Raises:
        MissingData: There is none of that name.
        CorruptedData: A file is damaged.
    """
    known = page(name_of(run), folder)
    path = folder / f"{name_of(run)}.safetensors"
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != known.sha256:
        raise CorruptedData(f"{path} is not the file that its page tells of; {_REMEDY}")
    try:
        weights = load(content)
    except SafetensorError as error:
        raise CorruptedData(f"{path} is damaged ({error}); {_REMEDY}") from error
    return {
        "trainer": known.trainer,
        "config": as_saved(known.config),
        "sizes": as_saved(known.sizes),
        "updates": known.updates,
        "agent": {key: weight.float() for key, weight in weights.items()},
    }


def as_saved(options: dict[str, Any]) -> dict[str, Any]:
    """Options as they were before JSON made lists of their tuples."""
    return {
        key: tuple(value) if isinstance(value, list) else value for key, value in options.items()
    }


def rounded(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights as they are kept: float16."""
    return {key: weight.half().contiguous() for key, weight in weights.items()}


def write(
    name: str,
    state: dict[str, Any],
    provenance: dict[str, Any],
    results: list[dict[str, Any]],
    folder: Path = FOLDER,
) -> Path:
    """Keep the agent of a checkpoint under a name, its weights as float16.

    Args:
        name: What to call it.
        state: Of the checkpoint.
        provenance: Of the training.
        results: Evaluations of the test split, the mean gaze first.
        folder: Where to.

    Returns:
        The file of the weights.

    Raises:
        InvalidArgument: The weights are larger than `LARGEST`, or beyond what float16 can hold.
    """
    weights = rounded(state["agent"])
    beyond = [key for key, weight in weights.items() if not torch.isfinite(weight).all()]
    content = save(weights)
    if beyond or len(content) > LARGEST:
        what = f"{beyond[0]} does not fit into float16" if beyond else f"{len(content)} bytes"
        raise InvalidArgument(f"{name}: {what}; at most {LARGEST} bytes of float16 are kept")
    kept = Page(
        trainer=state["trainer"],
        config=state["config"],
        sizes=state["sizes"],
        updates=state["updates"],
        provenance=provenance,
        results=results,
        sha256=hashlib.sha256(content).hexdigest(),
    )
    path = folder / f"{name}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    text = json.dumps(dataclasses.asdict(kept), indent=1, ensure_ascii=False) + "\n"
    write_atomically(path.with_suffix(".json"), text.encode())
    return path
