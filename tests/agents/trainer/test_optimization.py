from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from agents.dram.config import Config
from agents.trainer.optimization import clip_gradients, learning_rate


def boxes() -> dict[str, list[nn.Parameter]]:
    """Gradients (3, 4) and 12: norms 5 and 12, together 13. One box has none."""
    weights = [nn.Parameter(torch.zeros(size)) for size in (1, 1, 1, 2, 2)]
    for weight, gradient in zip(weights, (3.0, 4.0, 12.0), strict=False):
        weight.grad = torch.tensor([gradient])
    return {"one": weights[:2], "other": weights[2:4], "frozen": weights[4:]}


@pytest.mark.parametrize("limit, scale", [(100.0, 1.0), (6.5, 0.5)])
def test_gradients_are_clipped_together(limit: float, scale: float) -> None:
    weights = boxes()
    norms = clip_gradients(weights, limit)
    assert {name: float(norm) for name, norm in norms.items()} == {"one": 5.0, "other": 12.0}
    found = [float(weight.grad) for weight in (*weights["one"], weights["other"][0])]
    assert found == pytest.approx([3 * scale, 4 * scale, 12 * scale])
    assert weights["other"][1].grad is None and weights["frozen"][0].grad is None


def test_schedules() -> None:
    """Rates after nothing, half of the warm-up, half of the images and all of them."""

    def rates(schedule: str) -> list[float]:
        config = Config(
            env_id="Glimpse-v0", schedule=schedule, learning_rate=2.0, images=1000, warmup=0.1
        )  # type: ignore[arg-type]
        return [learning_rate(config, images) for images in (0, 50, 500, 1000)]

    assert rates("cosine") == pytest.approx([0, 1, 1, 0])
    config = Config(
        env_id="Glimpse-v0", schedule="exponential", learning_rate=1.0, warmup=0.0, epoch_images=100
    )
    assert math.isclose(learning_rate(config, 250), 0.97**2)
