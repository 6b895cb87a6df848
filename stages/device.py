"""Which device to compute on. A choice of the machine, never a parameter: it does not enter the outputs' keys."""

from typing import TYPE_CHECKING

from stages.errors import ParameterError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> "torch.device":
    """Return the torch device called `name`; "auto" is CUDA when there is one, else the CPU."""
    import torch

    available = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if available else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    if name == "cuda" and available:
        return torch.device("cuda")
    reason = "no CUDA device is available" if name == "cuda" else "there is no such device"
    raise ParameterError(f"device is {name!r} but {reason}; give auto, cpu or cuda")
