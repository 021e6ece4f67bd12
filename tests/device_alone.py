"""A stand-in for a GPU that notices whatever would make the host wait for it, or send to it.

PyTorch's "meta" tensors have shapes and no values: whoever asks for one fails. The contexts below
see the host's numbers that meet them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

MAKERS = (torch.tensor, torch.as_tensor, torch.asarray, torch.from_numpy)


class _NoTensorsOfTheHost(TorchDispatchMode):
    """No tensor of the host meets one of the device, none is copied to or from it."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves((args, kwargs, out)) if torch.is_tensor(x)]
        # A tensor of no dimensions is how a Python number comes: as an argument of the kernel.
        devices = {x.device.type for x in tensors if x.ndim or "copy" in str(func)}
        assert devices <= {"meta"}, f"{func} of tensors on {sorted(devices)}"
        return out


class _NoListsOfTheHost(TorchFunctionMode):
    """No tensor is made of numbers of the host, which PyTorch copies out of sight of dispatch."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in MAKERS:
            assert torch.is_tensor(args[0]), f"{func} of {args[0]!r}"
        if func in (torch.Tensor.__getitem__, torch.Tensor.__setitem__):
            places = (args[1], *_parts(args[1]))
            assert not any(isinstance(x, list) for x in places), "a list"
            if func is torch.Tensor.__setitem__ and any(map(torch.is_tensor, places)):
                assert torch.is_tensor(args[2]), f"{args[2]!r} of the host written at places"
        return func(*args, **(kwargs or {}))


def _parts(index: Any) -> tuple[Any, ...]:
    return index if isinstance(index, tuple) else ()


@contextlib.contextmanager
def device_alone() -> Iterator[None]:
    """Fail with whoever asks for a value, or brings one."""
    with _NoTensorsOfTheHost(), _NoListsOfTheHost():
        yield
