"""Constructor arguments and reset options: what cannot work is an InvalidArgument that names it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glimpse_env import GlimpseVectorEnv, InvalidAction, InvalidArgument

ARRAYS: dict[str, Any] = {
    "images": np.zeros((5, 9, 7), np.uint8),
    "labels": np.arange(5) % 3,
    "num_classes": 3,
}


def make(**arguments: Any) -> GlimpseVectorEnv:
    return GlimpseVectorEnv(**{"num_envs": 2, "glimpse_size": 3, **ARRAYS, **arguments})


WRONG: list[tuple[str, Any]] = [
    ("num_envs", 0),
    ("num_envs", 2.0),
    ("num_envs", True),
    ("task", "digits"),
    ("split", "trian"),
    ("glimpse_size", 0),
    ("glimpse_size", -3),
    ("glimpse_size", 2.5),
    ("glimpse_size", "8"),
    ("glimpse_size", 10**6),
    ("num_scales", 0),
    ("num_scales", 40),
    ("num_scales", None),
    ("glimpses_per_label", -1),
    ("glimpses_per_label", 1.5),
    ("context_size", -1),
    ("context_size", 8),
    ("initial_gaze", "centre"),
    ("initial_gaze", [0, 0]),
    ("data_dir", 3),
    ("stop_on_mistake", "no"),
    ("backward", "yes"),
    ("autoreset_mode", "Next"),
    ("autoreset_mode", None),
    ("backend", "jax"),
    ("device", "cuda"),
    ("render_mode", "ansi"),
    ("num_classes", 2),
    ("num_classes", 0),
    ("num_classes", 3.5),
    ("num_classes", "3"),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=str)
def test_what_cannot_work_is_named(name: str, value: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        make(**{name: value})
    assert str(value) in str(caught.value)
    assert name in str(caught.value) or name == "num_classes"


@pytest.mark.parametrize("name", ["foo", "num_env", "glimps_size", "canvas_size"])
def test_unknown_keywords_are_named(name: str) -> None:
    with pytest.raises(InvalidArgument, match=f"'{name}'.*images, labels, num_classes"):
        make(**{name: 1})


def test_a_device_that_torch_lacks(torch: Any) -> None:
    for device in ("no such thing", "cuda:77", None):
        with pytest.raises(InvalidArgument, match="device"):
            make(backend="torch", device=device)


values = st.one_of(
    st.integers(-3, 20),
    st.floats(allow_nan=True),
    st.text(max_size=4),
    st.none(),
    st.booleans(),
    st.lists(st.integers(), max_size=2),
)
SHAPING = ["num_envs", "glimpse_size", "num_scales", "glimpses_per_label", "context_size"]
NAMING = ["task", "split", "initial_gaze", "autoreset_mode", "backend", "device", "render_mode"]


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*SHAPING, *NAMING, "num_classes"]), values, max_size=2))
def test_any_value_works_or_is_refused(arguments: dict[str, Any]) -> None:
    try:
        envs = make(**arguments)
    except InvalidArgument:
        return
    observation, _ = envs.reset(seed=0)
    assert observation in envs.observation_space
    envs.step(envs.action_space.sample())


@pytest.mark.filterwarnings("ignore:labels of shape")  # sequences of one label
@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(*[st.integers(0, 4)] * 4),
    dtype=st.sampled_from([np.uint8, np.int64, np.float32, bool]),
    labels=st.lists(st.lists(st.integers(-2, 3), max_size=3), max_size=4),
    num_classes=st.integers(-1, 4),
)
def test_any_arrays_work_or_are_refused(
    sizes: tuple[int, ...], dtype: Any, labels: list[list[int]], num_classes: int
) -> None:
    shape = sizes[:3] if sizes[3] < 2 else sizes
    try:
        envs = make(images=np.zeros(shape, dtype), labels=labels, num_classes=num_classes)
    except InvalidArgument:
        return
    for _ in range(2):
        envs.reset()
        envs.step(envs.action_space.sample())


WRONG_HOUSES: list[tuple[str, Any]] = [
    ("image_size", 53),
    ("image_size", -5),
    ("image_size", 54.5),
    ("image_size", "54"),
    ("image_size", [54]),
    ("min_digits", 0),
    ("min_digits", None),
    ("max_digits", 6),
    ("max_digits", -1),
    ("max_digits", "2"),
    ("num_images", -1),
    ("num_images", 10**9),
    ("num_images", 2.5),
    ("num_images", "2"),
    ("digits", 3),
]


@pytest.mark.parametrize(("name", "value"), WRONG_HOUSES, ids=str)
def test_house_numbers_that_cannot_be_drawn(name: str, value: Any) -> None:
    arguments = {"task": "house_numbers", "num_images": 1, name: value}
    with pytest.raises(InvalidArgument, match=name):
        GlimpseVectorEnv(1, **arguments)


def test_seeds_and_options_that_cannot_be() -> None:
    envs = make()
    for seed in (-1, 1.5, "a", [1], [1, 2, 3], [1, -1], [0.5, 1], np.array(4)):
        with pytest.raises(InvalidArgument, match="seed"):
            envs.reset(seed=seed)  # type: ignore[arg-type]
    wrong: list[Any] = [-1, 5, [0, 5], 0.5, "a", [0], [[0, 1]], [[0], [1, 2]]]
    for index in wrong:
        with pytest.raises(InvalidArgument, match="index"):
            envs.reset(options={"index": index})
    with pytest.raises(InvalidArgument, match=r"'indx'.*index.*reset_mask"):
        envs.reset(options={"indx": 1})


@pytest.mark.parametrize("make_one", [gym.make, gym.make_vec])
def test_what_began_without_a_seed_can_be_repeated(make_one: Any) -> None:
    """As in Gymnasium, by the seed that the environment has drawn for itself, of 128 bits."""
    for backend in ("numpy", "torch"):
        first, again = (make_one("GlimpseCatch-v0", backend=backend) for _ in range(2))
        (observation, info), seed = first.reset(), first.unwrapped.np_random_seed
        assert seed >= 2**63
        other, others = again.reset(seed=seed)
        assert np.array_equal(info["index"], others["index"])
        assert np.array_equal(observation["location"], other["location"])  # random, too


def test_the_lowest_63_bits_of_a_seed_count() -> None:
    envs = gym.make_vec("GlimpseCatch-v0", 2)
    seeds = (2**63 - 1, 2**64 - 1, [2**63 - 1, 2**63], [2**63 - 1, 0])
    starts = [envs.reset(seed=seed)[0]["location"] for seed in seeds]
    assert all(np.array_equal(start, starts[0]) for start in starts)
    assert not np.array_equal(envs.reset(seed=2**63)[0]["location"], starts[0])


@pytest.mark.parametrize("make_one", [gym.make, gym.make_vec])
def test_a_generator_of_ones_own_is_drawn_from(make_one: Any) -> None:
    starts = []
    for number in (7, 7, 8):
        env = make_one("GlimpseCatch-v0").unwrapped
        env.np_random = np.random.default_rng(number)
        starts.append(env.reset()[0]["location"].tolist())
    assert starts[0] == starts[1] != starts[2]


@pytest.mark.parametrize("make_one", [gym.make, gym.make_vec])
def test_unknown_keywords_are_type_errors_in_pythons_words(make_one: Any) -> None:
    for env_id, keywords in (("Glimpse-v0", ARRAYS), ("GlimpseCatch-v0", {})):
        with pytest.raises(TypeError, match="got an unexpected keyword argument 'frameskip'"):
            make_one(env_id, frameskip=1, **keywords)


def test_a_single_environment_speaks_of_one_action() -> None:
    env = gym.make("GlimpseCatch-v0", disable_env_checker=True)
    env.reset(seed=0)
    for action in ({"gaze": [0.0, 0.0], "move": [1]}, {"gaze": [[0.0, 0.0]], "move": 1}):
        with pytest.raises(InvalidAction, match=r"must have shapes \(2,\) and \(\)"):
            env.step(action)


def test_a_gaze_that_has_not_been_is_plainly_zero() -> None:
    location = make(initial_gaze="none", num_envs=20).reset(seed=0)[0]["location"]
    assert not np.signbit(location).any()


def test_masks_are_refused_as_gymnasium_does() -> None:
    envs = make()
    envs.reset(seed=0)
    for mask, error in (
        ([True, False], TypeError),
        (np.array([1, 0]), TypeError),
        (np.array([True]), ValueError),
        (np.array([[True, False]]), ValueError),
        (np.array([False, False]), ValueError),
    ):
        with pytest.raises(error, match="reset_mask"):
            envs.reset(options={"reset_mask": mask})


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": 5, "options": {"index": 99}},
        {"seed": 5, "options": {"reset_mask": np.array([False, False])}},
        {"seed": 5, "options": {"unknown": 1}},
        {"seed": [5, -1]},
    ],
    ids=str,
)
def test_a_refused_reset_changes_nothing(arguments: dict[str, Any], backend: str) -> None:
    rollouts = []
    for trouble in (False, True):
        envs = make(backend=backend)
        envs.reset(seed=0)
        if trouble:
            with pytest.raises(InvalidArgument):
                envs.reset(**arguments)
        action = {"gaze": np.zeros((2, 2)), "label": np.zeros(2, int)}
        infos = [envs.step(action)[-1], *(envs.reset()[1] for _ in range(5))]
        rollouts.append([np.asarray(info["index"]).tolist() for info in infos])
        random = envs.np_random.integers(2**31)
        rollouts[-1].append(random)
    assert rollouts[0] == rollouts[1]


def test_none_in_a_list_of_seeds_goes_on(backend: str) -> None:
    envs, other = make(backend=backend), make(backend=backend)
    for one in (envs, other):
        one.reset(seed=3)
    info, going_on = envs.reset(seed=[None, 50])[1], other.reset()[1]
    seeded = other.reset(seed=49)[1]
    assert info["index"][0] == going_on["index"][0]
    assert info["index"][1] == seeded["index"][1]


def test_rows_without_a_seed_are_none_of_those_that_have_one() -> None:
    info = gym.make_vec("GlimpseCatch-v0", 4).reset(seed=[None, None, 7, None])[1]
    assert len(set(info["index"].tolist())) == 4


def test_a_first_reset_of_some_rows_makes_no_twins() -> None:
    images, labels = np.zeros((1000, 2, 2), np.uint8), np.zeros(1000, np.int64)
    envs = GlimpseVectorEnv(4, images=images, labels=labels, num_classes=1, glimpses_per_label=1)
    mask = np.array([True, False, False, False])
    try:
        envs.reset(seed=0, options={"reset_mask": mask})
    except (InvalidArgument, gym.error.ResetNeeded):
        return
    episodes = []
    for _ in range(8):
        *_, info = envs.step({"gaze": np.zeros((4, 2)), "label": np.zeros(4, int)})
        episodes.append(info["index"])
    assert len(set(map(tuple, np.array(episodes).T.tolist()))) == 4


def test_a_time_limit_is_for_environments_one_by_one() -> None:
    for env_id in ("Glimpse-v0", "GlimpseCatch-v0"):
        keywords = ARRAYS if env_id == "Glimpse-v0" else {}
        with pytest.raises(InvalidArgument, match=r'max_episode_steps.*vectorization_mode="sync"'):
            gym.make_vec(env_id, 2, max_episode_steps=3, **keywords)
    envs = gym.make_vec(
        "Glimpse-v0", 2, "sync", max_episode_steps=3, glimpses_per_label=9, **ARRAYS
    )
    envs.reset(seed=0)
    for moment in range(3):
        *_, truncated, _ = envs.step(envs.action_space.sample())
        assert truncated.all() == (moment == 2)


def test_own_images_come_from_one_place() -> None:
    with pytest.raises(InvalidArgument, match="image_folder and label_file, not both"):
        make(image_folder="photos", label_file="labels.csv")
    with pytest.raises(InvalidArgument, match="needs the keyword 'image_folder'"):
        gym.make_vec("Glimpse-v0", 2, label_file="labels.csv")
    with pytest.raises(InvalidArgument, match="image_folder=None must be a path"):
        gym.make_vec("Glimpse-v0", 2, image_folder=None, label_file=None)
    with pytest.raises(InvalidArgument, match=r"int64 .* images.astype\(numpy.uint8\)"):
        make(images=ARRAYS["images"].astype(int))
    with pytest.raises(InvalidArgument, match="color='False'"):
        make_folder = {"image_folder": ".", "label_file": "labels.csv", "color": "False"}
        gym.make_vec("Glimpse-v0", 2, **make_folder)


def test_an_array_is_no_choice() -> None:
    with pytest.raises(InvalidArgument, match="initial_gaze=array"):
        make(initial_gaze=np.zeros(2))


def test_numbers_of_numpy_are_numbers() -> None:
    few = {"num_images": np.int64(3), "split": "test"}
    envs = gym.make_vec("GlimpseHouseNumbers-v0", np.int64(2), **few)
    assert type(envs.num_envs) is int and envs.unwrapped.size == 3  # type: ignore[attr-defined]


def test_a_device_without_values_is_named_where_they_are_needed(torch: Any) -> None:
    for make_one in (gym.make, gym.make_vec):
        keywords = {"backend": "torch", "device": "meta", "render_mode": "rgb_array"}
        with pytest.raises(InvalidArgument, match="device='meta' has shapes and no values"):
            make_one("GlimpseCatch-v0", **keywords).reset()


def test_every_kind_of_integer_becomes_an_int(backend: str) -> None:
    for kind in (np.int8, np.uint8, np.uint16, np.uint32, np.int64, np.uint64):
        numbers = {"num_envs": 3, "num_scales": 3, "glimpse_size": 4, "context_size": 5}
        numbers |= {"glimpses_per_label": 2, "num_classes": 3}
        envs = make(backend=backend, **{name: kind(value) for name, value in numbers.items()})
        same = make(backend=backend, **numbers)
        assert envs.single_observation_space == same.single_observation_space
        assert type(envs.num_envs) is type(envs.num_choices) is int
        assert isinstance(envs.rules.max_steps, int) and not isinstance(envs.size, np.generic)
        for one in (envs, same):
            one.reset(seed=kind(5))
        for _ in range(5):
            action = envs.action_space.sample()
            seen, known = (one.step(action)[0] for one in (envs, same))
            np.testing.assert_array_equal(np.asarray(seen["glimpse"]), np.asarray(known["glimpse"]))


@pytest.mark.parametrize("make_one", [gym.make, gym.make_vec])
def test_seeds_and_options_of_a_wrong_kind(make_one: Any, torch: Any) -> None:
    env = make_one("GlimpseCatch-v0").unwrapped
    for seed in (np.array(3), torch.tensor(3), "3", 0.5, [3, 4, 5], torch.tensor([3, 4])):
        with pytest.raises(InvalidArgument, match="seed"):
            env.reset(seed=seed)
    for options in (3, [1], "index", {"index": torch.zeros(1).to_sparse()}, {3: 4}):
        with pytest.raises(InvalidArgument, match="options"):
            env.reset(options=options)
    env.reset(seed=np.uint8(3))


def test_a_sparse_tensor_is_no_gaze(torch: Any) -> None:
    for backend in ("numpy", "torch"):
        envs = make(backend=backend)
        envs.reset(seed=0)
        with pytest.raises(InvalidAction):
            envs.step({"gaze": torch.zeros(2, 2).to_sparse(), "label": np.zeros(2, int)})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("backend", value) for value in ([], {}, None, np.zeros(2))),
        *(("device", value) for value in ([], {}, None, np.zeros(2), b"cpu")),
        *(("data_dir", value) for value in ("a\0b", "\ud800", "~nobody_of_this_name/x", b"x")),
    ],
    ids=str,
)
def test_what_names_nothing(name: str, value: Any) -> None:
    for task in ({}, {"task": "house_numbers", "num_images": 1}):
        keywords = {"glimpse_size": 3, **(task or ARRAYS), name: value}
        with pytest.raises(InvalidArgument, match=name):
            GlimpseVectorEnv(2, **keywords)
