"""Images in shards, shards in batches, batches as pixels; and work spread over threads in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np
from PIL import Image

from stages.backbones.card import Preprocessing
from stages.backbones.preprocessing import resize_and_crop

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Batch:
    """Encoded images of one shard that go through the network together; `last` marks the end of the shard."""

    shard: int
    encoded: Sequence[bytes]
    last: bool


def in_batches(shards: Iterable[tuple[int, Iterable[bytes]]], size: int) -> Iterator[Batch]:
    """Cut shards into batches of at most `size` images, reading one batch ahead.

    A batch never reaches into the next shard: what stands beside an image depends on its shard alone, and so do
    the last bits of its features, whichever machine takes the shard and whatever was done before.
    """
    for shard, encoded in shards:
        rest = iter(encoded)
        coming = list(islice(rest, size))
        while coming:
            current, coming = coming, list(islice(rest, size))
            yield Batch(shard, current, last=not coming)


def decode_batch(
    batch: Batch,
    decode: Callable[[bytes], Image.Image],
    preprocessing: Preprocessing,
    size: int,
    fast: bool = False,
) -> np.ndarray:
    """Return the batch's pixels, uint8 (size, crop, crop, 3); rows beyond its images are black.

    `fast` is that of `resize_and_crop`.

    Every batch has the same shape, as kernels are chosen, and networks compiled, for a shape.
    """
    pixels = np.zeros((size, preprocessing.crop, preprocessing.crop, 3), dtype=np.uint8)
    for row, data in enumerate(batch.encoded):
        pixels[row] = resize_and_crop(decode(data), preprocessing, fast)
    return pixels


def ordered_map(
    pool: Executor, function: Callable[[T], R], items: Iterable[T], ahead: int
) -> Iterator[tuple[T, R]]:
    """Yield (item, function(item)) in the order of `items`, with at most `ahead` of them begun and not taken."""
    begun: deque[tuple[T, Future[R]]] = deque()
    try:
        for item in items:
            begun.append((item, pool.submit(function, item)))
            if len(begun) >= ahead:
                first, future = begun.popleft()
                yield first, future.result()
        while begun:
            first, future = begun.popleft()
            yield first, future.result()
    finally:
        for _, future in begun:
            future.cancel()
