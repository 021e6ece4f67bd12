"""Which OpenCV is taken, and what is said where there is none that does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAY = """
import gymnasium as gym
import glimpse_env
from glimpse_env.errors import MissingPackage
{made}
try:
    env.reset(seed=0), env.render()
except MissingPackage as error:
    print("refused:", error)
else:
    print("played")
"""
FRAMES = """
import numpy
env = gym.make("Glimpse-v0", images=numpy.zeros((2, 9, 9), "uint8"), labels=[0, 1], num_classes=2,
    render_mode="rgb_array")
"""


def said(folder: Path, program: str) -> str:
    """What a program says for which the first `cv2` on the path is that of this folder."""
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "raise ModuleNotFoundError('no cv2')",
            "needs OpenCV: pip install 'opencv-",
        ),
        (
            "raise ImportError('libGL.so.1: cannot open shared object file')",
            "cannot be loaded (libGL.so.1: cannot open shared object file): pip uninstall",
        ),
        ("__version__ = '4.12.0'", "needs OpenCV 5, and here is 4.12.0: pip uninstall"),
        ("", "needs OpenCV 5, and here is none: pip uninstall"),
    ],
    ids=["missing", "libGL", "old", "left behind"],
)
def test_an_opencv_that_does_not_do_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2" / "__init__.py").write_text(content)
    out = said(tmp_path, PLAY.format(made=FRAMES))
    assert out.startswith("refused:") and message in out
    words = "import glimpse_env.tasks.house_numbers.task"
    out = said(tmp_path, f"try: {words}\nexcept ImportError as error: print(error)")
    assert message in out


def test_a_folder_without_a_module(tmp_path: Path) -> None:
    """What removing one of two packages leaves behind."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, types; sys.modules['cv2'] = types.ModuleType('cv2')"
    )
    assert "here is none" in said(tmp_path, PLAY.format(made=FRAMES))


def test_whatever_opencv_is_there_is_taken(tmp_path: Path) -> None:
    assert said(tmp_path, PLAY.format(made=FRAMES)) == "played\n"


def test_observations_need_no_opencv(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ModuleNotFoundError('no cv2')")
    program = PLAY.format(made=FRAMES).replace(", env.render()", "")
    assert said(tmp_path, program) == "played\n"


def test_nothing_else_imports_cv2() -> None:
    """Or its error would be Python's own."""
    found = [
        path
        for path in (ROOT / "glimpse_env").rglob("*.py")
        if "\nimport cv2" in path.read_text() or "from cv2" in path.read_text()
    ]
    assert found == []
