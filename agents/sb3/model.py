"""From a configuration to a Stable-Baselines3 model, and from a model to a file and back."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

from stable_baselines3 import A2C, PPO
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from agents.runs.fields import expanded
from agents.runs.files import read_whole, write_atomically, write_json
from agents.sb3.config import Sb3Config
from agents.trainer.envs import spec_of
from glimpse_env.errors import CorruptedData, InvalidArgument, MissingPackage
from glimpse_env.sb3 import GlimpseExtractor, GlimpseVecEnv

CONFIG, MODEL = "config.json", "model.zip"


def algorithm(name: str) -> Any:
    """The class of an algorithm.

    Raises:
        MissingPackage: It is in sb3-contrib, which is not installed.
    """
    if name != "recurrent-ppo":
        return {"ppo": PPO, "a2c": A2C}[name]
    try:
        from sb3_contrib import RecurrentPPO
    except ImportError as error:
        raise MissingPackage(
            "--algo recurrent-ppo needs sb3-contrib: pip install sb3-contrib"
        ) from error
    return RecurrentPPO


def training_envs(config: Sb3Config) -> GlimpseVecEnv:
    """The environments of the training split."""
    return GlimpseVecEnv(
        spec_of(config).id,
        config.num_envs,
        action=config.action,
        gaze_bins=config.gaze_bins,
        **config.env_options(),
    )


def make_model(config: Sb3Config, envs: GlimpseVecEnv, device: str = "cpu") -> OnPolicyAlgorithm:
    """A fresh model for these environments.

    Raises:
        MissingPackage: Recurrent PPO needs sb3-contrib, which is not installed.
    """
    recurrent = config.algo == "recurrent-ppo"
    policy: dict[str, Any] = {
        "features_extractor_class": GlimpseExtractor,
        "features_extractor_kwargs": {"features": config.features, "channels": config.channels},
        "net_arch": [config.units],
    }
    if recurrent:
        policy["lstm_hidden_size"] = config.units
    minibatches = {"batch_size": config.batch, "n_epochs": config.epochs}
    model: OnPolicyAlgorithm = algorithm(config.algo)(
        "MultiInputLstmPolicy" if recurrent else "MultiInputPolicy",
        envs,
        n_steps=config.steps,
        learning_rate=config.learning_rate,
        gamma=config.discount,
        ent_coef=config.entropy_weight,
        policy_kwargs=policy,
        seed=config.seed,
        device=device,
        **({} if config.algo == "a2c" else minibatches),
    )
    return model


def save_model(run: Path, config: Sb3Config, model: OnPolicyAlgorithm) -> None:
    """Write the configuration and the model, each whole or not at all.

    `model.zip` is what SB3 writes: `PPO.load` reads it without this code.
    """
    buffer = io.BytesIO()
    model.save(buffer)
    write_json(run / CONFIG, config_as_dict(config))
    write_atomically(run / MODEL, buffer.getvalue())


def config_as_dict(config: Sb3Config) -> dict[str, Any]:
    """Numbers, strings and a dictionary of them."""
    return {**vars(config), "options": dict(config.options)}


def load_config(run: Path) -> Sb3Config:
    """The configuration of a run.

    Raises:
        MissingData: The folder has none.
        CorruptedData: It is damaged.
        InvalidArgument: It is that of another trainer, or of another version of this one.
    """
    run = expanded("run", run)
    try:
        saved = json.loads(read_whole(run / CONFIG, "name the folder of a training run"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise CorruptedData(f"{run / CONFIG} is damaged: {error}") from error
    try:
        return Sb3Config(**saved)
    except TypeError as error:
        raise InvalidArgument(
            f"{run} is the run of another trainer, or of another version of this one: use the "
            "script, and the version of this code, that made it"
        ) from error


def load_model(run: Path, envs: GlimpseVecEnv | None, device: str = "cpu") -> OnPolicyAlgorithm:
    """The model of a run.

    SB3's files hold pickled objects: load none that you would not run.

    Args:
        run: Folder of the run.
        envs: Environments to go on with, or None.
        device: Torch device.

    Raises:
        MissingData: The folder has no model.
        CorruptedData: The file is cut short, or no model.
    """
    content = read_whole(run / MODEL, "name the folder of a training run")
    kind = algorithm(load_config(run).algo)
    try:
        _check_zip(content)
        model: OnPolicyAlgorithm = kind.load(io.BytesIO(content), env=envs, device=device)
    except (ValueError, KeyError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise CorruptedData(f"{run / MODEL} is damaged, or no model: {error}") from error
    return model


def _check_zip(content: bytes) -> None:
    """Compare the checksums that the archive has of its parts, before any of it is unpickled."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # A torn file may end in a smaller archive: its parts are archives themselves.
            missing = {"data", "policy.pth", "policy.optimizer.pth"} - set(archive.namelist())
            damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error
    if missing or damaged:
        raise ValueError(f"{damaged} is altered" if damaged else f"{min(missing)} is missing")
