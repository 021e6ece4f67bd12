"""What docs/other_learners.md shows works."""

from __future__ import annotations

import multiprocessing
import re
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from glimpse_env.errors import GlimpseError
from glimpse_env.wrappers import FlatDiscreteAction

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "other_learners.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_ppo_in_ten_lines_learns_and_is_evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("stable_baselines3")
    code = PYTHON[0]
    assert len([line for line in code.splitlines() if line]) <= 10
    monkeypatch.chdir(tmp_path)
    # Catch draws no images.
    for slow, quick in (("1_000_000", "2048"), ("GlimpseHouseNumbers-v0", "GlimpseCatch-v0")):
        assert slow in code
        code = code.replace(slow, quick)
    namespace: dict[str, Any] = {}
    exec(compile(code, "other_learners.md", "exec"), namespace)
    assert (tmp_path / "ppo_house_numbers.zip").stat().st_size > 1000
    code = PYTHON[1].replace("GlimpseHouseNumbers-v0", "GlimpseCatch-v0").replace("=1000", "=100")
    exec(compile(code, "other_learners.md", "exec"), namespace)  # without a warning
    assert 0 <= namespace["mean"] < 1
    code = PYTHON[2].replace("GlimpseHouseNumbers-v0", "GlimpseCatch-v0").replace("=500", "=20")
    code = code.replace("1_000_000", "2048").replace("=1000", "=16")
    exec(compile(code, "other_learners.md", "exec"), namespace)
    assert namespace["model"].num_timesteps >= 2048


def test_the_wrappers_have_the_spaces_that_stand_beside_them() -> None:
    namespace: dict[str, Any] = {}
    code = next(block for block in PYTHON if "VectorFlatBoxAction" in block)
    code = code.replace('v0")', 'v0", num_images=16)').replace("128)", "2, num_images=16)")
    exec(compile(code, "other_learners.md", "exec"), namespace)
    assert f"# {namespace['env'].action_space}" in PAGE
    assert namespace["envs"].single_action_space.shape == (13,)


def test_lists_and_batches_of_cleanrl_are_alike() -> None:
    code = next(block for block in PYTHON if "SyncVectorEnv" in block)
    code = code.replace('v0")', 'v0", num_images=16)').replace(", 8)", ", 8, num_images=16)")
    namespace: dict[str, Any] = {}
    exec(compile(code, "other_learners.md", "exec"), namespace)
    envs, batch = namespace["envs"], namespace["batch"]
    size = envs.single_observation_space.shape[0]
    assert f"({size},), {batch.single_action_space.nvec}" in code
    seen, other = (one.reset(seed=3)[0] for one in (envs, batch))
    envs.action_space.seed(0)
    returns: tuple[list[float], list[float]] = [], []
    for _ in range(30):
        np.testing.assert_allclose(seen, other, atol=1e-6)
        action = envs.action_space.sample()
        (seen, *_, infos), (other, *_, others) = (one.step(action) for one in (envs, batch))
        for counted, info in zip(returns, (infos, others), strict=True):
            if "episode" in info:
                counted += info["episode"]["r"][info["_episode"]].tolist()
    assert len(returns[0]) > 20 and max(returns[0]) > 0 and returns[0] == returns[1]


@pytest.mark.parametrize("prefix", ["glimpse_env:", ""])
def test_workers_that_are_not_forked_know_no_id_without_its_module(prefix: str) -> None:
    make = partial(gym.make, f"{prefix}GlimpseCatch-v0")  # no function of ours is sent along
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        if prefix:
            assert pool.apply(make).spec.id == "GlimpseCatch-v0"
        else:
            with pytest.raises(gym.error.NameNotFound):
                pool.apply(make)


def test_every_environment_that_a_worker_may_make_names_its_module() -> None:
    made = [line for block in PYTHON for line in re.findall(r"def .*?\n\n", block, re.DOTALL)]
    made += re.findall(r"make_vec_env\([^)]*\)", PAGE)
    assert len(made) >= 2
    for code in made:
        if "import glimpse_env" not in code:
            assert all("glimpse_env:" in id_ for id_ in re.findall(r'"[^"]*-v0"', code)), code


