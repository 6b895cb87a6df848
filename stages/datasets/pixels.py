"""Turns arrays of pixels into image files, for the image sets that are published as arrays."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from stages.datasets.raw import RawImage


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


def _read(pixels: Callable[[int], np.ndarray], index: int) -> bytes:
    return encode_pixels(pixels(index))
