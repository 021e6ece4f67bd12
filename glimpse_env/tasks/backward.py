"""A task read backward: the same images, their labels from last to first."""

from __future__ import annotations

from glimpse_env.backend import Array, Backend
from glimpse_env.tasks.task import Task


class BackwardTask:
    """For DRAM's backward reader (Ba et al. 2014, section 4.3), which reads from right to left.

    Args:
        backend: Where the arrays live.
        task: Any task; a single label reads the same in both directions.
    """

    def __init__(self, backend: Backend, task: Task) -> None:
        """Nothing is copied."""
        self.forward = task
        self.size, self.image_shape = task.size, task.image_shape
        self.num_classes, self.max_labels = task.num_classes, task.max_labels
        self.has_end = task.has_end
        self._backend = backend

    def images(self, index: Array) -> Array:
        """The images of int64 `index` (m,): integers in 0 .. 255, (m, C, H, W)."""
        return self.forward.images(index)

    def labels(self, index: Array) -> Array:
        """The labels of int64 `index` (m,) from last to first: int64 (m, L), then the -1s."""
        labels = self.forward.labels(index)
        arange = self._backend.arange
        source = (labels >= 0).sum(1)[:, None] - 1 - arange(self.max_labels)
        flipped = labels[arange(len(labels))[:, None], source.clip(0)]
        return self._backend.xp.where(source >= 0, flipped, -1)
