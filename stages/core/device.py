"""The device: which one, a choice of the machine and no parameter; how exactly it computes; for which process."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from stages.core.errors import ParameterError

if TYPE_CHECKING:
    import torch

PRECISIONS = ("float32", "bfloat16")  # of matrix products while training


def choose_device(name: str, number: int = 0) -> "torch.device":
    """Return the torch device called `name`; "auto" is CUDA when there is one, else the CPU.

    `number` says which of several GPUs. Raises `ParameterError` for a device that is not there.
    """
    import torch

    available = torch.cuda.is_available()
    if name == "cpu" or (name == "auto" and not available):
        return torch.device("cpu")
    if name in ("auto", "cuda") and available:
        if number >= torch.cuda.device_count():
            raise ParameterError(
                f"process {number} has no GPU, this machine has {torch.cuda.device_count()}; start fewer processes"
            )
        return torch.device("cuda", number)
    reason = "no CUDA device is available" if name == "cuda" else "there is no such device"
    raise ParameterError(f"device is {name!r} but {reason}; give auto, cpu or cuda")


def exact_convolutions(device: "torch.device | str", allow_tf32: bool = False) -> AbstractContextManager[None]:
    """On a GPU: the same sums at every run, and no TF32, which keeps 10 bits of each factor, unless allowed."""
    import torch

    if torch.device(device).type != "cuda":
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=allow_tf32)


def autocast(device: "torch.device", precision: str) -> "torch.autocast":
    """Return the context in which matrix products are of that `precision`, one of `PRECISIONS`."""
    import torch

    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def full_precision(rows: "torch.Tensor") -> "torch.Tensor":
    """Return the rows in float32 at least: distances of bfloat16 have too few digits for a loss."""
    import torch

    return rows.to(torch.promote_types(rows.dtype, torch.float32))


def torchrun_place() -> tuple[int, int, int]:
    """Return this process's number, of how many, and its number on this machine, by torchrun; 0, 1, 0 alone.

    Raises `ParameterError` for an environment that makes no sense.
    """
    names = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0"}
    values = {name: os.environ.get(name, default) for name, default in names.items()}
    try:
        rank, size, local = map(int, values.values())
    except ValueError:
        rank, size, local = -1, 0, 0
    if not 0 <= rank < size:
        text = ", ".join(f"{name}={value}" for name, value in values.items())
        raise ParameterError(f"the environment has {text}; unset them, or start this with torchrun")
    return rank, size, local
