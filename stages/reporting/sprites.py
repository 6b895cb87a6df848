"""Many small pictures on few sheets: a sheet of hundreds costs a fraction of as many files."""

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

SIDES = (192, 128, 96, 64, 56, 48)  # longer sides of a picture, in pixels: multiples of 8, JPEG's blocks
SHEET = 1024  # most pixels along a sheet's side: 4 MB once a browser has opened it
BYTES_PER_PIXEL = 0.5  # of a photo's square, as base64 of a JPEG: measured on photos, .3 at 192 pixels, .4 at 64
# Of JPEG; lower ones only where pictures (noise, print) take too much room.
QUALITIES = (75, 60, 45, 30, 15)


@dataclass(frozen=True)
class Sprites:
    """Pictures in the upper left corners of cells of `side` pixels, `columns` by `columns` a sheet, row by row.

    Attributes: `side`; `columns`; `sizes`, width and height of every picture in pixels, int64 (n, 2); `sheets`,
    data URIs of JPEGs.
    """

    side: int
    columns: int
    sizes: np.ndarray
    sheets: tuple[str, ...]


class SpriteSheets:
    """Takes pictures one by one and keeps them as sheets; only the unfinished one is in memory as pixels."""

    def __init__(self, side: int, bytes_per_picture: float) -> None:
        self._side, self._columns = side, max(SHEET // side, 1)
        self._bytes_per_picture = bytes_per_picture
        self._sizes: list[tuple[int, int]] = []
        self._sheets: list[str] = []
        self._pending: list[Image] = []

    def add(self, image: "Image") -> None:
        """Shrink an RGB image into the next cell."""
        small = shrink(image, self._side)
        self._sizes.append(small.size)
        self._pending.append(small)
        if len(self._pending) == self._columns**2:
            self._finish_sheet()

    def finish(self) -> Sprites:
        """Return all pictures; nothing may be added afterwards."""
        if self._pending:
            self._finish_sheet()
        sizes = np.array(self._sizes, dtype=np.int64).reshape(-1, 2)
        return Sprites(self._side, self._columns, sizes, tuple(self._sheets))

    def _finish_sheet(self) -> None:
        import PIL.Image

        rows = -(-len(self._pending) // self._columns)
        width = min(len(self._pending), self._columns) * self._side
        sheet = PIL.Image.new("RGB", (width, rows * self._side), (128, 128, 128))
        for place, picture in enumerate(self._pending):
            row, column = divmod(place, self._columns)
            sheet.paste(picture, (column * self._side, row * self._side))
        self._sheets.append(jpeg_uri(sheet, self._bytes_per_picture * len(self._pending)))
        self._pending.clear()


def sprite_side(count: int, budget: float) -> int:
    """The largest of `SIDES` at which `count` photos take about `budget` bytes or less, or the smallest."""
    return next((side for side in SIDES if count * picture_bytes(side) <= budget), SIDES[-1])


def picture_bytes(side: int) -> float:
    """About how many bytes of a page a photo takes whose longer side has so many pixels."""
    return BYTES_PER_PIXEL * side**2


def shrink(image: "Image", pixels: int) -> "Image":
    """Return a copy of an RGB image whose longer side has at most `pixels`."""
    small = image.copy()
    small.thumbnail((pixels, pixels), reducing_gap=3.0)
    return small


def jpeg_uri(image: "Image", most: float) -> str:
    """Return an image as a JPEG data URI of at most `most` bytes, or else of the lowest quality."""
    for quality in QUALITIES:
        buffer = io.BytesIO()
        # Without the source's metadata: it may hold where a photo was taken, and a profile larger than the image.
        image.save(buffer, "JPEG", quality=quality, optimize=True, exif=b"", icc_profile=None)
        uri = "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
        if len(uri) <= most:
            break
    return uri
