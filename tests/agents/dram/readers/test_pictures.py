from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from agents.dram.config import Config
from agents.dram.model.build import make_agent
from agents.dram.readers.pictures import draw_pictures, gaze_density, write_gif
from agents.trainer.envs import make_envs


def test_density_is_bright_where_gazes_land() -> None:
    density = gaze_density(np.array([[-1.0, -1.0]] * 9 + [[5.0, 0.99]], np.float32), bins=10)
    assert density.shape == (10, 10, 3)
    light = density.sum(2, dtype=int)
    # x to the right, y downwards; gazes outside count where the environment clips them to
    assert np.unravel_index(light.argmax(), light.shape) == (0, 0)
    assert light[9, 9] > light[5, 5]


def test_an_animation_repeats_and_holds_every_frame(tmp_path: Path) -> None:
    frames = [np.full((4, 4, 3), 60 * step, np.uint8) for step in range(4)]
    write_gif(tmp_path / "a.gif", frames)
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == 4 and picture.info["loop"] == 0


def test_pictures_of_an_agent(stripes_config: Config, tmp_path: Path) -> None:
    torch.manual_seed(0)
    agent = make_agent(stripes_config, make_envs(stripes_config, "test", 1))
    animation, picture = draw_pictures(agent, stripes_config, "test", tmp_path, examples=(5, 7, 9))
    with Image.open(animation) as film, Image.open(picture) as still:
        # the reset, and a step for each of two glimpses and the label
        assert film.n_frames == 4 and still.width > still.height // 4


def test_pictures_of_a_control_show_where_it_looks(stripes_config: Config, tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = replace(stripes_config, gaze="center")
    agent = make_agent(config, make_envs(config, "test", 1))
    with torch.no_grad():
        agent.emission.linear.bias[:] = 0.9  # where an agent would look that is asked
    _, picture = draw_pictures(agent, config, "test", tmp_path, examples=(5, 7, 9))
    with Image.open(picture) as still:
        density = np.asarray(still.convert("L"))[-(still.width // 3) :, : still.width // 3]
    corner, middle = density.shape[0] // 8, density.shape[0] // 2
    around = density[middle - corner : middle + corner, middle - corner : middle + corner]
    assert around.max() > 2 * density[-2 * corner :, -2 * corner :].max()
