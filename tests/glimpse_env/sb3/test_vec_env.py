"""The batch as Stable-Baselines3 sees it."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import types
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidAction, InvalidArgument
from glimpse_env.wrappers import (
    FlatBoxAction,
    FlatDiscreteAction,
    FlatMultiDiscreteAction,
    VectorFlatBoxAction,
    VectorFlatObservation,
    VectorInformationReward,
)
from glimpse_env.wrappers.flat_actions import flat_actions

torch = pytest.importorskip("torch")
sb3 = pytest.importorskip("stable_baselines3")

from stable_baselines3.common.callbacks import EvalCallback  # noqa: E402
from stable_baselines3.common.env_checker import check_env  # noqa: E402
from stable_baselines3.common.evaluation import evaluate_policy  # noqa: E402
from stable_baselines3.common.monitor import Monitor  # noqa: E402
from stable_baselines3.common.vec_env import (  # noqa: E402
    DummyVecEnv,
    VecMonitor,
    VecNormalize,
    VecVideoRecorder,
)

from glimpse_env.sb3 import GlimpseExtractor, GlimpseVecEnv  # noqa: E402

SMALL = {"features_extractor_class": GlimpseExtractor, "net_arch": [16]}
WRAPPERS = {
    "box": FlatBoxAction,
    "multidiscrete": FlatMultiDiscreteAction,
    "discrete": FlatDiscreteAction,
}
SMALL["features_extractor_kwargs"] = {"features": 8, "channels": 4}


def ppo(envs: Any, **keywords: Any) -> Any:
    settings = dict(n_steps=16, batch_size=32, n_epochs=1, seed=0, policy_kwargs=SMALL)
    return sb3.PPO("MultiInputPolicy", envs, **{**settings, **keywords})


def batch(envs: Any, number: int) -> Any:
    return np.stack([envs.action_space.sample() for _ in range(number)])


@pytest.fixture
def short(ragged: dict[str, Any]) -> dict[str, Any]:
    """Episodes of one to eight steps, with all parts of an observation."""
    return {**ragged, "glimpses_per_label": 1, "context_size": 5, "glimpse_size": 4}


@pytest.fixture
def games() -> dict[str, Any]:
    """With a zoom, so that gaze and location have three numbers."""
    return {"screen_size": 7, "glimpse_size": 3, "num_scales": 1, "zoom": True}


@pytest.mark.parametrize("kind", ["box", "multidiscrete", "discrete"])
@pytest.mark.parametrize("made_by", ["numpy", "torch"])
@pytest.mark.parametrize("name", ["Glimpse-v0", "GlimpseCatch-v0"])
def test_rows_do_what_sb3s_own_batch_of_single_environments_does(
    name: str, made_by: str, kind: str, short: Any, games: Any, same_tree: Any
) -> None:
    """Observations, rewards, ends, last observations and infos, over many episodes.

    DummyVecEnv loops over single environments wrapped by Monitor. It is what SB3's algorithms
    were written for.
    """
    keywords = short if name == "Glimpse-v0" else games
    wrap = WRAPPERS[kind]
    loop = DummyVecEnv([lambda: Monitor(wrap(gym.make(name, **keywords))) for _ in range(3)])
    envs = GlimpseVecEnv(name, 3, action=kind, backend=made_by, **keywords)
    assert envs.observation_space == loop.observation_space
    assert envs.action_space == loop.action_space
    envs.action_space.seed(0)
    for one in (loop, envs):
        one.seed(5)
    tolerance = 0.0 if made_by == "numpy" else 1e-6
    same_tree(loop.reset(), envs.reset(), tolerance)
    ends = 0
    for _ in range(40):
        same_tree(loop.reset_infos, envs.reset_infos)
        actions = batch(envs, 3)
        expected, found = loop.step(actions), envs.step(actions)
        for ours, theirs in zip(found[3], expected[3], strict=True):
            ends += "episode" in ours
            assert ours.pop("is_success", None) in (True, False, None)
            if "episode" in theirs:
                theirs["episode"].pop("t")  # the time on the clock
        same_tree(dict(expected[0]), found[0], tolerance)
        same_tree(expected[1:], found[1:], tolerance)
        assert found[1].dtype == np.float32 and found[2].dtype == np.bool_
    assert ends > 10


def test_rows_are_those_of_the_vector_environment(short: Any, same_tree: Any) -> None:
    plain = gym.make_vec("Glimpse-v0", 4, autoreset_mode="same_step", **short)
    envs = GlimpseVecEnv("Glimpse-v0", 4, **short)
    flat = flat_actions("multidiscrete", plain.single_action_space)
    envs.seed(3)
    same_tree(plain.reset(seed=3)[0], envs.reset())
    envs.action_space.seed(1)
    for _ in range(30):
        actions = batch(envs, 4)
        seen, reward, ended, _, info = plain.step(flat.decode(plain.backend, actions, (4,)))
        found = envs.step(actions)
        same_tree(seen, found[0])
        same_tree([reward, ended], [found[1], found[2]])
        for row in range(4):
            if not ended[row]:
                assert "terminal_observation" not in found[3][row]
                assert found[3][row]["target"] == info["target"][row]
                continue
            final = info["final_info"]
            one = found[3][row]
            same_tree(info["final_obs"][row], one["terminal_observation"])
            assert one["is_success"] == final["sequence_correct"][row]
            assert one["episode"] == {
                "r": final["episode"]["r"][row],
                "l": final["episode"]["l"][row],
            }
            assert envs.reset_infos[row]["index"] == info["index"][row]


def test_an_environment_that_is_made_already_is_taken(short: Any, same_tree: Any) -> None:
    made = gym.make_vec("Glimpse-v0", 2, autoreset_mode="same_step", **short)
    first, second = GlimpseVecEnv(made), GlimpseVecEnv("Glimpse-v0", 2, **short)
    for envs in (first, second):
        envs.seed(0)
    same_tree(first.reset(), second.reset())
    for bad in (
        gym.make_vec("Glimpse-v0", 2, **short),  # next_step
        gym.make_vec("CartPole-v1", 2),
        gym.make("Glimpse-v0", **short),
        None,
    ):
        with pytest.raises(InvalidArgument, match="same_step"):
            GlimpseVecEnv(bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match=r"observation_space.*without that wrapper"):
        GlimpseVecEnv(VectorFlatObservation(made))
    with pytest.raises(InvalidArgument, match=r"action_space.*without that wrapper"):
        GlimpseVecEnv(VectorFlatBoxAction(made))
    with pytest.raises(InvalidArgument, match="made already"):
        GlimpseVecEnv(made, num_envs=2)
    with pytest.raises(InvalidArgument, match="made already"):
        GlimpseVecEnv(made, split="test")


def test_options_of_all_rows_change_the_task() -> None:
    """And PPO goes on from there, once it is given the environments again."""
    numbers: dict[str, Any] = {"num_images": 6, "max_digits": 3, "glimpses_per_label": 1}
    envs = GlimpseVecEnv("GlimpseHouseNumbers-v0", 2, **numbers)
    model = ppo(envs).learn(32)
    envs.set_options([{"max_digits": 1}, {"max_digits": 2}])
    with pytest.raises(InvalidArgument, match=r"'index' alone may differ.*max_digits"):
        envs.reset()
    envs.set_options([{"max_digits": np.array([1, 2])} for _ in range(2)])
    with pytest.raises(InvalidArgument, match="max_digits"):
        envs.reset()
    envs.set_options({"max_digits": 1})
    model.set_env(envs)
    model.learn(32, reset_num_timesteps=False)
    assert model.num_timesteps == 64 and envs.envs.rules.max_labels == 1
    assert [len(info["labels"]) for info in envs.reset_infos] == [1, 1]
    envs.set_options([{"max_digits": 2, "index": row} for row in (3, 4)])
    envs.reset()
    assert [int(info["index"]) for info in envs.reset_infos] == [3, 4]
    assert envs.envs.rules.max_labels == 2


class Clock:
    """A reader that knows more with every call, and begins to forget at every third."""

    calls = 0

    def __call__(self, observation: Any, info: Any, begins: Any, new: Any) -> Any:
        self.calls += 1
        return np.full(3, 0.25 * (self.calls % 3))


def test_rewards_of_a_wrapper_arrive_and_all_else_is_the_batchs(short: Any, same_tree: Any) -> None:
    keywords: dict[str, Any] = {**short, "glimpses_per_label": 3, "autoreset_mode": "same_step"}
    made = [gym.make_vec("Glimpse-v0", 3, **keywords) for _ in range(3)]
    clock = Clock()
    paid, wrapped = (
        VectorInformationReward(made[0], clock),
        VectorInformationReward(made[1], Clock()),
    )
    envs, plain = GlimpseVecEnv(paid), GlimpseVecEnv(made[2])
    envs.seed(0), plain.seed(0)
    same_tree(envs.reset(), plain.reset())
    wrapped.reset(seed=0)
    plain.action_space.seed(0)
    differ = 0
    for _ in range(40):
        action = batch(plain, 3)
        expected, found = plain.step(action), envs.step(action)
        reward = wrapped.step(plain._flat.decode(made[2].backend, action, (3,)))[1]
        np.testing.assert_allclose(found[1], reward, rtol=1e-6)
        differ += int((found[1] != expected[1]).sum())
        same_tree((expected[0], *expected[2:]), (found[0], *found[2:]))
    assert differ > 20
    envs.env_method("reset")
    assert clock.calls == 42  # the wrapper has seen it
    envs.close()
    assert envs.envs.closed


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"gaze_bins": 0}, "gaze_bins=0"),
        ({"gaze_bins": 1.5}, "gaze_bins=1.5"),
        ({"action": "continuous"}, "action='continuous'"),
        ({"num_envs": 0}, "num_envs=0"),
        ({"autoreset_mode": "disabled"}, "autoreset_mode"),
        ({"glimpse_size": 0}, "glimpse_size=0"),
    ],
)
def test_values_that_cannot_be_are_named(keywords: Any, message: str, ragged: Any) -> None:
    with pytest.raises(InvalidArgument, match=message):
        GlimpseVecEnv("Glimpse-v0", **ragged, **keywords)


def test_other_environments_are_refused() -> None:
    """Not CartPole: Gymnasium 1.1 and 1.2 cannot throw away a half-made batch of their own."""
    with pytest.raises(InvalidArgument, match="MountainCar"):
        GlimpseVecEnv("MountainCar-v0", 2)
    with pytest.raises(InvalidArgument, match=r"^got an unexpected .* 'glimpse_sise'"):
        GlimpseVecEnv("GlimpseCatch-v0", 2, glimpse_sise=3)


def test_actions_of_a_wrong_shape_are_named(short: Any) -> None:
    envs = GlimpseVecEnv("Glimpse-v0", 2, **short)
    envs.reset()
    for actions in (np.zeros(3, int), np.zeros((2, 4), int), np.zeros((2, 3))):
        with pytest.raises(InvalidAction, match="flat actions"):
            envs.step(actions)


def test_seeds_and_options_hold_for_one_reset(short: Any) -> None:
    envs = GlimpseVecEnv("Glimpse-v0", 3, **short)

    def shown() -> list[int]:
        envs.reset()
        return [int(info["index"]) for info in envs.reset_infos]

    assert list(envs.seed(7)) == [7, 8, 9]
    first, second = [shown(), shown()], [shown(), shown()]
    envs.seed(7)
    assert [shown(), shown()] == first != second
    envs.set_options({"index": 4})
    assert shown() == [4, 4, 4]
    envs.set_options([{"index": row} for row in (2, 0, 1)])
    assert shown() == [2, 0, 1]
    assert len({*shown(), *shown(), *shown()}) > 3
    envs.set_options([{"index": 2}, {}, {}])
    with pytest.raises(InvalidArgument, match="1 of 3 rows"):
        envs.reset()
    envs.set_options({"reset_mask": np.ones(3, bool)})
    with pytest.raises(InvalidArgument, match="reset_mask"):
        envs.reset()


def test_attributes_and_methods_are_those_of_the_batch(short: Any) -> None:
    envs = GlimpseVecEnv("Glimpse-v0", 3, render_mode="rgb_array", **short)
    assert envs.get_attr("image_shape") == [(1, 25, 22)] * 3
    assert envs.get_attr("image_shape", indices=1) == [(1, 25, 22)]
    assert envs.get_attr("action_space") == [envs.action_space] * 3
    assert envs.has_attr("size") and not envs.has_attr("nothing")
    envs.set_attr("note", 5)
    assert envs.get_attr("note", [0, 2]) == [5, 5]
    with pytest.raises(InvalidArgument, match="one batch"):
        envs.set_attr("note", 6, indices=0)
    envs.reset()
    frames = envs.env_method("render")
    (last,) = envs.env_method("render", indices=[2])
    assert len(frames) == 3 and frames[0].ndim == 3 and np.array_equal(last, frames[2])
    with pytest.raises(InvalidArgument, match="one batch"):
        envs.env_method("reset", indices=[0])
    with pytest.raises(AttributeError):
        envs.env_method("nothing")
    assert envs.env_is_wrapped(Monitor) == [False] * 3
    assert envs.env_is_wrapped(Monitor, indices=1) == [False]
    assert envs.unwrapped is envs and envs.get_attr("spec")[0].id == "Glimpse-v0"
    envs.close()
    assert envs.envs.closed


class Masking(GlimpseVectorEnv):
    """Says which labels may be said, as sb3-contrib's MaskablePPO asks."""

    def action_masks(self) -> Any:
        return np.arange(self.num_envs)[:, None] != np.arange(self.num_choices)

    def described(self) -> dict[str, Any]:
        return {"numbers": (np.arange(self.num_envs), np.arange(7)), "name": "all"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_row_gets_its_part_of_what_a_method_returns(short: Any, number: int) -> None:
    envs = GlimpseVecEnv(Masking(number, autoreset_mode="same_step", **short))
    masks = envs.env_method("action_masks")
    assert np.array_equal(np.stack(masks), envs.envs.action_masks())  # type: ignore[attr-defined]
    assert envs.env_method("action_masks", indices=[0])[0].shape == (envs.envs.num_choices,)
    envs.set_attr("masks", envs.envs.action_masks())  # type: ignore[attr-defined]
    assert np.array_equal(np.stack(envs.get_attr("masks")), np.stack(masks))
    for row, said in enumerate(envs.env_method("described")):
        mine, same = said["numbers"]
        assert mine == row and same.shape == (7,) and said["name"] == "all"
    observations = envs.env_method("reset", seed=0)
    assert len(observations) == number
    for row, (observation, info) in enumerate(observations):
        assert observation["location"].shape == (2,) and info["_index"]
        assert observation["emit"] in (0, 1), row


def test_films_have_the_pace_of_the_environment(
    short: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "moviepy", types.ModuleType("moviepy"))  # it is not needed yet
    envs = GlimpseVecEnv("Glimpse-v0", 3, render_mode="rgb_array", **short)
    film = VecVideoRecorder(envs, str(tmp_path), lambda step: False)
    assert film.frames_per_sec == envs.envs.metadata["render_fps"] == 4
    assert "rgb_array" in envs.metadata["render_modes"]


def test_the_documented_pair_of_environments_is_quiet(short: Any, tmp_path: Path) -> None:
    """Warnings are errors here."""
    train, held_out = (VecMonitor(GlimpseVecEnv("Glimpse-v0", 2, **short)) for _ in range(2))
    callback = EvalCallback(held_out, eval_freq=16, n_eval_episodes=4, log_path=str(tmp_path))
    ppo(train).learn(64, callback=callback)
    assert callback.evaluations_results and callback.evaluations_successes


def test_frames_are_tiled(short: Any) -> None:
    envs = GlimpseVecEnv("Glimpse-v0", 3, render_mode="rgb_array", **short)
    envs.reset()
    frames = envs.get_images()
    height, width, _ = frames[0].shape
    whole = envs.render()
    assert whole.dtype == np.uint8 and whole.shape == (2 * height, 2 * width, 3)
    np.testing.assert_array_equal(whole[height:, :width], frames[2])
    blind = GlimpseVecEnv("Glimpse-v0", 3, **short)
    blind.reset()
    with pytest.warns(UserWarning, match="render_mode"):
        assert blind.render() is None


@pytest.mark.usefixtures("no_window")
def test_a_window_shows_the_batch(short: Any) -> None:
    envs = GlimpseVecEnv("Glimpse-v0", 2, render_mode="human", **short)
    envs.reset()
    assert envs.render() is None


def test_pickled_in_the_middle_it_goes_on_alike(short: Any, same_tree: Any) -> None:
    envs = GlimpseVecEnv("Glimpse-v0", 3, **short)
    envs.seed(0)
    envs.reset()
    envs.step(batch(envs, 3))
    again = pickle.loads(pickle.dumps(envs))
    for _ in range(12):
        actions = batch(envs, 3)
        same_tree(envs.step(actions), again.step(actions))


@pytest.mark.parametrize("kind", ["box", "multidiscrete"])
def test_sb3s_checker_has_nothing_new_to_say(kind: str, short: Any) -> None:
    expected = [  # of what SB3's network for images takes; GlimpseExtractor reads what comes
        *("seems that your observation context is", "observation space context is an image"),
        *("seems that your observation glimpse is", "observation space glimpse is an image"),
        *["minimal resolution for an image is 36x36"] * 2,
    ]
    wrap = FlatMultiDiscreteAction
    if kind == "box":  # within -1 .. 1 clipped scores would tie: see BoxActions
        wrap, expected = FlatBoxAction, [*expected, "symmetric and normalized Box action space"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(wrap(gym.make("Glimpse-v0", **short)), skip_render_check=True)
    assert len(caught) == len(expected)
    for words in set(expected):
        said = [warning for warning in caught if words in str(warning.message)]
        assert len(said) == expected.count(words), words


def test_plain_sb3_learns_on_a_wrapped_environment(short: Any) -> None:
    model = sb3.PPO(
        "MultiInputPolicy",
        FlatMultiDiscreteAction(gym.make("Glimpse-v0", **short)),
        n_steps=32,
        batch_size=32,
        n_epochs=1,
    )
    assert len(model.learn(64).ep_info_buffer) > 8


@pytest.mark.parametrize("kind", ["box", "multidiscrete"])
@pytest.mark.parametrize("name", ["Glimpse-v0", "GlimpseCatch-v0"])
def test_ppo_updates_its_policy(name: str, kind: str, short: Any, games: Any) -> None:
    keywords = short if name == "Glimpse-v0" else games
    model = ppo(GlimpseVecEnv(name, 4, action=kind, **keywords))
    before = {key: value.clone() for key, value in model.policy.state_dict().items()}
    model.learn(192)
    assert model.num_timesteps == 192
    assert len(model.ep_info_buffer) == len(model.ep_success_buffer) >= 16
    after = model.policy.state_dict()
    moved = [key for key in before if not torch.equal(before[key], after[key])]
    assert any("what" in key for key in moved) and any("where" in key for key in moved)
    assert any("value_net" in key for key in moved) and any("action_net" in key for key in moved)


def test_a_monitor_counts_the_same_episodes(short: Any) -> None:
    envs = VecMonitor(GlimpseVecEnv("Glimpse-v0", 3, **short))
    envs.seed(0)
    plain = GlimpseVecEnv("Glimpse-v0", 3, **short)
    plain.seed(0)
    envs.reset(), plain.reset()
    ends = 0
    for _ in range(30):
        actions = batch(plain, 3)
        infos, expected = envs.step(actions)[3], plain.step(actions)[3]
        for one, other in zip(infos, expected, strict=True):
            assert ("episode" in one) == ("episode" in other)
            if "episode" in one:
                ends += 1
                assert one["episode"]["r"] == other["episode"]["r"]
                assert one["episode"]["l"] == other["episode"]["l"]
    assert ends > 10


def test_other_sb3_wrappers_and_evaluation(short: Any) -> None:
    envs = VecNormalize(GlimpseVecEnv("Glimpse-v0", 2, **short), norm_obs_keys=["glimpse"])
    model = ppo(envs).learn(32)
    mean, spread = evaluate_policy(model, VecMonitor(envs), n_eval_episodes=6)
    assert 0 <= mean <= 4 and spread >= 0


def test_a_model_is_saved_and_loaded(short: Any, tmp_path: Path) -> None:
    envs = GlimpseVecEnv("Glimpse-v0", 4, **short)
    model = ppo(envs).learn(64)
    model.save(tmp_path / "model")
    again = sb3.PPO.load(tmp_path / "model", env=envs)
    envs.seed(0)
    seen = envs.reset()
    for _ in range(5):
        actions = model.predict(seen, deterministic=True)[0]
        np.testing.assert_array_equal(actions, again.predict(seen, deterministic=True)[0])
        seen = envs.step(actions)[0]
    assert again.learn(64, reset_num_timesteps=False).num_timesteps == 128
    stream = io.BytesIO()
    model.save(stream)
    assert len(stream.getvalue()) < 200_000  # no pixels in it


def test_the_same_seed_learns_the_same(short: Any) -> None:
    weights = []
    for seed in (0, 0, 1):
        model = ppo(GlimpseVecEnv("Glimpse-v0", 4, **short), seed=seed).learn(128)
        weights.append(torch.nn.utils.parameters_to_vector(model.policy.parameters()))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_features_are_what_times_where_beside_context_and_emit(short: Any) -> None:
    envs = GlimpseVecEnv("Glimpse-v0", 4, **short)
    model = ppo(envs)
    seen = envs.reset()
    seen["emit"][:2] = 1
    extractor = model.policy.features_extractor
    tensors, _ = model.policy.obs_to_tensor(seen)
    found = model.policy.extract_features(tensors).detach()
    assert found.shape == (4, 8 + 8 + 2) and extractor.features_dim == 18
    what = extractor.what(tensors["glimpse"])
    where = extractor.where(tensors["location"])
    for row in range(4):
        expected = torch.cat(
            [
                what[row] * where[row],
                extractor.context(tensors["context"])[row],
                torch.eye(2)[int(seen["emit"][row])],
            ]
        )
        torch.testing.assert_close(found[row], expected.detach())


def test_features_need_a_glimpse() -> None:
    with pytest.raises(InvalidArgument, match="no glimpse"):
        GlimpseExtractor(gym.spaces.Dict({"location": gym.spaces.Box(-1, 1, (2,))}))
    looks = {"glimpse": gym.spaces.Box(0, 1, (1, 8, 8)), "location": gym.spaces.Box(-1, 1, (2,))}
    for sizes in ({"features": 2**40}, {"channels": 2**33}):
        with pytest.raises(InvalidArgument, match=r"channels=\d+ needs .* for weights"):
            GlimpseExtractor(gym.spaces.Dict(looks), **sizes)
    stack = {"glimpse": gym.spaces.Box(0, 1, (3, 1, 8, 8)), "location": gym.spaces.Box(-1, 1, (6,))}
    with pytest.raises(InvalidArgument, match=r"\(3, 1, 8, 8\) at .* \(6,\) must be"):
        GlimpseExtractor(gym.spaces.Dict(stack))


def test_sb3_is_loaded_only_by_those_who_ask() -> None:
    code = (
        "import sys, glimpse_env, glimpse_env.wrappers, glimpse_env.wrappers.flat_actions;"
        "assert not {'torch', 'stable_baselines3'} & {m.split('.')[0] for m in sys.modules};"
        "sys.modules['stable_baselines3'] = None\n"
        "for name in ('sb3', 'sb3.features'):\n"
        "    try: __import__('glimpse_env.' + name)\n"
        "    except glimpse_env.MissingPackage as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.count("pip install stable-baselines3") == 2
