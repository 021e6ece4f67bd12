from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from agents.convnets.config import ConvNetConfig
from agents.convnets.networks import ConvNet, ResidualBlock, Scores, most_likely, sequence_loss
from agents.evaluation.flops import parameters_of
from glimpse_env.errors import InvalidArgument


def task(shape: tuple[int, int, int] = (1, 54, 54), **changes: Any) -> Any:
    sizes = {"num_classes": 10, "max_labels": 5, "has_end": True}
    return SimpleNamespace(image_shape=shape, **(sizes | changes))


def single(shape: tuple[int, int, int] = (1, 28, 28)) -> Any:
    return task(shape, max_labels=1, has_end=False)


def make(shown: Any, **options: Any) -> ConvNet:
    torch.manual_seed(0)
    return ConvNet(ConvNetConfig(env_id="any", **options), shown)


TEN: dict[str, Any] = {
    "convolutions": (128,) * 8,
    "kernels": (5,) * 8,
    "pool_after": (2, 4, 6),
    "hidden": (3096, 3096),
}


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"hidden": (16,)}, single()),
        ({"convolutions": (4,), "kernels": (10,), "stride": 5, "hidden": (16,)}, single()),
        (TEN | {"width_factor": 1 / 32, "dropout": 0.5}, task()),
        (TEN | {"width_factor": 1 / 32}, task((3, 37, 50))),
        ({"network": "residual", "convolutions": (4, 8), "blocks": 2}, single()),
        ({"network": "residual", "convolutions": (4, 8, 8), "pooled": 3}, task((3, 37, 50))),
    ],
)
def test_shapes(options: dict[str, Any], shown: Any) -> None:
    net = make(shown, standardize=True, **options)
    images = torch.randint(256, (3, *shown.image_shape), dtype=torch.uint8)
    scores = net(images)
    assert scores.labels.shape == (3, shown.max_labels, 10)
    assert (scores.lengths is None) == (not shown.has_end)
    if shown.has_end:
        assert scores.lengths.shape == (3, shown.max_labels + 1)
    said = most_likely(scores)
    assert said.shape == (3, shown.max_labels) and said.dtype == torch.int64
    sequence_loss(scores, said).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_parameters_of_the_papers_networks() -> None:
    def dense(inputs: int, outputs: int) -> int:
        return inputs * outputs + outputs

    fc = make(single(), hidden=(256, 256))
    assert parameters_of(fc) == dense(784, 256) + dense(256, 256) + dense(256, 10)
    conv = make(single((1, 60, 60)), convolutions=(16,), kernels=(10,), stride=5, hidden=(256,))
    places = (60 - 10) // 5 + 1
    assert parameters_of(conv) == dense(100, 16) + dense(16 * places**2, 256) + dense(256, 10)
    for side, last in ((54, 7), (110, 14)):
        with torch.device("meta"):
            ten = make(task((1, side, side)), **TEN)
        layers = dense(25, 128) + 7 * dense(25 * 128, 128)
        layers += dense(128 * last**2, 3096) + dense(3096, 3096) + dense(3096, 6 + 50)
        assert parameters_of(ten) == layers


def test_parameters_of_a_residual_network() -> None:
    net = make(single(), network="residual", convolutions=(4, 8), blocks=2)
    norms = 2 * (4 + 4 * 4 + 4 * 8 + 8)  # of the stem, the first stage, the second, its 1x1
    stem, first = 9 * 4, 4 * 9 * 4 * 4
    second = 9 * 4 * 8 + 3 * 9 * 8 * 8 + 4 * 8
    assert parameters_of(net) == norms + stem + first + second + (8 * 10 + 10)


def test_a_residual_block_begins_as_none() -> None:
    block = ResidualBlock(4, 4, stride=1)
    maps = torch.rand(2, 4, 6, 6)
    torch.testing.assert_close(block(maps), maps)
    assert ResidualBlock(4, 8, stride=2)(torch.rand(2, 4, 7, 6)).shape == (2, 8, 4, 3)


def test_a_halved_map_is_the_average_of_the_cells_that_are_there() -> None:
    """Also at the last row of an odd number of them."""
    block = ResidualBlock(1, 1, stride=2).eval()
    with torch.no_grad():
        block.straight[-2].weight.fill_(1)  # type: ignore[operator, union-attr]
    halved = block(torch.arange(12.0).view(1, 1, 3, 4))
    expected = torch.tensor([[[[2.5, 4.5], [8.5, 10.5]]]])  # of 0 1 4 5, 2 3 6 7, 8 9, 10 11
    torch.testing.assert_close(halved, expected, rtol=1e-4, atol=0)


