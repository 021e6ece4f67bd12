"""A whole update, rollout to optimizer, as one CUDA graph.

With a few hundred rows a GPU computes the kernels of an update faster than a CPU can launch them.
A graph is captured once and then launched at once. It wants arrays that keep shapes and addresses
(https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs): what differs between updates is
copied into the same few tensors, and all that is drawn by chance is drawn before.
"""

from __future__ import annotations

import contextlib
import copy
import gc
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from agents.dram.model.agent import GlimpseAgent
from agents.dram.model.gazes import GazePolicy
from agents.dram.model.noise import KeptNoise
from agents.dram.rollouts.collect import collect
from agents.dram.rollouts.rollout import Rollout
from agents.dram.rollouts.rows import Staying
from agents.trainer.envs import IndexArray, send
from agents.trainer.ranks import Ranks
from glimpse_env.envs.gaze.vector_env import GazeVectorEnv
from glimpse_env.envs.reading.env import GlimpseVectorEnv
from glimpse_env.errors import InvalidArgument

WARM_UP = 3  # updates before the capture, in which libraries choose kernels and allocate


def capture_for(
    asked: str, envs: GazeVectorEnv, device: str, ranks: Ranks, drawn: bool = False
) -> str:
    """What is asked for; for "auto", "graph" where that can work and "none" elsewhere.

    Args:
        asked: What the configuration says.
        envs: What is played.
        device: Torch device.
        ranks: Who trains together.
        drawn: Whether labels are drawn, and learned from rewards alone.

    Raises:
        InvalidArgument: A capture is asked for where it cannot work.
    """
    obstacle = _obstacle(envs, device, ranks, drawn)
    if asked == "auto":
        return "none" if obstacle else "graph"
    if obstacle and asked != "none":
        raise InvalidArgument(f"capture={asked!r} {obstacle}; use capture='none'")
    return asked


def _obstacle(envs: GazeVectorEnv, device: str, ranks: Ranks, drawn: bool) -> str:
    """Why an update cannot be captured; empty if it can."""
    if torch.device(device).type != "cuda":
        return f"needs device='cuda', not {device!r}"
    if ranks.count > 1:
        return f"is for one process, not {ranks.count} ranks, whose updates exchange gradients"
    if not isinstance(envs, GlimpseVectorEnv):
        return "is for labels, not for games"
    if envs.rules.agent_decides:
        return "is for episodes of fixed shapes, glimpses_per_label=0 has none"
    return "is for labels that are told, not for classifier='reinforce'" if drawn else ""


class StaticUpdate:
    """An update as a function of tensors that stay where they are.

    Args:
        agent: Who plays; its weights are those that `learn` changes.
        envs: B environments with `autoreset_mode="disabled"` and `backend="torch"`.
        optimizer: What `learn` steps.
        noise: Where `policy` and the agent's dropout get their numbers.
        policy: From the standard deviation of the gaze, a tensor, to how gazes are chosen.
        learn: From a rollout, one step of the optimizer; returns what to log.
        guess: Whether the classifier guesses at every glimpse.
    """

    def __init__(
        self,
        agent: GlimpseAgent,
        envs: GlimpseVectorEnv,
        optimizer: torch.optim.Optimizer,
        noise: KeptNoise,
        policy: Callable[[Tensor], GazePolicy],
        learn: Callable[[Rollout], dict[str, Tensor]],
        *,
        guess: bool = False,
    ) -> None:
        self.guess = guess
        self.agent, self.envs, self.optimizer, self.noise = agent, envs, optimizer, noise
        self.policy, self.learn = policy, learn
        self.device = torch.device(envs.device)
        self.index = torch.zeros(envs.num_envs, dtype=torch.int64, device=self.device)
        self.numbers = torch.arange(envs.num_envs, device=self.device)
        self.seed = torch.zeros((), dtype=torch.int64, device=self.device)
        self.sigma = torch.zeros((), device=self.device)
        self.rate = torch.zeros((), device=self.device)

    def update(self, index: IndexArray, seed: int, sigma: float, rate: float) -> dict[str, Tensor]:
        """One update.

        Args:
            index: int64 (B,), which image for each row.
            seed: Row i is seeded with `seed + i`.
            sigma: Standard deviation of the gaze, pixels.
            rate: Learning rate.

        Returns:
            What to log, on the device.
        """
        self.index.copy_(send(index, self.device))
        self.seed.fill_(seed)
        self.sigma.fill_(sigma)
        self.rate.fill_(rate)
        self.noise.refill()
        return self.run()

    def run(self) -> dict[str, Tensor]:
        """The update that the tensors describe: the part that a graph can hold."""
        with self._rate_on_the_device():
            return self._run()

    def _run(self) -> dict[str, Tensor]:
        self.noise.rewind()
        seeds = self.seed + self.numbers
        policy = self.policy(self.sigma)
        rows = Staying(self.envs, self.index, seeds)
        rollout = collect(self.agent, rows, policy, guess=self.guess)
        return self.learn(rollout)

    @contextlib.contextmanager
    def _rate_on_the_device(self) -> Iterator[None]:
        """Inside, the optimizer reads its learning rate from the tensor; checkpoints hold none."""
        groups = self.optimizer.param_groups
        before = [group["lr"] for group in groups]
        for group in groups:
            group["lr"] = self.rate
        try:
            yield
        finally:
            for group, rate in zip(groups, before, strict=True):
                group["lr"] = rate


