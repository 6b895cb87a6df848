"""Which device to compute on. A choice of the machine, never a parameter: it does not enter the outputs' keys."""

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
