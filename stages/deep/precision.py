"""The precision of products in networks: bfloat16 on demand, and float32 where digits matter."""

import torch
from torch import Tensor

PRECISIONS = ("float32", "bfloat16")


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which matrix products are of that `precision`, one of `PRECISIONS`."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16")


def full_precision(rows: Tensor) -> Tensor:
    """Return the rows in float32 at least: distances of bfloat16 have too few digits for a loss."""
    return rows.to(torch.promote_types(rows.dtype, torch.float32))
