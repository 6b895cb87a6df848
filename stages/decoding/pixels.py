"""From the image table to one array of pixels, all images of one size."""

import itertools
import math
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from PIL import Image

from stages.core.errors import ParameterError, TableError
from stages.core.memory import require_memory
from stages.decoding.decode import decode_image
from stages.decoding.limits import UnreadableImageError
from stages.tables import IMAGE_ROWS, ImageTable

AUTO = "auto"
LARGEST = 128  # a longer side is too much for a network that is trained on the images
SIDE = 64  # what such images, and those of several sizes, become
_LEAST, _MOST = 8, 512

Encoded = TypeVar("Encoded")


def shaped(image: Image.Image, shape: tuple[int, int, int]) -> np.ndarray:
    """Return a decoded image as uint8 `shape` (c, h, w): grey where c is 1, RGB where it is 3.

    The whole image is squashed to w x h pixels by Pillow's antialiased bilinear filter, if it has another size.
    """
    channels, height, width = shape
    if image.mode != (mode := "L" if channels == 1 else "RGB"):
        image = image.convert(mode)
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(image).reshape(height, width, channels).transpose(2, 0, 1)


def decode_stored(images: ImageTable, row: int, data: bytes) -> Image.Image:
    """Decode the image of a `row` of a table from its bytes, see `decode_image`.

    The download stage checked that it can be decoded, so a fault is the table's: raises `TableError`.
    """
    try:
        return decode_image(data)
    except UnreadableImageError as error:
        raise TableError(
            f"{images.file} holds {images.paths[row]!r}, which cannot be decoded ({error}); "
            "delete it and run `dvc repro`"
        ) from None


def chosen_size(text: str) -> int | None:
    """Return the side that a user asks for, in pixels; None for "auto". Raises `ParameterError` for all else."""
    if text == AUTO:
        return None
    side = int(text) if text.isascii() and text.isdecimal() and text == text.lstrip("0") else 0
    if not _LEAST <= side <= _MOST:
        raise ParameterError(f"image_size is {text!r}; give 'auto', or a whole number from {_LEAST} to {_MOST}")
    return side


def read_pixels(images: ImageTable, side: int | None = None) -> np.ndarray:
    """Return all images as uint8 (n, c, h, w): decoded, of one size, c 1 if all that is seen is grey, else 3.

    Where `side` is given, each becomes a square of so many pixels. Otherwise images that all have one size, with
    no side above `LARGEST`, stay as they are, and others become squares of `SIDE`. See `read_shaped`.
    """
    pixels = read_shaped(images, (3, *_size(images.sizes, side)))
    if not all((image[0] == image[1]).all() and (image[0] == image[2]).all() for image in pixels):
        return pixels
    return np.ascontiguousarray(pixels[:, :1])


def read_shaped(
    images: ImageTable, shape: tuple[int, int, int], way_out: str = "give a smaller image_size"
) -> np.ndarray:
    """Return all images as uint8 (n, c, h, w), each brought to `shape` (c, h, w), see `shaped`.

    Raises `ParameterError` where memory does not suffice, with the `way_out`, and `TableError` naming an image
    that does not decode.
    """
    # Read by row groups, so that no more encoded images than those of one are in memory.
    starts = range(0, len(images), IMAGE_ROWS)
    groups = (enumerate(images.read_bytes(start, start + IMAGE_ROWS), start) for start in starts)
    return decode_shaped(lambda row: decode_stored(images, *row), groups, len(images), shape, way_out)


def decode_shaped(
    decode: Callable[[Encoded], Image.Image],
    groups: Iterable[Iterable[Encoded]],
    n_images: int,
    shape: tuple[int, int, int],
    way_out: str,
    workers: int = 0,
    advance: Callable[[int], None] = lambda count: None,
) -> np.ndarray:
    """Return images as uint8 (n, c, h, w) in their order, each decoded and brought to `shape` (c, h, w).

    `workers` threads decode the images of one group after another; 0: one per core. `advance` gets the number of
    images done since its last call.

    Raises `ParameterError` where memory does not suffice, with the `way_out`, and whatever `decode` raises.
    """
    # A third more for the copy of one channel, see `read_pixels`.
    needed = n_images * math.prod(shape) * 4 / 3
    require_memory(needed, f"{n_images} images of {shape[2]} x {shape[1]} pixels", way_out)
    pixels = np.empty((n_images, *shape), dtype=np.uint8)
    # Pillow lets other threads run while it decodes and resizes.
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        decoded = (pool.map(lambda one: shaped(decode(one), shape), group) for group in groups)
        for row, image in enumerate(itertools.chain.from_iterable(decoded)):
            pixels[row] = image
            advance(1)
    return pixels


def pixel_view(pixels: np.ndarray) -> np.ndarray:
    """Return pixels, uint8 (n, c, h, w), as a view, float32 (n, c h w), divided by 50 as in the code of IDEC."""
    # With the copies that scaling it makes.
    require_memory(12 * pixels.size, f"{len(pixels)} images as one view", "give a smaller image_size")
    return pixels.reshape(len(pixels), -1) / np.float32(50)


def _size(sizes: np.ndarray, side: int | None) -> tuple[int, int]:
    """The height and the width to bring images to, whose own `sizes`, (n, 2), are widths and heights."""
    if side is not None:
        return side, side
    width, height = map(int, sizes[0])
    if (sizes == sizes[0]).all() and max(width, height) <= LARGEST:
        return height, width
    return SIDE, SIDE
