"""What the README, and the pages that it sends readers to, say is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import envs_registry
from agents import train_dram
from agents.dram.presets import PRESETS

ROOT = Path(__file__).parents[1]
README, TRAINING, DATA = (
    (ROOT / name).read_text() for name in ("README.md", "docs/training.md", "docs/data.md")
)
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES += sorted((ROOT / "docs" / "environments").glob("*.md"))
FOLDERS = ("agents", "benchmarks", "docs", "examples", "glimpse_env", "tests")
SOURCES = [*ROOT.glob("*.py"), *(path for name in FOLDERS for path in (ROOT / name).rglob("*.py"))]
DATED = {"new_user_trials.md"}  # tells of files as they were
CONTINUOUS = {f"{name}_continuous_action.py" for name in ("ppo", "sac", "td3", "ddpg")}
FOREIGN = {"dqn.py", "c51.py"} | CONTINUOUS  # CleanRL's


def blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_the_table_of_ids_is_that_of_the_registry() -> None:
    assert envs_registry.readme_table() in README


def test_a_newcomer_has_two_commands_that_do_their_own_set_up() -> None:
    commands = [block for block in blocks("bash") if "venv" in block]
    assert len(commands) == 2
    for command in commands:
        assert command.startswith("python3 -m venv .venv\n.venv/bin/pip install -c constraints.txt")
    assert "agents/train_dram.py" in commands[0] and "pytest" in commands[1]


def test_the_first_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    code = blocks("python")[0]
    assert len(code.strip().splitlines()) <= 12
    exec(compile(code, "README.md", "exec"), {})
    assert "(128, 2, 12, 12)" in capsys.readouterr().out


def test_own_images_are_trained_on_and_read(
    own_images: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command and the lines of Python, with the names of files changed."""
    folder, table = own_images
    monkeypatch.chdir(tmp_path)
    (command,) = (block for block in blocks("bash", TRAINING) if "--image-folder" in block)
    given = command.replace("photos", folder.name).replace("labels.csv", table.name).split()[2:]
    small = "--images 16 --epoch-images 16 --num-envs 16 --units 8 --features 8 --no-test".split()
    train_dram.main(train_dram.parse([*given, *small, "--device", "cpu"]))
    (run,) = (tmp_path / "runs").iterdir()
    (code,) = (block for block in blocks("python", TRAINING) if "ImageReader" in block)
    code = code.replace("runs/NAME", str(run)).replace("gate.png", "own/2.png")
    capsys.readouterr()
    exec(compile(code.replace("door.png", "own/1.png"), "README.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and all(re.fullmatch(r"\[.*\] 0\.\d+", line) for line in lines)


def test_every_preset_is_listed() -> None:
    """`_4` is the preset named before it with another number of glimpses."""
    found = re.search(r"^Presets: (.*?)\n\n", TRAINING, re.DOTALL | re.MULTILINE)
    assert found
    listed, base = set(), ""
    for name in re.findall(r"`(\w+)`", found.group(1)):
        base = base if name.startswith("_") else name
        listed.add(base + name.removeprefix(base))
    assert listed == set(PRESETS)


def anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To files, and to headings of pages."""
    for target in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text()):
        path, _, heading = target.partition("#")
        there = page.parent / path if path else page
        assert there.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
            assert heading in map(anchor, headings), target


def words_in_ticks(page: Path) -> list[str]:
    """What stands between backticks within the lines of a page, blocks of code left out."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    return re.findall(r"`([^`\n]+)`", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    """Whole paths, and the bare names of Python files."""
    names = {path.name for path in SOURCES} | FOREIGN
    for word in words_in_ticks(page) if page.name not in DATED else ():
        if re.fullmatch(rf"({'|'.join(FOLDERS)})/[\w./-]*", word):
            assert (ROOT / word).exists(), word
        elif re.fullmatch(r"\w+\.py", word):
            assert word in names, word


GPU_QUEUE = (ROOT / "benchmarks" / "gpu_queue.md").read_text()


@pytest.mark.parametrize(
    "options", sorted(set(re.findall(r"agents/train_dram\.py (--preset [^`\n]*)`", GPU_QUEUE)))
)
def test_what_waits_for_a_gpu_can_be_typed(options: str) -> None:
    config = train_dram.parse(options.split()).config
    preset = PRESETS[options.split()[1]]()
    for name, value in re.findall(r"--([a-z-]+) ([\d.e-]+)(?= |$)", options):
        assert float(getattr(config, name.replace("-", "_"))) == float(value)
    assert config.credit == preset.credit


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_names_of_the_code_are_in_the_code(name: str) -> None:
    """Functions, classes and methods that a page sends its reader to."""
    known = set(re.findall(r"\w+", "\n".join(path.read_text() for path in SOURCES)))
    words = [word for word in words_in_ticks(ROOT / name) if re.fullmatch(r"[A-Za-z_][\w.]+", word)]
    found = [word for word in words if not re.search("[a-z][A-Z]{2}", word)]  # as vVERSION
    assert len(found) > 20
    for word in found:
        if "." not in word or not (ROOT / word).exists():
            assert set(word.removesuffix(".py").split(".")) <= known, word
