"""Random numbers without a state: a hash of counters, the same integers in NumPy and in torch.

An image must be a pure function of its index, and the index of an episode a pure function of its
row's seed and number, whatever the batch and the backend. A stateful generator cannot give that.
"""

from __future__ import annotations

from glimpse_env.backend import Array

_MASK = 0xFFFFFFFF
_GOLDEN = 0x9E3779B9  # 2**32 / golden ratio: successive multiples are far apart


def mix(x: Array) -> Array:
    """A bijection of 32-bit numbers that flips every output bit with probability near a half.

    The constants are Chris Wellons' "lowbias32". Products overflow int64 and wrap; the mask keeps
    the 32 bits that are right all the same.

    Args:
        x: int64 of any shape, values in [0, 2**32).

    Returns:
        int64 of the same shape, values in [0, 2**32).
    """
    x = x ^ (x >> 16)
    x *= 0x7FEB352D
    x &= _MASK
    x ^= x >> 15
    x *= 0x846CA68B
    x &= _MASK
    return x ^ (x >> 16)


def key_of(seed: Array) -> Array:
    """A 32-bit key, int64 of the same shape, that depends on all bits of a seed in [0, 2**63)."""
    return mix(mix(seed & _MASK) ^ (seed >> 32))


def spread(counter: Array) -> Array:
    """Mix a counter before a key joins it; to be kept where the same counters come again.

    Added to the key, it would make the numbers of all keys parts of one sequence, and some rows of
    a large batch would repeat others with a delay.
    """
    return mix((counter * _GOLDEN) & _MASK)


def draws(key: Array, counter: Array) -> Array:
    """The numbers of a key: `mix(key ^ spread(counter))`.

    Args:
        key: int64 in [0, 2**32), of a shape that broadcasts with `counter`.
        counter: int64 in [0, 2**32), which number.

    Returns:
        int64 in [0, 2**32).
    """
    return mix(key ^ spread(counter))


def below(number: Array, bound: Array | int) -> Array:
    """Map 32-bit numbers to [0, bound), bound at most 2**31, with a bias under bound / 2**32."""
    return (number * bound) >> 32


def signed_unit(number: Array) -> Array:
    """Map 32-bit numbers to multiples of 2**-23 in [-1, 1), which float32 holds exactly."""
    return (number >> 8) * 2.0**-23 - 1.0
