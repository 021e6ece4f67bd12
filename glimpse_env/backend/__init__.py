"""NumPy or torch behind one face, and the hash from which everything random follows."""

from glimpse_env.backend.protocol import (
    Array,
    Backend,
    NumpyBackend,
    TorchBackend,
    check_backend,
    make_backend,
)

__all__ = ["Array", "Backend", "NumpyBackend", "TorchBackend", "check_backend", "make_backend"]
