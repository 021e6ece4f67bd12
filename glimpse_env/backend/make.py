"""A backend by its name."""

from __future__ import annotations

from typing import Any

from glimpse_env.backend.numpy_backend import NumpyBackend
from glimpse_env.backend.protocol import Backend
from glimpse_env.backend.torch_backend import TorchBackend
from glimpse_env.errors import InvalidArgument, require_choice


def make_backend(name: str, device: str) -> Backend:
    """The backend called `name`.

    Args:
        name: "numpy" or "torch".
        device: A torch device such as "cpu" or "cuda:0"; NumPy knows "cpu" alone.

    Raises:
        InvalidArgument: No such backend, or no such device.
    """
    name, device = check_backend(name, device)
    if name == "numpy":
        if device != "cpu":
            raise InvalidArgument(
                f"backend='numpy' runs on device='cpu', not {device!r}; use backend='torch'"
            )
        return NumpyBackend()
    return TorchBackend(device)


def check_backend(name: Any, device: Any) -> tuple[str, str]:
    """Both by name: a device may be an object of torch's.

    Raises:
        InvalidArgument: No such backend, or what names no device.
    """
    require_choice("backend", name, ("numpy", "torch"))
    if not (isinstance(device, str) or type(device).__module__ == "torch"):
        raise InvalidArgument(f"device={device!r} must be a name, such as 'cpu' or 'cuda:0'")
    return str(name), str(device)
