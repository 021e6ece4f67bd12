"""A trained agent that reads images of yours.

```python
from agents.image_reader import ImageReader

reader = ImageReader("runs/NAME")  # or "pretrained:dram_house_numbers"
for found in reader.read(["door.png", "gate.png"]):
    print(found.labels, found.probability)
```
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.dram.model.build import fit_gazes, load
from agents.dram.readers.agent_reader import AgentReader
from agents.dram.readers.reading import Reading
from agents.dram.readers.shown_images import envs_of_images
from agents.trainer.envs import PixelArray
from glimpse_env.errors import InvalidArgument, require_at_least
from glimpse_env.opencv import cv2
from glimpse_env.tasks.own_images.image_files import fit, read_image
from glimpse_env.tasks.svhn.crops import crop_side, cut

Picture = str | Path | np.ndarray[Any, Any]
_TOGETHER = 256  # images


class Found(NamedTuple):
    """What an agent has read in an image."""

    labels: list[int]  # from first to last, without the end label
    probability: float  # that the agent gave these labels, "end" among them; geometric mean of M


class ImageReader:
    """The agent of a run folder, at its likeliest gazes; its training images are not needed.

    Args:
        run: The folder of a run, or `pretrained:NAME` for an agent that comes with the repository.
        device: Torch device.
        samples: 1 for the likeliest gaze; M > 1 for Monte Carlo averaging (DRAM eq. 14).

    Raises:
        MissingData: The folder has no checkpoint.
        CorruptedData: The checkpoint is damaged.
        InvalidArgument: It is that of another trainer or another version of this code, or of an
            agent that plays a game.
    """

    def __init__(self, run: str | Path, device: str = "cpu", samples: int = 1) -> None:
        require_at_least("samples", samples, 1)
        self.agent, self.config, self.sizes, _ = load(run, device)
        if not self.sizes.max_labels:
            raise InvalidArgument(f"{run} plays {self.config.env_id}, and reads no labels")
        self.device, self.samples = device, samples

    def read(
        self,
        images: Sequence[Picture],
        *,
        boxes: Sequence[Sequence[float]] | None = None,
        scale: bool = True,
    ) -> list[Found]:
        """Read images of any size.

        Args:
            images: Files, or uint8 arrays (H, W) grey or (H, W, 3) RGB. An agent of grey images
                sees grey, one of colour images sees grey as RGB.
            boxes: Where the number is in each image: left, top, width and height in pixels, of a
                detector or drawn by hand around the digits. What is read is cut out as house
                numbers of SVHN are (Goodfellow et al. 2013): the box grows by 30 % and is stretched
                to a square, whatever its shape. None to read whole images.
            scale: Whether to make each image as large as fits into those that the agent was trained
                on, its shape kept, in the middle of black. Agents know objects of the size that
                they have seen. Without it, images are seen as they are: glimpses cover as many
                pixels as in training, gazes reach over the whole image.

        Returns:
            What was found, an entry for each image.

        Raises:
            InvalidArgument: An array that is no image, one file instead of a list, or a box that is
                none.
            MissingData: A file is not there.
            CorruptedData: A file is no picture.
        """
        if isinstance(images, str | Path):
            raise InvalidArgument(f"images={images!r} must be a list: read([{str(images)!r}])")
        if boxes is not None and len(boxes) != len(images):
            raise InvalidArgument(f"boxes: {len(boxes)} boxes for {len(images)} images")
        pictures = [
            self._prepared(number, image, scale, None if boxes is None else boxes[number])
            for number, image in enumerate(images)
        ]
        found: dict[int, Found] = {}
        for shape in {picture.shape for picture in pictures}:
            numbers = [n for n, picture in enumerate(pictures) if picture.shape == shape]
            for first in range(0, len(numbers), _TOGETHER):
                part = numbers[first : first + _TOGETHER]
                reading = self._read_together(np.stack([pictures[n] for n in part]))
                found.update(zip(part, self._name(reading), strict=True))
        return [found[number] for number in range(len(pictures))]

    def _prepared(
        self, number: int, image: Picture, scale: bool, box: Sequence[float] | None
    ) -> PixelArray:
        """The image, or what is in its box: (C, H, W)."""
        channels, height, width = self.sizes.image
        if isinstance(image, str | Path):
            image = read_image(Path(image), color=channels == 3)
        if not _is_image(image):
            raise InvalidArgument(
                f"images[{number}] is {_kind(image)}: give the name of a file, or a uint8 array "
                "(H, W) or (H, W, 3) with values in 0 .. 255"
            )
        pixels: Any = image
        if box is not None:
            image = pixels = self._cut(number, image, box)
        if image.ndim == 2 and channels == 3:
            pixels = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        elif image.ndim == 3 and channels == 1:
            pixels = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if scale:
            pixels = fit(pixels, height, width)
        return np.moveaxis(pixels.reshape(*pixels.shape[:2], channels), -1, 0)

    def _cut(self, number: int, image: PixelArray, box: Sequence[float]) -> PixelArray:
        """A house number as the agent has learned to see it: the middle of Goodfellow's crop."""
        _, height, width = self.sizes.image
        corners = np.asarray(box, np.float64)
        if corners.shape != (4,) or not np.isfinite(corners).all() or (corners[2:] <= 0).any():
            raise InvalidArgument(
                f"boxes[{number}]={box!r} must be left, top, width and height in pixels, width and "
                "height greater than 0"
            )
        if height != width:
            raise InvalidArgument(f"boxes are for agents of square images, not {width}x{height}")
        colored = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
        side = crop_side(height)
        crop = cut(colored, corners[None], side, "clamp")
        first = (side - height) // 2
        middle = crop[first : first + height, first : first + width]
        return middle if image.ndim == 3 else middle[..., 0]

    def _read_together(self, images: PixelArray) -> Reading:
        """Images (M, C, H, W) of one size; what the labels are is not known, so 0 or none."""
        sizes, rows = self.sizes, len(images)
        envs = envs_of_images(
            self.config,
            images,
            np.full((rows, sizes.max_labels), -1) if sizes.has_end else np.zeros(rows, np.int64),
            sizes.num_classes,
            num_envs=rows * self.samples,
            device=self.device,
        )
        fit_gazes(self.agent, images.shape[1:])
        reader = AgentReader(self.agent, envs, self.config.sigma_pixels, samples=self.samples)
        return reader.read(np.arange(rows), seed=0)

    def _name(self, reading: Reading) -> list[Found]:
        order = -1 if self.config.backward else 1
        # log_probs are 0, probability 1, where the agent had ended before
        chances = reading.log_probs.max(2).values.sum(1).exp()
        return [
            Found([label for label in said if 0 <= label < self.sizes.num_classes][::order], chance)
            for said, chance in zip(reading.said.tolist(), chances.tolist(), strict=True)
        ]


def _is_image(image: object) -> bool:
    if not (isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.size):
        return False
    return image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)


def _kind(image: object) -> str:
    if isinstance(image, np.ndarray):
        return f"an array of dtype {image.dtype} and shape {image.shape}"
    return f"a {type(image).__name__}"