def test_one_discrete_action_means_what_its_parts_do() -> None:
    code = next(block for block in PYTHON if block.startswith("env = FlatDiscreteAction"))
    namespace: dict[str, Any] = {"gym": gym, "FlatDiscreteAction": FlatDiscreteAction}
    exec(code.replace("GlimpseMNIST-v0", "GlimpseCatch-v0"), namespace)  # draws no images
    env = namespace["env"]
    assert env.action_space.n == 5 * 5 * 3 and "Discrete(250)" in code and 5 * 5 * 10 == 250
    env.reset(seed=0)
    seen, *_ = env.step((4 * 5 + 1) * 3 + 2)  # the fifth column, the second row
    assert seen["location"].tolist() == pytest.approx([0.8, -0.4])


def test_a_frozen_agent_pays_for_glimpses(
    synthetic_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_mnist))
    code = next(block for block in PYTHON if "VectorInformationReward" in block)
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    envs = namespace["envs"]
    envs.reset(seed=0)
    _, reward, *_ = envs.step(envs.action_space.sample())  # no label is due yet
    assert reward.any() and abs(reward).max() <= 0.3


def test_a_reset_makes_the_task_harder(
    synthetic_mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GLIMPSE_DATA", str(synthetic_mnist))
    first, _, then = next(block for block in PYTHON if "num_distractors" in block).partition("# ")
    namespace: dict[str, Any] = {}
    exec(first, namespace)
    assert namespace["envs"].recipe["num_distractors"] == 0
    exec("# " + then, namespace)
    assert namespace["envs"].recipe["num_distractors"] == 4


def test_what_a_worker_is_told_to_do_plays_whole_games() -> None:
    code = next(block for block in PYTHON if "joblib" in block)
    inner = code[code.index("def games_won") : code.index("print(Parallel")]
    namespace: dict[str, Any] = {}
    exec(compile(inner, "other_learners.md", "exec"), namespace)
    won = namespace["games_won"](0)
    assert 0 < won < 0.5 and won * 160 == pytest.approx(round(won * 160))  # a paddle at random


def test_the_commands_are_understood() -> None:
    pytest.importorskip("stable_baselines3")
    from agents import train_sb3

    commands = re.findall(r"python agents/train_sb3\.py(.*?)[\n`]", PAGE)
    assert len(commands) >= 4
    for command in commands:
        try:
            train_sb3.parse(command.split())
        except GlimpseError as error:
            pytest.fail(f"{command}: {error}")


# Short, and without images to draw.
QUICKER = {
    "1_000_000": "64",
    "n_steps=32, batch_size=512": "n_steps=8, batch_size=32",
    "Masked(64": "Masked(4, num_images=8",
    'HouseNumbers-v0", 64)': 'HouseNumbers-v0", 4, num_images=8)',
    'HouseNumbers-v0")\n    env': 'HouseNumbers-v0", num_images=8)\n    env',
    "n_envs=8,": 'n_envs=2, env_kwargs={"num_images": 8},',
}


def run_block(module: str, words: str) -> dict[str, Any]:
    """Run the page's lines for a library that is installed; `words` are in none but these."""
    pytest.importorskip(module)
    (code,) = (block for block in PYTHON if words in block)
    for slow, quick in QUICKER.items():
        code = code.replace(slow, quick)
    namespace: dict[str, Any] = {}
    exec(compile(code, "other_learners.md", "exec"), namespace)
    return namespace


def test_a_masked_policy_says_nothing_where_nothing_is_read() -> None:
    made = run_block("sb3_contrib", "MaskablePPO(")
    envs, model = made["envs"], made["model"]
    seen = envs.reset()
    for _ in range(6):
        masks = np.stack(envs.env_method("action_masks"))
        action, _ = model.predict(seen, action_masks=masks)
        assert (action[seen["emit"] == 0, 2] == 0).all()
        assert masks[:, 18].all() and masks[seen["emit"] == 1].all()
        seen, *_ = envs.step(action)


@pytest.mark.filterwarnings("ignore")  # of libraries that are not ours to mend
@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("sbx", "from sbx"),
        ("skrl", "skrl.envs"),
        ("tianshou", "tianshou.env"),
        ("minari", "minari.DataCollector"),
    ],
)
def test_lines_for_a_library_run_where_it_is_installed(
    module: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    made = run_block(module, words)
    if module == "skrl":
        assert made["env"].num_envs == 4 and made["env"].action_space.nvec.tolist() == [9, 9, 11]
    elif module == "tianshou":
        seen, _ = made["envs"].reset()
        assert seen.shape == (8, 616)
    elif module == "minari":
        (episode, *_) = made["data"].iterate_episodes()
        assert episode.observations["glimpse"].shape == (24, 3, 6, 6)
        assert made["data"].recover_environment().spec.id == "GlimpseCatch-v0"