class GraphedUpdate(StaticUpdate):
    """An update as a CUDA graph, which the first one captures and every one replays."""

    _graph: torch.cuda.CUDAGraph | None = None

    def run(self) -> dict[str, Tensor]:
        """Replay the update that the tensors describe; later ones do not change what it returns."""
        with torch.cuda.device(self.device):
            if self._graph is None:
                self._capture()
            assert self._graph is not None
            self._graph.replay()
            return dict(zip(self._names, self._values.clone(), strict=True))

    def _capture(self) -> None:
        """Run a few updates to warm up, undo them, and capture one, which computes nothing yet."""
        before = self._learned()
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with self._rate_on_the_device():
            with torch.cuda.stream(stream), compiling():
                for _ in range(WARM_UP):
                    self._run()
            torch.cuda.current_stream().wait_stream(stream)
            self._unlearn(before)
            # Gradients that are made during the capture lie in the graph's own memory.
            self.optimizer.zero_grad(set_to_none=True)
            graph = torch.cuda.CUDAGraph()
            with self._capturable(), uncollected(), torch.cuda.graph(graph, stream=stream):
                metrics = self._run()
                self._values = torch.stack([value.float() for value in metrics.values()])
        self._names, self._graph = list(metrics), graph

    def _learned(self) -> list[tuple[Tensor, Tensor]]:
        """All tensors that an update changes and that exist already, each with a copy."""
        tensors = [*self.agent.parameters(), *self._optimizer_state()]
        return [(tensor, tensor.detach().clone()) for tensor in tensors]

    def _unlearn(self, before: list[tuple[Tensor, Tensor]]) -> None:
        """Put copies back in place; what the optimizer made since then begins with zeros.

        Both optimizers' states begin so: Adam's moments and steps, and SGD's momentum, which at
        first is the gradient, as it is after a momentum of 0.
        """
        with torch.no_grad():
            known = {id(tensor) for tensor, _ in before}
            for tensor in self._optimizer_state():
                if id(tensor) not in known:
                    tensor.zero_()
            for tensor, kept in before:
                tensor.copy_(kept)

    def _optimizer_state(self) -> list[Tensor]:
        states = self.optimizer.state.values()
        return [value for state in states for value in state.values() if torch.is_tensor(value)]

    @contextlib.contextmanager
    def _capturable(self) -> Iterator[None]:
        """Inside, an Adam agrees to be captured. Fused, it needs no other state for that."""
        groups = [group for group in self.optimizer.param_groups if "capturable" in group]
        for group in groups:
            group["capturable"] = True
        try:
            yield
        finally:
            for group in groups:
                group["capturable"] = False


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Inside, Python collects no garbage: the end of an older graph would break a capture."""
    collects = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """Inside, compiled networks run for the first time, which is when they are compiled.

    Raises:
        InvalidArgument: They cannot be: there is no C compiler, or one that does not do.
    """
    try:
        yield
    except RuntimeError as error:
        from torch._dynamo.exc import BackendCompilerFailed  # takes a second to load

        if not isinstance(error, BackendCompilerFailed):
            raise
        raise InvalidArgument(
            "capture='compile' needs a C compiler that torch.compile can use, and the headers of "
            "Python: install them, or leave --capture out, which does the same without compiling "
            f"({str(error).splitlines()[0]})"
        ) from error


def compiled(agent: GlimpseAgent, backend: str = "inductor") -> GlimpseAgent:
    """The agent with the same weights and compiled boxes, for batches of one size.

    The recurrent layers stay as they are: torch.compile does not trace nn.LSTM, and cuDNN has a
    kernel for it.

    Args:
        agent: Whose weights.
        backend: Of torch.compile.
    """
    other = copy.copy(agent)
    other._modules = dict(agent._modules)
    for name in ("glimpse", "context", "emission", "classification", "baseline"):
        box = agent._modules.get(name)  # an agent without a context has none
        if box is not None:
            other._modules[name] = torch.compile(box, backend=backend, dynamic=False)  # type: ignore[assignment]
    return other
