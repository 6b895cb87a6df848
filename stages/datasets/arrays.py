"""Reads images out of local files of arrays: NumPy's .npz, MATLAB's .mat, HDF5 and the idx files of MNIST."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import DatasetError, one_line
from stages.datasets.arrayfiles import Part, open_arrays
from stages.datasets.images import RawImage, pixel_images
from stages.datasets.keys import near, resolve_path
from stages.decoding import UnreadableImageError

_SCALES = ("0..255", "0..1", "min..max")
_AT_ONCE = 32 << 20  # bytes looked at together for the range of the values


@dataclass(frozen=True)
class Arrays:
    """Images and labels held as arrays in a file. The fields are the keys of source.yaml."""

    path: str  # .npz, .mat, .h5, .hdf5, an idx file of images, or a folder with several of these
    images: str = "images"  # name of the array of images; idx files have no names
    labels: str = "labels"  # name of the array of labels, "" where there are none
    layout: str = "NHW"  # the axes of the images as stored: N images, H rows, W columns, C channels (1 or 3)
    height: int = 0  # rows of an image, where the array has two axes: each image is one row or column of it
    width: int = 0  # columns of an image, likewise
    scale: str = "0..255"  # the values that stand for black and white; "min..max": the least and greatest of all
    folder: Path = Path()  # the dataset's own, no key: `path` is relative to it

    def __post_init__(self) -> None:
        if sorted(self.layout.replace("C", "", 1)) != ["H", "N", "W"]:
            raise DatasetError(
                f"`layout` is {self.layout!r}; it has the letters N, H, W, and C for colour, once each"
            )
        if self.scale not in _SCALES:
            raise DatasetError(f"`scale` is {self.scale!r}{near(self.scale, _SCALES)}")
        if min(self.height, self.width) < 0 or bool(self.height) != bool(self.width):
            raise DatasetError(
                f"`height` is {self.height} and `width` {self.width}; give both, at least 1, or none"
            )

    @contextmanager
    def open(self, cache: Path, report: Callable[[str], None]) -> Iterator[list[RawImage]]:
        """Give the images, sorted by path: `00000.pgm`, ... (.ppm in colour), readable inside the `with` block.

        The images of an HDF5 file are read one at a time, those of the other kinds are held in memory as stored.
        Raises `DatasetError` when the file cannot be used, or is not what the keys say.
        """
        file = resolve_path(self.path, self.folder)
        with open_arrays(file, self.images, self.labels) as parts:
            images = [image for part in parts for image in self._images(part)]
            if not images:
                raise DatasetError(f"{file} holds no image")
            yield sorted(images, key=lambda image: image.path)

    def _images(self, part: Part) -> list[RawImage]:
        array, where = part.images, part.name
        if array.dtype.kind not in "buif":
            raise DatasetError(f"{where}: the images are {array.dtype}, not numbers; correct `images`")
        axis, shape = self._shape(array.shape, where)
        if axis:  # an image is strewn over the whole array, and reading one is as slow as reading all
            array = np.moveaxis(_read(array, (), where), axis, 0)
        low, high = self._range(array, where)
        letters = self.layout.replace("N", "")
        order = [letters.index(letter) for letter in "HWC" if letter in letters]

        def pixels(index: int) -> np.ndarray:
            try:
                values = _read(array, index, where)
            except DatasetError as error:  # one image is damaged; the others need not be
                raise UnreadableImageError(str(error)) from None
            values = _to_bytes(values, low, high).reshape(shape).transpose(order)
            return values[:, :, 0] if values.shape[2:] == (1,) else values

        colour = "C" in letters and shape[letters.index("C")] == 3
        return pixel_images(part.prefix, _names(part.labels, len(array), where), colour, pixels)

    def _shape(self, stored: tuple[int, ...], where: str) -> tuple[int, tuple[int, ...]]:
        """The axis that counts the images in an array of the shape `stored`, and the shape of one, as stored."""
        axis, letters = self.layout.index("N"), self.layout.replace("N", "")
        if len(stored) == 2 and self.height:
            axis = 1 if axis else 0
            pixels = self.height * self.width
            sizes = {"H": self.height, "W": self.width, "C": stored[1 - axis] // pixels}
            shape = tuple(sizes[letter] for letter in letters)
            if np.prod(shape) != stored[1 - axis]:
                raise DatasetError(
                    f"{where}: an image has {stored[1 - axis]} values, not {self.height} x {self.width}"
                    f"{' x C' if 'C' in letters else ''}; correct `height`, `width` or `layout`"
                )
        elif len(stored) == len(self.layout):
            shape = stored[:axis] + stored[axis + 1 :]
        else:
            raise DatasetError(
                f"{where}: the array of images has the shape {stored}, which is not the layout {self.layout!r}; "
                "correct `layout`, or for flattened images give `height` and `width`"
            )
        channels = shape[letters.index("C")] if "C" in letters else 1
        if channels not in (1, 3) or not all(shape):
            raise DatasetError(
                f"{where}: an image of the layout {letters!r} has the shape {shape}; there are 1 or 3 channels (C)"
            )
        return axis, shape

    def _range(self, array: Any, where: str) -> tuple[float, float]:
        """The values that become 0 and 255. Looks at the whole array once, unless any byte will do."""
        if (array.dtype == np.uint8 and self.scale == "0..255") or not len(array):
            return 0.0, 255.0
        low, high = np.inf, -np.inf
        rows = max(1, _AT_ONCE // max(1, array.dtype.itemsize * int(np.prod(array.shape[1:]))))
        for start in range(0, len(array), rows):
            block = _read(array, slice(start, start + rows), where)
            low, high = np.minimum(low, block.min()), np.maximum(high, block.max())  # these keep a NaN
        if not np.isfinite([low, high]).all():
            raise DatasetError(f"{where}: some values of the images are not finite; mend the file")
        if self.scale == "min..max":
            return float(low), float(high)
        white = 1.0 if self.scale == "0..1" else 255.0
        if low < 0 or high > white:
            raise DatasetError(
                f"{where}: the images' values go from {low:g} to {high:g}, not {self.scale}; correct `scale`"
            )
        return 0.0, white


def _read(array: Any, index: Any, where: str) -> np.ndarray:
    try:
        return np.asarray(array[index])
    except (OSError, RuntimeError, MemoryError) as error:  # a damaged block of an HDF5 file
        raise DatasetError(f"{where} cannot be read ({one_line(error)})") from None


def _to_bytes(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scale `low`..`high` to 0..255, rounded to whole numbers; equal `low` and `high` become black."""
    if values.dtype == np.uint8 and (low, high) == (0.0, 255.0):
        return values
    factor = 255 / (high - low) if high > low else 0.0
    return np.rint((values.astype(np.float64) - low) * factor).astype(np.uint8)


def _names(labels: np.ndarray | None, count: int, where: str) -> list[str | None]:
    """One label for each of `count` images: text as it is, whole numbers as digits."""
    if labels is None:
        return [None] * count
    flat = labels.reshape(-1)  # MATLAB keeps a list as a matrix of one row or one column
    if len(flat) != count:
        raise DatasetError(
            f"{where}: there are {count} images and {len(flat)} labels; correct `labels` or `layout`"
        )
    if flat.dtype.kind == "S":
        flat = np.char.decode(flat, "utf-8", "replace")
    if flat.dtype.kind == "U":
        return [text.strip() or None for text in flat.tolist()]
    if flat.dtype.kind not in "buif" or not np.array_equal(flat, np.rint(np.nan_to_num(flat))):
        raise DatasetError(
            f"{where}: the labels are {flat.dtype}, neither text nor whole numbers; correct `labels`"
        )
    return [str(int(label)) for label in flat]
