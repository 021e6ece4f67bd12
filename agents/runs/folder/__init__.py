"""The folder of a training run, as a trainer writes it."""

from agents.runs.folder.lock import locked
from agents.runs.folder.metrics import read_metrics
from agents.runs.folder.run_folder import RunFolder, new_folder

__all__ = ["RunFolder", "locked", "new_folder", "read_metrics"]
