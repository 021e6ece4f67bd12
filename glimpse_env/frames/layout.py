"""Where things stand in a frame."""

from __future__ import annotations

import dataclasses
import math

MARGIN = 20  # pixels, as all lengths here
CAPTION = 22  # height of the line above a tile
TILE_GAP = 12
LABEL_HEIGHT = 28
LABEL_GAP = 6

_USUAL_SIDE = 360  # the height an image is enlarged to, about
_LARGEST_SIDE = 720
_LEAST_BODY = (320, 320)  # height and width kept for an image, so that tiles and text find room
_STRIP = 2 * LABEL_HEIGHT + LABEL_GAP + MARGIN  # height of the labels below


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where things stand in a frame, in pixels; the same for every frame of an environment."""

    zoom: float  # pixels of the frame for one of the image
    view: tuple[int, int]  # height and width of the enlarged image
    body: tuple[int, int]  # height and width of the room it stands in
    num_scales: int  # K
    room: int  # largest side of a tile
    grid: tuple[int, int]  # rows and columns of the tiles
    tile: tuple[int, int]  # height of a row and width of a column of them, gap and caption included

    @classmethod
    def of(
        cls, image_shape: tuple[int, ...], glimpse_shape: tuple[int, ...], context_size: int
    ) -> Layout:
        """The layout for images (C, H, W), glimpses (K * C, g, g) and contexts of a side."""
        channels, height, width = image_shape
        zoom = _zoom(height, width)
        view = (max(1, round(height * zoom)), max(1, round(width * zoom)))
        body = (max(view[0], _LEAST_BODY[0]), max(view[1], _LEAST_BODY[1]))
        num_scales = glimpse_shape[0] // channels
        number = num_scales + (context_size > 0)
        columns = 1 if number <= 3 else 2 if number <= 8 else 3
        rows = math.ceil(number / columns)
        room = (body[0] + TILE_GAP) // max(rows, 2) - CAPTION - TILE_GAP
        sides = [tile_side(side, room) for side in (glimpse_shape[-1], context_size) if side]
        tile = (room + CAPTION + TILE_GAP, max(sides) + MARGIN)
        return cls(zoom, view, body, num_scales, room, (rows, columns), tile)

    @property
    def image_corner(self) -> tuple[int, int]:
        """Left and top of the image."""
        spare = (self.body[1] - self.view[1], self.body[0] - self.view[0])
        return MARGIN + spare[0] // 2, MARGIN + spare[1] // 2

    @property
    def tiles_left(self) -> int:
        """Left of the tiles."""
        return self.body[1] + 2 * MARGIN

    @property
    def labels_top(self) -> int:
        """Top of the labels."""
        return self.body[0] + 2 * MARGIN

    @property
    def width(self) -> int:
        """Width of the frame."""
        return self.tiles_left + self.grid[1] * self.tile[1]

    @property
    def height(self) -> int:
        """Height of the frame."""
        return self.labels_top + _STRIP


def _zoom(height: int, width: int) -> float:
    """Whole, so that all pixels are drawn alike, but for images too large to show in full."""
    largest = max(height, width)
    if largest > _LARGEST_SIDE:
        return _LARGEST_SIDE / largest
    return max(1, min(round(_USUAL_SIDE / height), _LARGEST_SIDE // largest))


def tile_side(cells: int, room: int) -> int:
    """The side of a tile of cells x cells squares: all squares alike, if one pixel each fits."""
    return cells * (room // cells) if cells <= room else room
