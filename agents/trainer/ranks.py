"""Several processes, started by torchrun, that train one agent together.

Each rank plays its share of the rows of every update. All of them hold the same weights, average
their gradients and make the same step, so that R ranks do what one process would do alone, up to
rounding. A loss is a mean over rows and all shares are equal, so the mean of the ranks' gradients
is the gradient of the whole batch, and one message with all of it is all that they exchange.
DistributedDataParallel would want every network call to go through its one `forward`; an episode
is many calls of many networks.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
from collections.abc import Iterator, Sequence

import torch
import torch.distributed as dist
from torch import Tensor

from glimpse_env.errors import InvalidArgument

if dist.is_available():
    # Optimizers import it, too, and its functions keep as a default whatever group there is by
    # then: such a group outlives its end, and its threads abort a Python that ends before them.
    import torch.distributed.nn

# Others wait while the first rank validates. torchrun itself notices a rank that died.
_PATIENCE = datetime.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is."""

    number: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the rank that validates, logs and saves."""
        return self.number == 0

    def share(self, rows: int, samples: int = 1) -> slice:
        """The rows that this rank plays, of `rows` in groups of `samples`.

        Raises:
            InvalidArgument: They cannot be shared out equally.
        """
        if rows % (self.count * samples):
            raise InvalidArgument(
                f"num_envs={rows} must be a multiple of {self.count} ranks times samples={samples}"
            )
        own = rows // self.count
        return slice(self.number * own, (self.number + 1) * own)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace every tensor by its mean over the ranks, which give tensors of equal shapes."""
        if self.count == 1:
            return
        flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
        dist.all_reduce(flat)
        flat /= self.count
        means = torch.split(flat, [tensor.numel() for tensor in tensors])
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.copy_(mean.view_as(tensor))

    def any(self, asked: bool) -> bool:
        """Whether any rank says yes; all must ask at the same point."""
        if self.count == 1:
            return asked
        answer = torch.tensor(int(asked))
        dist.all_reduce(answer, op=dist.ReduceOp.MAX)
        return bool(answer)

    def require_same(self, beginning: dict[str, object]) -> None:
        """Refuse to train with ranks that begin otherwise: their weights would drift apart unseen.

        Raises:
            InvalidArgument: A value is another one at another rank.
        """
        if self.count == 1:
            return
        all_of_them: list[dict[str, object]] = [{}] * self.count
        dist.all_gather_object(all_of_them, beginning)
        for name, value in beginning.items():
            if any(other[name] != value for other in all_of_them):
                raise InvalidArgument(
                    f"not all ranks begin with the same {name}: give them the same options, and "
                    "folders of runs that all machines see"
                )


ALONE = Ranks()


@contextlib.contextmanager
def join(device: str) -> Iterator[tuple[Ranks, str]]:
    """Meet the other ranks, if torchrun started this process, and part from them at the end.

    Args:
        device: "cuda" for a GPU of its own for every rank of a machine, or "cpu".

    Yields:
        The ranks, and the device of this one.

    Raises:
        InvalidArgument: A machine has more ranks than GPUs.
    """
    if not _has_others():
        yield ALONE, device
        return
    if device.startswith("cuda"):
        device = _own_gpu(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("cpu:gloo,cuda:nccl", timeout=_PATIENCE)
    else:
        dist.init_process_group("gloo", timeout=_PATIENCE)
    ranks = Ranks(dist.get_rank(), dist.get_world_size())
    try:
        yield ranks, device
    except BaseException:
        # nccl's groups are left by all together; torchrun ends the others when this one has failed.
        if not device.startswith("cuda"):
            dist.destroy_process_group()
        raise
    ranks.any(False)  # until the first has read the test split
    dist.destroy_process_group()


def require_alone(program: str) -> None:
    """Refuse to be started several times over by torchrun.

    Raises:
        InvalidArgument: There are other ranks.
    """
    if _has_others():
        raise InvalidArgument(f"{program} trains in one process: start it without torchrun")


def _has_others() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ and os.environ["WORLD_SIZE"] != "1"


def _own_gpu(number: int) -> str:
    if number >= torch.cuda.device_count():
        raise InvalidArgument(
            f"rank {number} of this machine has no GPU of its own, there are "
            f"{torch.cuda.device_count()}: start fewer by --nproc-per-node, or take --device cpu"
        )
    torch.cuda.set_device(number)
    return f"cuda:{number}"