def test_the_width_factor_scales_all_widths() -> None:
    wide, narrow = (make(task(), **TEN, width_factor=f) for f in (1 / 16, 1 / 32))
    widths = [
        [
            m.out_features if isinstance(m, torch.nn.Linear) else m.out_channels
            for m in net.body
            if isinstance(m, torch.nn.Linear | torch.nn.Conv2d)
        ]
        for net in (wide, narrow)
    ]
    assert widths[0] == [8] * 8 + [194] * 2
    assert [2 * width for width in widths[1]] == widths[0]


def random_scores(images: int, places: int, classes: int) -> Scores:
    torch.manual_seed(1)
    return Scores(2 * torch.randn(images, places, classes), 2 * torch.randn(images, places + 1))


def test_the_most_likely_sequence_is_that_of_a_search_through_all() -> None:
    places, classes = 3, 3
    scores = random_scores(60, places, classes)
    labels, lengths = scores.labels.softmax(2), scores.lengths.softmax(1)  # type: ignore[union-attr]
    found = most_likely(scores).tolist()
    seen = set()
    for image in range(60):
        best: tuple[float, list[int]] = (-1.0, [])
        for length in range(places + 1):
            for said in itertools.product(range(classes), repeat=length):
                chance = float(lengths[image, length])
                for place, label in enumerate(said):
                    chance *= float(labels[image, place, label])
                best = max(best, (chance, [*said, *[-1] * (places - length)]))
        assert found[image] == best[1]
        seen.add(found[image].count(-1))
    assert seen == {0, 1, 2, 3}  # every length was the answer somewhere


def test_the_length_alone_does_not_decide() -> None:
    """One that is a little likelier loses where its labels are doubtful."""
    labels = torch.zeros(1, 2, 10)
    labels[0, 0, 7] = 20.0
    lengths = torch.tensor([[-20.0, 0.0, 0.5]])
    assert lengths.argmax() == 2
    assert most_likely(Scores(labels, lengths)).tolist() == [[7, -1]]


def test_the_loss_is_the_sequence_s_log_probability() -> None:
    scores = random_scores(3, 3, 4)
    labels = torch.tensor([[2, 0, -1], [-1, -1, -1], [1, 1, 3]])
    chances, lengths = scores.labels.softmax(2), scores.lengths.softmax(1)  # type: ignore[union-attr]
    one = chances[0, 0, 2] * chances[0, 1, 0] * lengths[0, 2]
    other = chances[2, 0, 1] * chances[2, 1, 1] * chances[2, 2, 3] * lengths[2, 3]
    expected = -(one.log() + lengths[1, 0].log() + other.log()) / 3
    torch.testing.assert_close(sequence_loss(scores, labels), expected)


def test_single_labels_are_an_ordinary_softmax() -> None:
    labels = torch.randn(5, 1, 7)
    targets = torch.tensor([[0], [6], [3], [3], [1]])
    expected = torch.nn.functional.cross_entropy(labels[:, 0], targets[:, 0])
    torch.testing.assert_close(sequence_loss(Scores(labels, None), targets), expected)
    assert torch.equal(most_likely(Scores(labels, None)), labels.argmax(2))


def test_standardized_images_may_be_darker() -> None:
    net = make(task(), **TEN, width_factor=1 / 32, standardize=True).eval()
    images = torch.randint(2, (2, 1, 54, 54)) * 100 + 50
    one, other = net(images.byte()).labels, net((images // 2 + 80).byte()).labels
    torch.testing.assert_close(one, other, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"kernels": (3,)}, "kernels"),
        ({"convolutions": (4,), "kernels": (4,)}, "odd"),
        ({"convolutions": (4,), "kernels": (1,), "stride": 2}, "at least 2"),
        ({"convolutions": (0,), "kernels": (3,)}, "convolutions"),
        ({"convolutions": (4,), "kernels": (3,), "pool_after": (2,)}, "pool_after"),
        ({"hidden": (-1,)}, "hidden"),
        ({"dropout": 1.0}, "dropout"),
        ({"width_factor": 0.0}, "width_factor"),
        ({"batch": 0}, "batch"),
        ({"seed": -1}, "seed"),
        ({"network": "transformer"}, "network"),
        ({"optimizer": "rmsprop"}, "optimizer"),
        ({"network": "residual"}, "convolutions"),
        ({"network": "residual", "convolutions": (4,), "hidden": (4,)}, "hidden"),
        ({"network": "residual", "convolutions": (4,), "pooled": 0}, "pooled"),
        ({"network": "residual", "convolutions": (4,), "blocks": 0}, "blocks"),
    ],
)
def test_impossible_configurations_are_named(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidArgument, match=named):
        ConvNetConfig(env_id="any", **wrong)


def test_a_filter_larger_than_the_image_is_named() -> None:
    with pytest.raises(InvalidArgument, match="does not fit into 28x28"):
        make(single(), convolutions=(4,), kernels=(31,), stride=2)
