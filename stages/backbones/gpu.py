"""Running a network on a GPU: batch after batch without a pause, and with no batch too large for its memory."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from stages.backbones.network import LayerNetwork
from stages.core.errors import BackboneError

T = TypeVar("T")

LARGEST_BATCH = 256  # images; more do not make the networks at hand faster
_PROBE = 8  # images in the pass that measures what an image needs


@dataclass
class OutOfMemory:
    """Runs a network on batches of any size, in halves when they do not fit; what fitted is remembered."""

    network: Callable[[torch.Tensor], tuple[torch.Tensor, ...]]
    report: Callable[[str], None]
    limit: int = 1 << 30  # images

    def __call__(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        done: list[tuple[torch.Tensor, ...]] = []
        start = 0
        while start < len(pixels):
            part = pixels[start : start + self.limit]
            try:
                done.append(self.network(part))
                start += len(part)
            except torch.OutOfMemoryError:
                if len(part) == 1:
                    raise BackboneError(
                        "the GPU's memory does not hold the network and one image; free it, or set device to cpu"
                    ) from None
                self.limit = len(part) // 2
            if self.limit < len(part):  # outside the handler, which would keep the failed pass's memory alive
                torch.cuda.empty_cache()
                self.report(f"out of GPU memory; going on with batches of {self.limit}")
        return done[0] if len(done) == 1 else tuple(torch.cat(parts) for parts in zip(*done, strict=True))


def fitting_batch_size(network: LayerNetwork, device: torch.device) -> int:
    """The greatest power of two, at most `LARGEST_BATCH`, whose pass takes no more than half the free memory.

    Found from the memory that a small pass takes, not from timings, which differ from run to run.
    """
    pixels = torch.zeros(_PROBE, network.crop, network.crop, 3, dtype=torch.uint8, device=device)
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    try:
        with torch.no_grad():
            network(pixels)
    except torch.OutOfMemoryError:
        return 1
    an_image = max(1, (torch.cuda.max_memory_allocated(device) - before) // _PROBE)
    fitting = torch.cuda.mem_get_info(device)[0] // 2 // an_image
    return max(1, min(LARGEST_BATCH, 1 << max(0, int(fitting).bit_length() - 1)))


def run_on_gpu(
    network: Callable[[torch.Tensor], tuple[torch.Tensor, ...]],
    batches: Iterable[tuple[T, np.ndarray]],
    device: torch.device,
) -> Iterator[tuple[T, list[np.ndarray]]]:
    """Yield (item, features per layer) for every (item, pixels), in order.

    Pixels and features travel through pinned memory beside the computation: while one batch is fetched, the
    next one is already under way.
    """
    under_way: tuple[T, list[torch.Tensor], torch.cuda.Event] | None = None
    for item, pixels in batches:
        with torch.no_grad():
            layers = network(torch.from_numpy(pixels).pin_memory().to(device, non_blocking=True))
        fetched = [torch.empty(layer.shape, dtype=layer.dtype, pin_memory=True) for layer in layers]
        for target, layer in zip(fetched, layers, strict=True):
            target.copy_(layer, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record()
        if under_way:
            yield _arrived(*under_way)
        under_way = item, fetched, arrived
    if under_way:
        yield _arrived(*under_way)


def _arrived(item: T, fetched: list[torch.Tensor], arrived: torch.cuda.Event) -> tuple[T, list[np.ndarray]]:
    arrived.synchronize()
    return item, [layer.numpy() for layer in fetched]
