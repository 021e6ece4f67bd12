from __future__ import annotations

import sys
from pathlib import Path

import gymnasium as gym
import pytest

from agents.dram.config import Config
from agents.trainer.envs import import_module_of, spec_of
from glimpse_env.errors import InvalidArgument


def test_a_configuration_imports_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may come from a file; what the user names is imported."""
    (tmp_path / "somebodys_code.py").write_text(
        "from pathlib import Path\n"
        f"Path({str(tmp_path / 'executed')!r}).touch()\n"
        "import gymnasium\n"
        "gymnasium.register('Their/Numbers-v0', 'glimpse_env:GlimpseEnv')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = Config(env_id="somebodys_code:Their/Numbers-v0")
    with pytest.raises(InvalidArgument, match="--env-id somebodys_code:Their/Numbers-v0"):
        spec_of(config)
    assert not (tmp_path / "executed").exists()
    import_module_of(config.env_id)
    assert (tmp_path / "executed").exists()
    assert spec_of(config).id == "Their/Numbers-v0"
    gym.registry.pop("Their/Numbers-v0")
    sys.modules.pop("somebodys_code")


def test_ids_of_this_package_may_name_it() -> None:
    assert spec_of(Config(env_id="glimpse_env:GlimpseMNIST-v0")).id == "GlimpseMNIST-v0"


@pytest.mark.parametrize("module", ["no_module", "..os", "a b", "os.no_module", "a\0b"])
def test_modules_that_there_are_not(module: str) -> None:
    with pytest.raises(InvalidArgument, match="is not registered"):
        import_module_of(f"{module}:Mine-v0")
    with pytest.raises(InvalidArgument, match=r"imports none|cannot be written"):
        spec_of(Config(env_id=f"{module}:Mine-v0"))


def test_no_module() -> None:
    for env_id in (None, "", "GlimpseMNIST-v0", ":GlimpseMNIST-v0"):
        import_module_of(env_id)
