"""The eyes of all rows: what each has before it, in full detail and as a coarse whole."""

from __future__ import annotations

from collections.abc import Iterator

from glimpse_env.backend import Array, Backend
from glimpse_env.errors import require_at_least
from glimpse_env.sight.retina import GLIMPSE_BYTES, CoarseView, Retina
from glimpse_env.sight.zoom import Zoom, zoom_steps
from glimpse_env.tasks.task import Task

# Images this large are prepared once for the whole data set instead of at every reset, so that a
# step costs the same for a photograph as for a thumbnail.
_LARGE_IMAGE = 128 * 128  # pixels
_DRAWN_IMAGES = 128  # together on a CPU: the more, the fewer calls
_CACHED_PIXELS = 80_000  # of images prepared together: what is made of more falls out of its cache
_ROW_BYTES = 500  # of a row's state, about
_RESIDENT_IMAGES = 2**26  # pixels of a data set prepared at once: under 1 GiB at two scales


class Eye:
    """B eyes that look at images held in slots.

    Args:
        backend: Where the arrays live.
        image_shape: (C, H, W) of every image.
        number: B.
        glimpse_size: Side of a glimpse, cells.
        num_scales: Scales of a glimpse.
        context_size: Side of the coarse whole image, cells; 0 for none.
        zoom: Whether a third number of a gaze chooses the finest scale, see `GlimpseVectorEnv`.
        held: How many slots there are; by default B, one for each eye.

    Raises:
        InvalidArgument: A size that cannot work.
    """

    def __init__(
        self,
        backend: Backend,
        image_shape: tuple[int, int, int],
        *,
        number: int,
        glimpse_size: int,
        num_scales: int,
        context_size: int,
        zoom: bool = False,
        held: int | None = None,
    ) -> None:
        """Allocate memory for the slots; eye i looks at slot i, or all at the first."""
        channels, height, width = image_shape
        glimpse_size = require_at_least("glimpse_size", glimpse_size, 1)
        num_scales = require_at_least("num_scales", num_scales, 1)
        context_size = require_at_least("context_size", context_size, 0)
        self._backend, slots = backend, held or number
        steps = zoom_steps(image_shape, glimpse_size, num_scales) if zoom else 0
        self._retina = Retina(
            backend,
            capacity=slots,
            channels=channels,
            height=height,
            width=width,
            glimpse_size=glimpse_size,
            num_scales=num_scales + steps,
            beside=_ROW_BYTES + GLIMPSE_BYTES * channels * context_size**2,
        )
        # After the retina, which refuses more rows than fit into memory.
        self._zoom = Zoom(backend, number, num_scales, steps)
        self.glimpse_shape = (num_scales * channels, glimpse_size, glimpse_size)
        self.gaze_size = self._zoom.gaze_size  # d, numbers that direct an eye
        side = [glimpse_size * 2**k for k in range(num_scales + steps)]
        self._side = backend.asarray(side, "int64")
        self._round = backend.asarray([0.5 * (pixels % 2 == 0) for pixels in side], "float32")
        self._half = backend.asarray([width / 2, height / 2], "float32")
        self.context_shape = (channels, context_size, context_size)
        self._coarse = CoarseView(backend, height, width, context_size) if context_size else None
        self._own = held is None
        self._slots = backend.arange(number) * self._own
        self.has_context = self._coarse is not None
        if self._coarse:
            self._contexts = backend.zeros((slots, *self.context_shape), "float32")

    def show(self, images: Array, slots: Array | None = None, keep: Array | None = None) -> None:
        """Put images into slots.

        Args:
            images: integers in 0 .. 255, (m, C, H, W).
            slots: int64 (m,), which of the held images to replace; None for all, in order.
            keep: bool (m,), only for all: where False the slot stays as it is; None to fill all.
        """
        self._retina.write(images, slots, keep)
        if self._coarse:
            coarse = self._coarse(images)
            if keep is not None:
                coarse = self._backend.xp.where(keep[:, None, None, None], coarse, self._contexts)
            self._contexts[slice(None) if slots is None else slots] = coarse

    def look(self, gaze: Array) -> Array:
        """The glimpses at `gaze`, float32 (B, d): float32 (B, K * C, g, g) in [0, 1]."""
        if not self._zoom.steps:
            return self._retina.glimpse(self._slots, gaze)
        return self._zoom.choose(self._retina.glimpse(self._slots, gaze[:, :2]), gaze)

    def first_gaze(self, place: Array) -> Array:
        """Gazes, float32 (m, d), at `place`, float32 (m, 2), as fine as can be."""
        return self._zoom.zoomed_in(place)

    def squares(self, gaze: Array) -> Array:
        """What glimpses at `gaze`, float32 (m, d), cover of the image, where `Retina` looks.

        Returns:
            int64 (m, K, 3): left, top and side in pixels, finest scale first.
        """
        xp, scales = self._backend.xp, self._zoom.scales(gaze)
        side = self._side[scales][..., None]
        pixel = ((gaze[:, :2] + 1) * self._half)[:, None] + self._round[scales][..., None]
        corner = self._backend.cast(pixel, "int64") - side // 2  # no pixel is negative
        return xp.concatenate([corner, side], -1)

    def context(self) -> Array:
        """A copy of the coarse images, float32 (B, C, c, c) in [0, 1]."""
        if self._own:
            return self._backend.copy(self._contexts)
        return self._contexts[self._slots]


class TaskEye(Eye):
    """B eyes that look at images of one task.

    Args:
        backend: Where the arrays live.
        task: Whose images.
        zoom: Whether a third number of a gaze chooses the finest scale.
        **sizes: Those of `Eye`, but for `held`.

    Raises:
        InvalidArgument: A size that cannot work.
    """

    def __init__(self, backend: Backend, task: Task, *, zoom: bool = False, **sizes: int) -> None:
        """Allocate memory for B images, or for all of the task's where they are large."""
        _, height, width = task.image_shape
        area = height * width
        self._task = task
        self._together = max(_CACHED_PIXELS // area, 1)
        self._resident = area > _LARGE_IMAGE and area * task.size <= _RESIDENT_IMAGES
        held = task.size if self._resident else None
        super().__init__(backend, task.image_shape, held=held, zoom=zoom, **sizes)
        for first in range(task.size) if self._resident else ():
            slot = backend.arange(1) + first
            self.show(task.images(slot), slot)

    def turn_to(self, rows: Array, index: Array, keep: Array | None) -> None:
        """Put images before eyes.

        Args:
            rows: int64 (m,), which eyes; with torch all of them, in order.
            index: int64 (m,), which image for each.
            keep: bool (m,), False for an eye that goes on looking at what it has; None for none.
        """
        if self._resident:
            if keep is not None:
                index = self._backend.xp.where(keep, index, self._slots[rows])
            self._slots[rows] = index
        elif not self._backend.eager:
            self.show(self._task.images(index), keep=keep)
        else:
            for part in _parts(len(rows), _DRAWN_IMAGES):
                images, slots = self._task.images(index[part]), rows[part]
                for few in _parts(len(images), self._together):
                    self.show(images[few], slots[few])


def _parts(number: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` that cover `number`."""
    return (slice(first, first + size) for first in range(0, number, size))
