"""What happens beside the learning of a Stable-Baselines3 model: progress, validation, Ctrl-C."""

from __future__ import annotations

import sys
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger, make_output_format
from tqdm import tqdm

from agents.sb3.config import Sb3Config
from agents.sb3.model import save_model
from agents.sb3.reader import evaluate_sb3
from agents.trainer.loop import Interrupt


def run_logger(run: Path, steps: int) -> Logger:
    """Scalars to TensorBoard and to a table, `progress.csv`; a resumed run begins another table."""
    suffix = f"_{steps}" if steps else ""
    formats = [make_output_format(kind, str(run), suffix) for kind in ("tensorboard", "csv")]
    return Logger(str(run), formats)


class Companion(BaseCallback):
    """Shows progress, validates and saves now and then, stops when asked to.

    Args:
        config: The run.
        run: Its folder.
        stop: Whether Ctrl-C has come.
    """

    def __init__(self, config: Sb3Config, run: Path, stop: Interrupt) -> None:
        super().__init__()
        self.model: BaseAlgorithm
        self._config, self._run, self._stop = config, run, stop
        self._next = 0  # steps at which to validate
        self._used = 0  # steps that updates have learned from

    def _on_training_start(self) -> None:
        every = 0.1 if sys.stderr.isatty() else 60  # seconds; a log file is no place for animation
        self._bar = tqdm(
            total=self._config.timesteps,
            initial=self.num_timesteps,
            unit="step",
            mininterval=every,
        )
        self._plan()

    def _plan(self) -> None:
        every = self._config.evaluate_every
        self._next = (self.num_timesteps // every + 1) * every

    def _on_step(self) -> bool:
        self._bar.update(self.num_timesteps - self._bar.n)
        return not self._stop.asked

    def _on_rollout_start(self) -> None:
        """Updates are made between rollouts: the model is whole here."""
        self._used = self.num_timesteps
        if self.num_timesteps >= self._next:
            self._plan()
            self._validate()

    def _validate(self) -> None:
        number = self._config.validation_images
        seen = evaluate_sb3(self.model, self._config, "validation", images=number)
        self.logger.record("validation/error", seen.error / 100)
        save_model(self._run, self._config, self.model)
        tqdm.write(f"{self.num_timesteps:>10} steps: {seen.describe()}")

    def _on_training_end(self) -> None:
        self._bar.close()
        if self._stop.asked:  # in the middle of a rollout, which is lost
            self.model.num_timesteps = self._used
        else:
            self._validate()
        if self.logger.name_to_value:  # since the last of SB3's rows
            self.logger.dump(self.num_timesteps)
