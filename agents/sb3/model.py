"""From a configuration to a Stable-Baselines3 model, and from a model to a file and back."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from agents.runs.fields import expanded
from agents.runs.files import read_whole, write_atomically, write_json
from agents.sb3.config import COLLECTING, REPLAYING, Sb3Config
from agents.sb3.stack import StackedGlimpses
from agents.trainer.envs import spec_of
from glimpse_env.errors import CorruptedData, InvalidArgument, MissingPackage
from glimpse_env.sb3 import GlimpseExtractor, GlimpseVecEnv

CONFIG, MODEL = "config.json", "model.zip"
_PLAIN = {"ppo": PPO, "a2c": A2C, "dqn": DQN, "sac": SAC}


def algorithm(name: str) -> Any:
    """The class of an algorithm.

    Raises:
        MissingPackage: It is in sb3-contrib, which is not installed.
    """
    if name in _PLAIN:
        return _PLAIN[name]
    try:
        from sb3_contrib import TQC, RecurrentPPO

        from agents.sb3.labels import LabelledPPO
    except ImportError as error:
        raise MissingPackage(f"--algo {name} needs sb3-contrib: pip install sb3-contrib") from error
    return {"recurrent-ppo": RecurrentPPO, "labelled-ppo": LabelledPPO, "tqc": TQC}[name]


def training_envs(config: Sb3Config) -> VecEnv:
    """The environments of the training split.

    Raises:
        InvalidArgument: Labels are asked for where there are none.
    """
    envs = GlimpseVecEnv(
        spec_of(config).id,
        config.num_envs,
        action=config.action,
        gaze_bins=config.gaze_bins,
        **config.env_options(),
    )
    return wrapped(config, envs)


def wrapped(config: Sb3Config, envs: VecEnv) -> VecEnv:
    """These environments as the algorithm wants to see them.

    Raises:
        InvalidArgument: Labels are asked for where there are none.
    """
    if config.stack > 1:
        envs = StackedGlimpses(envs, config.stack)
    if config.algo == "labelled-ppo":
        from agents.sb3.labels import WithTargets  # needs sb3-contrib

        envs = WithTargets(envs)
    return envs


def make_model(config: Sb3Config, envs: VecEnv, device: str = "cpu") -> BaseAlgorithm:
    """A fresh model for these environments.

    Raises:
        MissingPackage: The algorithm needs sb3-contrib, which is not installed.
    """
    kind = algorithm(config.algo)
    model: BaseAlgorithm = kind(
        _policy(config.algo),
        envs,
        learning_rate=config.learning_rate,
        gamma=config.discount,
        policy_kwargs=_policy_keywords(config),
        seed=config.seed,
        device=device,
        **_own_keywords(config),
    )
    return model


def _policy(name: str) -> Any:
    if name == "labelled-ppo":
        from agents.sb3.labels import LabelledPolicy  # needs sb3-contrib

        return LabelledPolicy
    return "MultiInputLstmPolicy" if name == "recurrent-ppo" else "MultiInputPolicy"


def _policy_keywords(config: Sb3Config) -> dict[str, Any]:
    """What the networks are made of."""
    keywords: dict[str, Any] = {
        "features_extractor_class": GlimpseExtractor,
        "features_extractor_kwargs": {"features": config.features, "channels": config.channels},
        "net_arch": [config.units],
    }
    if config.algo in ("recurrent-ppo", "labelled-ppo"):
        keywords["lstm_hidden_size"] = config.units
    return keywords


def _own_keywords(config: Sb3Config) -> dict[str, Any]:
    """What not all algorithms have."""
    if config.algo in REPLAYING:
        keywords: dict[str, Any] = {
            "batch_size": config.batch,
            "train_freq": config.steps,
            "gradient_steps": config.epochs,
            "buffer_size": config.replay,
            "learning_starts": min(config.replay, config.timesteps) // 20,
        }
        explores = {
            "exploration_fraction": 0.5,  # of the run; actions are many
            "exploration_final_eps": 0.05,
            "target_update_interval": 2000,
        }
        return keywords | explores if config.algo == "dqn" else keywords
    keywords = {"n_steps": config.steps, "ent_coef": config.entropy_weight}
    if config.algo in COLLECTING:
        keywords |= {"batch_size": config.batch, "n_epochs": config.epochs}
    if config.algo == "labelled-ppo":
        keywords["label_weight"] = config.label_weight
    return keywords


def save_model(run: Path, config: Sb3Config, model: BaseAlgorithm) -> None:
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


def load_model(run: Path, envs: VecEnv | None, device: str = "cpu") -> BaseAlgorithm:
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
        model: BaseAlgorithm = kind.load(io.BytesIO(content), env=envs, device=device)
    except (ValueError, KeyError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise CorruptedData(f"{run / MODEL} is damaged, or no model: {error}") from error
    return model


def _check_zip(content: bytes) -> None:
    """Compare the checksums that the archive has of its parts, before any of it is unpickled."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # A torn file may end in a smaller archive: its parts are archives themselves.
            names = archive.namelist()
            missing = {"data", "policy.pth"} - set(names)
            if not any(name.endswith("optimizer.pth") for name in names):
                missing.add("optimizer.pth")
            damaged = archive.testzip()
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error
    if missing or damaged:
        raise ValueError(f"{damaged} is altered" if damaged else f"{min(missing)} is missing")
