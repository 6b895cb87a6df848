"""From the image table to one array of pixels, all images of one size."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from PIL import Image

from stages.core.errors import ParameterError, TableError
from stages.core.memory import require_memory
from stages.decoding.decode import UnreadableImageError, decode_image
from stages.tables import IMAGE_ROWS, ImageTable

AUTO = "auto"
LARGEST = 128  # a longer side is too much for a network that is trained on the images
SIDE = 64  # what such images, and those of several sizes, become
_LEAST, _MOST = 8, 512


def shaped(image: Image.Image, shape: tuple[int, int, int]) -> np.ndarray:
    """Return a decoded image as uint8 `shape` (c, h, w): grey where c is 1, RGB where it is 3.

    The whole image is squashed to w x h pixels by Pillow's antialiased bilinear filter, if it has another size.
    """
    channels, height, width = shape
    image = image.convert("L" if channels == 1 else "RGB")
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
    needed = len(images) * int(np.prod(shape))
    size = f"{shape[2]} x {shape[1]}"
    # A third more for the copy of one channel.
    require_memory(needed * 4 / 3, f"{len(images)} images of {size} pixels", way_out)
    pixels = np.empty((len(images), *shape), dtype=np.uint8)
    for row, image in enumerate(_shaped(images, shape)):
        pixels[row] = image
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


def _shaped(images: ImageTable, shape: tuple[int, int, int]) -> Iterator[np.ndarray]:
    """The images in order, decoded in threads; no more than a row group of encoded ones is in memory."""
    # Pillow lets other threads run while it decodes and resizes.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(images), IMAGE_ROWS):
            encoded = images.read_bytes(start, start + IMAGE_ROWS)
            yield from pool.map(partial(_decoded, images, shape), range(start, len(images)), encoded)


def _decoded(images: ImageTable, shape: tuple[int, int, int], row: int, data: bytes) -> np.ndarray:
    return shaped(decode_stored(images, row, data), shape)
