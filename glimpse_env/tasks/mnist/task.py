"""Handwritten digits on a canvas: every MNIST task of the two papers, and sequences of digits.

The generator follows DeepMind's public one (github.com/deepmind/mnist-cluttered): distractors are
square patches of other digits of the same split; all is added up and clipped at white.

Shapes: m images, D digits, d distractors.
"""

from __future__ import annotations

from glimpse_env.backend import Array, Backend, counter_hash
from glimpse_env.errors import InvalidArgument, require_at_least, require_between, require_choice
from glimpse_env.tasks.mnist.digits import load_mnist
from glimpse_env.tasks.mnist.layouts import DIGIT, LAYOUTS
from glimpse_env.tasks.task import GENERATED_IMAGES, LARGEST_SIDE

TARGETS = ("digit", "combination", "sum", "sequence")
_SPLIT_KEY = {"train": 0x1D872B41, "validation": 0x2C1B3C6D, "test": 0x297A2D39}  # any numbers

# Which of its random numbers an image uses for what. From _DIGITS on: D numbers say which digits,
# 2 D where each is, and 5 d say source digit, patch x, patch y, x and y of each distractor. The
# three from _LINE on say where all are.
_COUNT, _LINE, _DIGITS = 0, 1, 4


class MNISTTask:
    """Digits, each wholly inside a black canvas, alone or among distractors.

    Image i shows digit i modulo the number of digits of its split; everything else about it is
    drawn from a hash of i. So the 10,000 test images show every test digit once (more often where
    an image has several).

    Args:
        backend: Where the arrays live.
        split: "train" (first 50,000 training digits), "validation" (last 10,000) or "test".
        data_dir: Folder with `mnist/*.gz`, or None for `GLIMPSE_DATA` or the user cache.
        canvas_size: Side of the image, pixels.
        min_digits: Fewest digits in an image.
        max_digits: Most digits in an image.
        layout: "independent" (each anywhere, they may overlap), "apart" (two digits, anywhere
            but on each other) or "slope" (left to right along a straight line of at most 45
            degrees, not overlapping).
        num_distractors: Number of patches.
        distractor_size: Side of a patch, pixels.
        target: "digit" (its class), "combination" (which of the 55 unordered pairs), "sum"
            (0 .. 18) or "sequence" (the digits of a slope from left to right, then the end label).

    Raises:
        InvalidArgument: A value that cannot work.
        MissingData: MNIST is neither on disk nor to be downloaded.
        CorruptedData: A file of MNIST is not what it must be.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        split: str,
        data_dir: str | None = None,
        canvas_size: int = DIGIT,
        min_digits: int = 1,
        max_digits: int = 1,
        layout: str = "independent",
        num_distractors: int = 0,
        distractor_size: int = 8,
        target: str = "digit",
    ) -> None:
        canvas_size = require_between("canvas_size", canvas_size, 0, LARGEST_SIDE)
        min_digits = require_at_least("min_digits", min_digits, 0)
        max_digits = require_at_least("max_digits", max_digits, 0)
        num_distractors = require_between("num_distractors", num_distractors, 0, 200)
        distractor_size = require_between("distractor_size", distractor_size, 1, DIGIT)
        _check_digits(min_digits, max_digits, target)
        require_choice("layout", layout, tuple(LAYOUTS))
        if target == "sequence" and max_digits > 1 and layout != "slope":
            raise InvalidArgument(
                f"layout={layout!r} has no order in which to read: target='sequence' needs "
                "layout='slope'"
            )
        self._layout = LAYOUTS[layout](backend, canvas_size, max_digits)
        digits = load_mnist(split, data_dir)
        self._backend = backend
        self._pixels = backend.asarray(digits.images[:, None], "uint8")  # (N, 1, 28, 28)
        self._classes = backend.asarray(digits.labels, "int64")
        self._num_digits = len(digits.labels)
        self._split_key = _SPLIT_KEY[split]
        self._side, self._target = canvas_size, target
        self._min_digits, self._max_digits = min_digits, max_digits
        self._num_distractors, self._patch_side = num_distractors, distractor_size
        self._plain = canvas_size == DIGIT and num_distractors == 0 and max_digits == 1
        generated = split == "train" and not self._plain
        self.size = GENERATED_IMAGES if generated else self._num_digits
        self.image_shape = (1, canvas_size, canvas_size)
        self.has_end = target == "sequence"
        self.num_classes = {"combination": 55, "sum": 19}.get(target, 10)
        self.max_labels = max_digits if self.has_end else 1
        self._patches = backend.windows(self._pixels, distractor_size)[:, 0]
        most = _DIGITS + 3 * max_digits + 5 * num_distractors
        self._counters = counter_hash.spread(backend.arange(most))

    def _numbers(self, index: Array, how_many: int) -> Array:
        """The first random numbers of each image: int64 (m, how_many) in [0, 2**32)."""
        key = counter_hash.mix(index ^ self._split_key)
        return counter_hash.mix(key[:, None] ^ self._counters[:how_many])

    def _shown(self, index: Array, numbers: Array) -> tuple[Array, Array]:
        """Which digits an image shows, int64 (m, D), and which of them are there, bool (m, D)."""
        d = self._max_digits
        chosen = counter_hash.below(numbers[:, _DIGITS : _DIGITS + d], self._num_digits)
        chosen[:, 0] = index % self._num_digits
        count = counter_hash.below(numbers[:, _COUNT], d - self._min_digits + 1) + self._min_digits
        return chosen, self._backend.arange(d) < count[:, None]

    def labels(self, index: Array) -> Array:
        """The labels of int64 `index` (m,): int64 (m, L), padded with -1."""
        if self._plain:
            return self._classes[index][:, None]
        chosen, present = self._shown(index, self._numbers(index, _DIGITS + self._max_digits))
        classes = self._classes[chosen]
        if self._target == "sequence":
            return self._backend.xp.where(present, classes, -1)
        if self._target == "digit":
            return classes
        first, second = classes[:, :1], classes[:, 1:]
        if self._target == "sum":
            return first + second
        low = self._backend.xp.minimum(first, second)
        high = self._backend.xp.maximum(first, second)
        return low * 10 - low * (low - 1) // 2 + high - low  # rank among the pairs low <= high

    def images(self, index: Array) -> Array:
        """The images of int64 `index` (m,): integers in 0 .. 255, (m, C, H, W)."""
        if self._plain:
            return self._pixels[index]
        d = self._max_digits
        numbers = self._numbers(index, len(self._counters))
        chosen, present = self._shown(index, numbers)
        digits = self._pixels[chosen, 0]  # (m, D, 28, 28)
        if self._min_digits < d:
            digits = digits * self._backend.cast(present, "uint8")[:, :, None, None]
        layers = [(digits, *self._corners(numbers, present))]
        if self._num_distractors:
            layers.append(self._distractors(numbers[:, _DIGITS + 3 * d :]))
        return self._backend.collage(len(index), self._side, layers)[:, None]

    def corners(self, index: Array) -> tuple[Array, Array]:
        """Where digits lie: pixels x and y, int64 (m, D), of the top left corners of their squares.

        Of a digit that is not there, some place inside the canvas.
        """
        numbers = self._numbers(index, _DIGITS + 3 * self._max_digits)
        return self._corners(numbers, self._shown(index, numbers)[1])

    def _corners(self, numbers: Array, present: Array) -> tuple[Array, Array]:
        d = self._max_digits
        line = numbers[:, _LINE:_DIGITS]
        place = numbers[:, _DIGITS + d : _DIGITS + 3 * d].reshape(-1, d, 2)
        return self._layout.corners(line, place, present)

    def _distractors(self, numbers: Array) -> tuple[Array, Array, Array]:
        """The patches (m, d, side, side), and x and y (m, d) of their top left corners."""
        side, below = self._patch_side, counter_hash.below
        numbers = numbers.reshape(len(numbers), -1, 5)
        digit = below(numbers[..., 0], self._num_digits)
        patch = below(numbers[..., 1:3], DIGIT - side + 1)
        corner = below(numbers[..., 3:], self._side - side + 1)
        patches = self._patches[digit, patch[..., 1], patch[..., 0]]
        return patches, corner[..., 0], corner[..., 1]


def _check_digits(min_digits: int, max_digits: int, target: str) -> None:
    if not 1 <= min_digits <= max_digits:
        raise InvalidArgument(
            f"min_digits={min_digits}, max_digits={max_digits}: need 1 <= min_digits <= max_digits"
        )
    require_choice("target", target, TARGETS)
    if target in ("combination", "sum") and (min_digits, max_digits) != (2, 2):
        raise InvalidArgument(f"target={target!r} needs min_digits=2 and max_digits=2")
    if target == "digit" and max_digits != 1:
        raise InvalidArgument(f"max_digits={max_digits} needs target='sequence', not 'digit'")
