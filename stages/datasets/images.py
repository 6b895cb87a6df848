"""Images as readers give them, not yet read: files, or made of arrays; and which of them can be decoded."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stages.decoding import UnreadableImageError, image_size


@dataclass(frozen=True)
class RawImage:
    """One image of a dataset, not yet read.

    `path` is the name the user knows it by, with "/" between folders; `label` the name of its class, if it has
    one. `read` returns the file's bytes or raises `UnreadableImageError`; nothing is kept between calls, so a
    list of these stays small however large the images are. `file` is where it is, if it is a file of its own.
    """

    path: str
    label: str | None
    read: Callable[[], bytes] = field(repr=False, compare=False)
    file: Path | None = field(default=None, repr=False, compare=False)


class Readable(NamedTuple):
    """An image that decodes, and its size in pixels as shown."""

    raw: RawImage
    width: int
    height: int


class Rejected(NamedTuple):
    """An image that does not decode, and why, on one line."""

    path: str
    reason: str


def check_images(images: Sequence[RawImage]) -> Iterator[Readable | Rejected]:
    """Decode every image once and yield what came of it, in the order of `images`.

    Pixels and bytes are let go at once: memory does not grow with the number of images.
    """
    # Pillow lets other threads run while it decodes. Leaving the loop early calls off what has not begun.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from pool.map(_check, images)


def encode_pixels(pixels: np.ndarray) -> bytes:
    """Return an uncompressed image file (Netpbm) with the pixels uint8 (h, w) or (h, w, 3).

    The bytes depend on the pixels alone. A compressed format would depend on the version of its library too, and
    the fingerprint of an image set with it.

    Raises `ValueError` for any other shape or type.
    """
    if (
        pixels.dtype != np.uint8
        or pixels.ndim not in (2, 3)
        or pixels.shape[2:] not in ((), (3,))
        or not pixels.size
    ):
        raise ValueError(f"pixels are uint8 (h, w) or (h, w, 3), not {pixels.dtype} {pixels.shape}")
    height, width = pixels.shape[:2]
    magic = "P5" if pixels.ndim == 2 else "P6"
    return f"{magic}\n{width} {height}\n255\n".encode() + pixels.tobytes()


def pixel_images(
    prefix: str, labels: Sequence[str | None], colour: bool, pixels: Callable[[int], np.ndarray]
) -> list[RawImage]:
    """One image for each of `labels`, in colour or grey: `pixels(i)`, asked for when image `i` is read.

    Paths are `prefix`, the number of the image with zeros before it so that they sort, and ".ppm" or ".pgm".
    """
    digits, extension = max(5, len(str(len(labels) - 1))), ".ppm" if colour else ".pgm"
    return [
        RawImage(f"{prefix}{i:0{digits}}{extension}", label, partial(_read, pixels, i))
        for i, label in enumerate(labels)
    ]


def _check(raw: RawImage) -> Readable | Rejected:
    try:
        return Readable(raw, *image_size(raw.read()))
    except UnreadableImageError as error:
        return Rejected(raw.path, str(error))


def _read(pixels: Callable[[int], np.ndarray], index: int) -> bytes:
    return encode_pixels(pixels(index))
