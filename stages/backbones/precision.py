"""In which precision a network computes."""

from typing import TYPE_CHECKING

from stages.core.errors import ParameterError

if TYPE_CHECKING:
    import torch


def choose_precision(name: str, device: "torch.device") -> str:
    """Return "fp32" or "bf16"; "auto" is bf16 where the device multiplies bfloat16 faster, else fp32.

    Raises `ParameterError` for another name. bf16 may be asked for anywhere; without hardware for it, it is slow.
    """
    if name == "auto":
        return "bf16" if _has_bf16(device) else "fp32"
    if name not in ("fp32", "bf16"):
        raise ParameterError(f"precision is {name!r}; give fp32, bf16 or auto")
    return name


def _has_bf16(device: "torch.device") -> bool:
    import torch

    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    # AVX-512 without the bf16 instructions emulates them, at half the speed of float32. What does not exist in
    # this version of PyTorch, or for this kind of CPU, counts as absent.
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)
