"""The eyes of all rows: what each has before it, in full detail and as a coarse whole."""

from __future__ import annotations

from glimpse_env.backend import Array, Backend
from glimpse_env.sight.retina import CoarseView, Retina
from glimpse_env.tasks.task import Task

# Images this large are prepared once for the whole data set instead of at every reset, so that a
# step costs the same for a photograph as for a thumbnail.
_LARGE_IMAGE = 128 * 128  # pixels
_CACHED_IMAGES = 32  # prepared together on a CPU: more fall out of its cache
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
        held: int | None = None,
    ) -> None:
        """Allocate memory for the slots; eye i looks at slot i, or all at the first."""
        channels, height, width = image_shape
        self._backend, slots = backend, held or number
        self._retina = Retina(
            backend,
            capacity=slots,
            channels=channels,
            height=height,
            width=width,
            glimpse_size=glimpse_size,
            num_scales=num_scales,
        )
        self.glimpse_shape = self._retina.shape
        self.gaze_size = 2  # numbers that direct an eye: x and y
        self.context_shape = (channels, context_size, context_size)
        self._coarse = CoarseView(backend, height, width, context_size) if context_size else None
        self._own = held is None
        self._slots = backend.arange(number) * self._own
        self._places = self._retina.places(self._slots)
        self.has_context = self._coarse is not None
        if self._coarse:
            self._contexts = backend.zeros((slots, *self.context_shape), "float32")

    def show(self, slots: Array, images: Array) -> None:
        """Put images into slots.

        Args:
            slots: int64 (m,).
            images: integers in 0 .. 255, (m, C, H, W).
        """
        self._retina.write(slots, images)
        if self._coarse:
            self._contexts[slots] = self._coarse(images)

    def show_all(self, images: Array, keep: Array | None = None) -> None:
        """Put an image into every slot.

        Args:
            images: integers in 0 .. 255, (slots, C, H, W).
            keep: bool (slots,), where False the slot stays as it is; None to fill all.
        """
        self._retina.write_all(images, keep)
        if self._coarse:
            coarse = self._coarse(images)
            if keep is not None:
                coarse = self._backend.xp.where(keep[:, None, None, None], coarse, self._contexts)
            self._contexts[...] = coarse

    def look(self, gaze: Array) -> Array:
        """The glimpses at `gaze`, float32 (B, 2): float32 (B, K * C, g, g) in [0, 1]."""
        return self._retina.glimpse(self._places, gaze)

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
        **sizes: Those of `Eye`, but for `held`.

    Raises:
        InvalidArgument: A size that cannot work.
    """

    def __init__(self, backend: Backend, task: Task, **sizes: int) -> None:
        """Allocate memory for B images, or for all of the task's where they are large."""
        _, height, width = task.image_shape
        area = height * width
        self._task = task
        self._resident = area > _LARGE_IMAGE and area * task.size <= _RESIDENT_IMAGES
        held = task.size if self._resident else None
        super().__init__(backend, task.image_shape, held=held, **sizes)
        for first in range(task.size) if self._resident else ():
            self._prepare(backend.arange(1) + first, backend.arange(1) + first)

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
            self._places = self._retina.places(self._slots)
        elif not self._backend.eager:
            self.show_all(self._task.images(index), keep)
        else:
            for first in range(0, len(rows), _CACHED_IMAGES):
                part = slice(first, first + _CACHED_IMAGES)
                self._prepare(rows[part], index[part])

    def _prepare(self, slots: Array, index: Array) -> None:
        self.show(slots, self._task.images(index))
