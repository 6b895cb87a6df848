"""The input of a network on images: checked pixels, all of one size."""

from typing import Any

import numpy as np

from stages.clustering.normalisation import normalise
from stages.core.errors import ParameterError

_ROWS = 4096  # normalised at once


def check_images(images: Any) -> np.ndarray:
    """Return the images as uint8 (n, c, h, w), c 1 or 3, or raise `ParameterError` that says what is wrong.

    Taken are arrays of bytes: (n, h, w) for grey ones, (n, c, h, w) otherwise. Nothing is resized here.
    """
    try:
        array = np.asarray(images)
    except ValueError:  # rows of different lengths make no array
        raise ParameterError("images are of several sizes; resize them to one") from None
    if array.dtype != np.uint8:
        raise ParameterError(f"images have values of type {array.dtype}; give bytes (uint8), 0 to 255")
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or array.shape[1] not in (1, 3) or 0 in array.shape:
        raise ParameterError(
            f"images have the shape {np.shape(images)}; give (images, height, width), or (images, channels, "
            "height, width) with 1 or 3 channels"
        )
    return np.require(array, requirements=["C", "W"])  # torch warns of memory that it must not write to


def check_image_count(n_clusters: int, images: np.ndarray) -> None:
    """Refuse more clusters than there are different images among uint8 (n, c, h, w)."""
    n_images = len(images)
    if n_clusters > n_images:
        raise ParameterError(
            f"n_clusters is {n_clusters} but there are {n_images} images; give a number from 1 to {n_images}"
        )
    different = set()
    for image in images:
        different.add(image.tobytes())
        if len(different) == n_clusters:
            return
    raise ParameterError(
        f"n_clusters is {n_clusters} but only {len(different)} of the {n_images} images differ; give at most "
        f"{len(different)}"
    )


def unit_pixels(images: np.ndarray) -> np.ndarray:
    """Return the pixels of uint8 (n, c, h, w) as rows of length 1, float32 (n, c h w); a black image stays 0."""
    rows = images.reshape(len(images), -1)
    unit = np.empty(rows.shape, dtype=np.float32)
    for start in range(0, len(rows), _ROWS):  # copies of a few only
        part = slice(start, start + _ROWS)
        unit[part] = normalise(rows[part].astype(np.float32), "l2")
    return unit
