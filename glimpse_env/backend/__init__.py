"""NumPy or torch behind one face, and the hash from which everything random follows."""

from glimpse_env.backend.make import check_backend, make_backend
from glimpse_env.backend.numpy_backend import NumpyBackend
from glimpse_env.backend.protocol import Array, Backend
from glimpse_env.backend.torch_backend import TorchBackend

__all__ = ["Array", "Backend", "NumpyBackend", "TorchBackend", "check_backend", "make_backend"]
