"""Rows of the vector environment: the same alone, in a batch and on torch; reset one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from glimpse_env.envs.reading.env import GlimpseEnv, GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument
from tests.glimpse_env.envs.one_row import Counted, info_row

NUMBER = 5
VARIANTS = [
    {"initial_gaze": gaze, "stop_on_mistake": stop, "glimpses_per_label": glimpses}
    for gaze, stop, glimpses in [
        ("none", True, 2),
        ("none", False, 1),
        ("center", True, 1),
        ("center", False, 3),
        ("random", True, 3),
        ("random", False, 2),
    ]
] + [
    {"glimpses_per_label": 0, "max_glimpses": 2, "glimpse_cost": 0.25, "stop_on_mistake": stop}
    for stop in (True, False)
]
VARIANTS += [{"zoom": True, "glimpses_per_label": 2}]
SIZES = {"glimpse_size": 5, "num_scales": 3, "context_size": 6}
Same = Callable[..., None]


def host(tree: Any) -> Any:
    """The same tree with NumPy arrays."""
    if isinstance(tree, dict):
        return {key: host(value) for key, value in tree.items()}
    return np.asarray(tree)


def row_of(tree: Any, row: int) -> Any:
    """One row of an observation."""
    return {key: value[row] for key, value in host(tree).items()}


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_a_row_is_the_single_environment(
    variant: dict[str, Any], ragged: dict[str, Any], play: Any, same_tree: Same
) -> None:
    arguments = {**ragged, **variant, **SIZES}
    envs = GlimpseVectorEnv(NUMBER, autoreset_mode="disabled", **arguments)
    singles = [Counted(GlimpseEnv(**arguments)) for _ in range(NUMBER)]
    rng, ends = np.random.default_rng(1), 0
    observation, info = envs.reset(seed=30)
    for row, single in enumerate(singles):
        same_tree(single.reset(seed=30 + row), (row_of(observation, row), info_row(info, row)))
    for _ in range(45):
        action = play(rng, info, envs.rules.num_choices, envs.gaze_size)
        result = envs.step(action)
        observation, reward, terminated, truncated, info = result
        for row, single in enumerate(singles):
            expected = (
                row_of(observation, row),
                float(reward[row]),
                bool(terminated[row]),
                bool(truncated[row]),
                info_row(info, row),
            )
            same_tree(single.step(row_of(action, row)), expected)
        if terminated.any():
            ends += terminated.sum()
            observation, info = envs.reset(options={"reset_mask": terminated})
            for row in np.flatnonzero(terminated):
                result = singles[row].reset()
                same_tree(result, (row_of(observation, row), info_row(info, row)))
    assert ends >= 3 * NUMBER


@pytest.mark.parametrize("mode", ["next_step", "same_step", "disabled"])
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.usefixtures("torch")
def test_torch_is_numpy(
    variant: dict[str, Any],
    mode: str,
    ragged: dict[str, Any],
    play: Any,
    same_tree: Same,
    same_infos: Same,
) -> None:
    arguments = {**ragged, **variant, **SIZES, "autoreset_mode": mode}
    first = GlimpseVectorEnv(NUMBER, **arguments)
    second = GlimpseVectorEnv(NUMBER, backend="torch", **arguments)
    rng = np.random.default_rng(2)

    def compare(ours: Any, theirs: Any) -> None:
        *values, info = ours
        *others, other = host_of_torch(theirs)
        same_tree(values, others, 1e-6)
        for key in ("location", "emit"):
            np.testing.assert_array_equal(values[0][key], others[0][key])
        same_infos(info, other, NUMBER, 1e-6)

    results = first.reset(seed=9), second.reset(seed=9)
    compare(*results)
    for _ in range(40):
        action = play(rng, results[0][-1], first.rules.num_choices, first.gaze_size)
        results = first.step(action), second.step(action)
        compare(*results)
        terminated = results[0][2]
        if mode == "disabled" and terminated.any():
            options = {"reset_mask": terminated}
            results = first.reset(options=options), second.reset(options=options)
            compare(*results)


def host_of_torch(result: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a torch environment returned, after a look at its types."""
    for part in result[1:-1]:
        assert type(part).__module__ == "torch"
    if len(result) == 5:
        assert str(result[1].dtype) == "torch.float32"
    return tuple(map(host, result))


