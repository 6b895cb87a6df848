"""One training by several processes that torchrun started: each takes a slice of every batch.

Gradients are summed over the processes, so that a step is the step of one process but for rounding, and all hold
the same weights at any time.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch import distributed as dist

from stages.core.device import torchrun_place
from stages.core.errors import ParameterError


@dataclass(frozen=True)
class Group:
    """This process is number `rank` of `size` that train together; alone, it has all the images."""

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> "Group":
        """Return the processes that `torch.distributed` has joined, or this one alone."""
        if dist.is_available() and dist.is_initialized():
            return cls(dist.get_rank(), dist.get_world_size())
        return cls()

    def bounds(self, count: int) -> list[int]:
        """Return where the slices of `count` rows begin and end, `size` + 1 numbers: sizes differ by 1 at most."""
        return [count * rank // self.size for rank in range(self.size + 1)]

    def share(self, rows: Tensor) -> Tensor:
        """Return this process's slice of the rows (b, ...); with more processes than rows, some are empty."""
        bounds = self.bounds(len(rows))
        return rows[bounds[self.rank] : bounds[self.rank + 1]]

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum of the processes' tensors of one shape."""
        if self.size == 1:
            return values
        total = values.clone()
        dist.all_reduce(total)
        return total

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Replace every gradient by its sum over the processes, in one message."""
        if self.size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        joined = torch.cat([gradient.reshape(-1) for gradient in gradients])
        dist.all_reduce(joined)
        for gradient, total in zip(
            gradients, joined.split([gradient.numel() for gradient in gradients]), strict=True
        ):
            gradient.copy_(total.view_as(gradient))

    def gather(self, part: Tensor, count: int) -> Tensor:
        """Return the rows (count, d) of all processes, whose slices `part` are those of `share`.

        Gradients flow back: if every process computes the same loss from the whole, then the gradients of its
        slice are those of one process, and `sum_gradients` adds up the slices.
        """
        return part if self.size == 1 else _Gather.apply(part, self, count)

    def first(self, values: np.ndarray) -> np.ndarray:
        """Return process 0's array, of the shape and type that every process gives."""
        if self.size == 1:
            return values
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        shared = torch.from_numpy(np.ascontiguousarray(values)).to(device)
        dist.broadcast(shared, 0)
        received: np.ndarray = shared.cpu().numpy()
        return received


@contextmanager
def joined_group(device: str | torch.device) -> Iterator[tuple[Group, torch.device]]:
    """Join the job whose environment torchrun has set; give its `Group` and this process's device.

    Without such an environment this process is all there is. CUDA processes talk by NCCL, each on the device of
    its local rank, those on the CPU by Gloo. Raises `ParameterError` for an environment that makes no sense.
    """
    rank, size, local = torchrun_place()
    device = torch.device(device)
    if size == 1 or dist.is_initialized():
        yield Group.current(), device
        return
    if device.type == "cuda":
        if local >= torch.cuda.device_count():
            raise ParameterError(
                f"process {local} has no CUDA device of its own, there are {torch.cuda.device_count()}; "
                "start no more processes than devices"
            )
        device = torch.device("cuda", local)
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Group(rank, size), device
    finally:
        dist.destroy_process_group()


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx, part: Tensor, group: Group, count: int) -> Tensor:  # type: ignore[no-untyped-def]
        bounds = group.bounds(count)
        ctx.slice = slice(bounds[group.rank], bounds[group.rank + 1])
        longest = -(-count // group.size)
        padded = part.new_zeros((longest, *part.shape[1:]))
        padded[: len(part)] = part
        received = [torch.empty_like(padded) for _ in range(group.size)]
        dist.all_gather(received, padded)
        sizes = [end - begin for begin, end in pairwise(bounds)]
        return torch.cat([rows[:size] for rows, size in zip(received, sizes, strict=True)])

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[no-untyped-def]
        return gradient[ctx.slice].contiguous(), None, None
