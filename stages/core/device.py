"""Which device to compute on, a choice of the machine and no parameter; and sums that are the same on a GPU."""

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from stages.core.errors import ParameterError

if TYPE_CHECKING:
    import torch


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