def test_a_rollout_does_not_depend_on_the_size_of_the_batch(
    ragged: dict[str, Any], same_tree: Same, backend: str
) -> None:
    wide, narrow = (
        GlimpseVectorEnv(number, backend=backend, **ragged, **SIZES) for number in (7, 3)
    )
    wide.reset(seed=3)
    narrow.reset(seed=3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        gaze = rng.uniform(-1, 1, (7, 2)).astype(np.float32)
        label = rng.integers(0, 5, 7)
        results = [
            envs.step({"gaze": gaze[: envs.num_envs], "label": label[: envs.num_envs]})
            for envs in (wide, narrow)
        ]
        for row in range(3):
            same_tree(*(row_of(result[0], row) for result in results))


def indices(envs: GlimpseVectorEnv, resets: int = 1, **arguments: Any) -> NDArray[np.int64]:
    """The images of the next episodes."""
    drawn = [envs.reset(**arguments)[1]["index"]]
    drawn += [envs.reset()[1]["index"] for _ in range(resets - 1)]
    return np.array([np.asarray(index) for index in drawn])


def many_images(number: int, backend: str = "numpy", size: int = 50) -> GlimpseVectorEnv:
    images, labels = np.zeros((size, 2, 2), np.uint8), np.zeros(size, np.int64)
    return GlimpseVectorEnv(
        number, images=images, labels=labels, num_classes=1, glimpse_size=2, backend=backend
    )


def test_seeds(backend: str) -> None:
    envs = many_images(6, backend)
    first = indices(envs, 8, seed=5)
    np.testing.assert_array_equal(first, indices(envs, 8, seed=5))
    np.testing.assert_array_equal(first, indices(envs, 8, seed=[5, 6, 7, 8, 9, 10]))
    np.testing.assert_array_equal(first[:, 1:], indices(envs, 8, seed=6)[:, :-1])
    np.testing.assert_array_equal(first[:, ::-1], indices(envs, 8, seed=[10, 9, 8, 7, 6, 5]))
    assert (first != indices(envs, 8, seed=500)).any(0).all()  # every row is another
    assert len({tuple(row) for row in first.T}) == 6
    assert len({tuple(row) for row in first}) == 8
    large = 2**40  # also bits above the 32nd count
    assert (first != indices(envs, 8, seed=5 + large)).any(0).all()


def test_without_a_seed_every_environment_is_another(backend: str) -> None:
    drawn = [indices(many_images(6, backend), 8) for _ in range(3)]
    assert (drawn[0] != drawn[1]).any() and (drawn[1] != drawn[2]).any()


def test_images_are_drawn_evenly() -> None:
    drawn = indices(many_images(64, size=20), 100, seed=1)
    counts = np.bincount(drawn.ravel(), minlength=20)
    assert ((counts - 320) ** 2 / 320).sum() < 50  # chi-square of 19 degrees of freedom
    again = (drawn[1:] == drawn[:-1]).mean(), (drawn[:, 1:] == drawn[:, :-1]).mean()
    assert max(again) < 0.08  # 1 / 20 by chance


@pytest.mark.parametrize("size", [(25, 22), (130, 140)], ids=["small", "large"])
def test_a_partial_reset_leaves_the_others_alone(
    size: tuple[int, int], ragged: dict[str, Any], same_tree: Same, backend: str
) -> None:
    # large images are prepared once for the whole data set instead of at every reset
    images = np.random.default_rng(1).integers(0, 256, (16, *size), dtype=np.uint8)
    arguments = {**ragged, **SIZES, "images": images, "stop_on_mistake": False, "backend": backend}
    envs, undisturbed, whole = (GlimpseVectorEnv(NUMBER, **arguments) for _ in range(3))
    rng = np.random.default_rng(5)
    for one in (envs, undisturbed):
        one.reset(seed=0)
    mask = np.array([True, False, True, False, False])
    for _ in range(2):
        action = {"gaze": rng.uniform(-1, 1, (NUMBER, 2)), "label": np.zeros(NUMBER, int)}
        before = envs.step(action)
        undisturbed.step(action)
    options = {"reset_mask": mask, "index": np.array([3, 4, 7, 8, 9])}
    observation, info = envs.reset(seed=77, options=options)
    fresh, fresh_info = whole.reset(seed=77, options={"index": options["index"]})
    np.testing.assert_array_equal(host(info)["_index"], mask)
    for row in range(NUMBER):
        expected = fresh if mask[row] else before[0]
        same_tree(row_of(observation, row), row_of(expected, row))
        if mask[row]:
            same_tree(info_row(info, row), info_row(fresh_info, row))
    for _ in range(15):
        action = {"gaze": rng.uniform(-1, 1, (NUMBER, 2)), "label": rng.integers(0, 5, NUMBER)}
        results = [one.step(action) for one in (envs, undisturbed, whole)]
        for row in range(NUMBER):
            same_tree(
                *(row_of(results[i][0], row) for i in (0, 2 if mask[row] else 1)),
            )


def test_a_pinned_index_shows_that_image(ragged: dict[str, Any], backend: str) -> None:
    envs = GlimpseVectorEnv(3, **ragged, backend=backend)
    for index in (np.array([4, 0, 15]), [4, 0, 15], 6, np.int64(6)):
        info = host(envs.reset(seed=1, options={"index": index})[1])
        np.testing.assert_array_equal(info["index"], np.broadcast_to(index, 3))
        np.testing.assert_array_equal(info["labels"], ragged["labels"][info["index"]])
    after = indices(envs)[0]  # pinning does not stop the count of episodes
    assert after.tolist() == indices(envs, 2, seed=1)[1].tolist()


def test_reset_masks_of_the_environment_itself(backend: str) -> None:
    envs = many_images(4, backend)
    envs.reset(seed=0)
    *_, terminated, _, _ = envs.step({"gaze": np.zeros((4, 2)), "label": np.zeros(4, int)})
    mask = terminated | True  # of the backend's own kind
    envs.reset(options={"reset_mask": mask})


def test_step_comes_after_reset(backend: str) -> None:
    with pytest.raises(gym.error.ResetNeeded, match=r"reset\(\)"):
        many_images(2, backend).step({"gaze": np.zeros((2, 2)), "label": np.zeros(2, int)})


def test_a_mode_belongs_to_its_environment() -> None:
    before = dict(GlimpseVectorEnv.metadata)
    arguments = {"images": np.zeros((1, 2, 2), np.uint8), "labels": np.zeros(1, int)}
    modes = [
        GlimpseVectorEnv(1, autoreset_mode=mode, num_classes=1, **arguments)
        for mode in ("same_step", "disabled", gym.vector.AutoresetMode.NEXT_STEP)
    ]
    assert [one.metadata["autoreset_mode"].name for one in modes] == [
        "SAME_STEP",
        "DISABLED",
        "NEXT_STEP",
    ]
    assert before == GlimpseVectorEnv.metadata
    with pytest.raises(InvalidArgument, match="autoreset_mode='never'"):
        GlimpseVectorEnv(1, autoreset_mode="never", num_classes=1, **arguments)


def test_what_could_not_be_made_can_be_closed() -> None:
    """As Gymnasium before 1.3 does with every environment that is thrown away."""
    GlimpseVectorEnv.__new__(GlimpseVectorEnv).close()
