"""Tells the images that can be decoded from those that cannot, before anything is made of them."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from stages.datasets.raw import RawImage
from stages.decoding import UnreadableImageError, decode_image


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


def _check(raw: RawImage) -> Readable | Rejected:
    try:
        return Readable(raw, *decode_image(raw.read()).size)
    except UnreadableImageError as error:
        return Rejected(raw.path, str(error))
