"""From shards of encoded images to batches of the pixels that a network takes."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from stages.backbones.card import Preprocessing


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


def resize_and_crop(image: Image.Image, preprocessing: Preprocessing, fast: bool = False) -> np.ndarray:
    """Return the resized and cropped image, uint8 (crop, crop, 3), as torchvision's and timm's transforms do.

    `fast` lets PyTorch resize, four times as fast as Pillow: some pixels then differ by a level or two, and the
    last bits depend on the kind of processor.
    """
    resize, crop = preprocessing.resize, preprocessing.crop
    width, height = image.size
    if preprocessing.mode == "squash":
        size = (resize, resize)
    else:
        # The longer side is cut down to whole pixels, like torchvision's Resize.
        short = min(width, height)
        size = (int(resize * width / short), int(resize * height / short))
    # Of a very long image only the middle is ever seen: cut it first, so that it cannot exhaust the memory.
    box, size = _middle(image.size, size, crop)
    left, top = round((size[0] - crop) / 2), round((size[1] - crop) / 2)
    whole = box == (0, 0, width, height) and resize >= crop
    if fast and whole and preprocessing.interpolation != "nearest":
        pixels = _resized_by_torch(image, size, preprocessing.interpolation)
        return pixels[top : top + crop, left : left + crop]
    resized = image.resize(size, Image.Resampling[preprocessing.interpolation.upper()], box=box)
    # Resizing only the part under the crop would save a tenth of the time, but not give the same bits: Pillow
    # chooses the order of its two passes by the sizes.
    if size != (crop, crop):
        resized = resized.crop((left, top, left + crop, top + crop))
    return np.asarray(resized)


def _resized_by_torch(image: Image.Image, size: tuple[int, int], interpolation: str) -> np.ndarray:
    """Pixels, uint8 (height, width, 3), by PyTorch's vectorised kernels for 8-bit images."""
    import torch

    # A view in the order of channels first, bytes of channels last: the layout that the kernels are made for.
    batch = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None]
    resized = torch.nn.functional.interpolate(batch, size[::-1], mode=interpolation, antialias=True)
    pixels: np.ndarray = resized[0].permute(1, 2, 0).numpy()
    return pixels


def _middle(
    source: tuple[int, int], target: tuple[int, int], crop: int
) -> tuple[tuple[float, float, float, float], tuple[int, int]]:
    """Limit a resize to the middle part that the crop needs, where the target is over 8 crops long."""
    box, size = [0.0, 0.0, float(source[0]), float(source[1])], list(target)
    for axis in (0, 1):
        if target[axis] > 8 * crop:
            size[axis] = 4 * crop + (target[axis] - crop) % 2  # the parity keeps the crop's offset exact
            kept = source[axis] * size[axis] / target[axis]
            box[axis], box[axis + 2] = (source[axis] - kept) / 2, (source[axis] + kept) / 2
    return (box[0], box[1], box[2], box[3]), (size[0], size[1])
