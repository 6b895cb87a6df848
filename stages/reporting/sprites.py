"""Many small pictures on few sheets, and for how many images a page has room, so that a browser opens it at once.

A sheet of hundreds costs a fraction of as many files.
"""

import base64
import io
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages.decoding.pixels import decode_stored
from stages.tables import IMAGE_ROWS, ImageTable

if TYPE_CHECKING:
    from PIL.Image import Image

SIDES = (192, 128, 96, 64, 56, 48)  # longer sides of a picture, in pixels: multiples of 8, JPEG's blocks
SHEET = 1024  # most pixels along a sheet's side: 4 MB once a browser has opened it
BYTES_PER_PIXEL = 0.5  # of a photo's square, as base64 of a JPEG: measured on photos, .3 at 192 pixels, .4 at 64
# Of JPEG; lower ones only where pictures (noise, print) take too much room.
QUALITIES = (75, 60, 45, 30, 15)

# Of some 30 MB a page: the rest is for what is written about the images.
SHEETS = 10e6  # bytes of the thumbnails on contact sheets
GALLERY = 13e6  # bytes of the pictures at hand in the maps and in the viewer
MOST_TILES = 4000  # thumbnails on contact sheets
MOST_MAPPED = 5000  # images on a map: more are slow to lay out and hide one another


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


def sprite_sheets(images: Iterable["Image"], side: int, bytes_per_picture: float) -> Sprites:
    """Shrink RGB images, one by one, and keep them as sheets; only one sheet is in memory as pixels."""
    import PIL.Image

    images, columns = iter(images), max(SHEET // side, 1)
    sizes: list[tuple[int, int]] = []
    sheets = []
    while pictures := [shrink(image, side) for image in itertools.islice(images, columns**2)]:
        sizes += [picture.size for picture in pictures]
        width, rows = min(len(pictures), columns), -(-len(pictures) // columns)
        sheet = PIL.Image.new("RGB", (width * side, rows * side), (128, 128, 128))
        for place, picture in enumerate(pictures):
            row, column = divmod(place, columns)
            sheet.paste(picture, (column * side, row * side))
        sheets.append(jpeg_uri(sheet, bytes_per_picture * len(pictures)))
    return Sprites(side, columns, np.array(sizes, dtype=np.int64).reshape(-1, 2), tuple(sheets))


class Room(NamedTuple):
    """How much a dataset may show: `tiles` on contact sheets, images `mapped`, `picture_bytes` for all at hand."""

    tiles: int
    mapped: int
    picture_bytes: float


def share_room(datasets: int, thumbnail: int) -> Room:
    """Give each of some datasets an equal part of a page; `thumbnail` is the longer side on a sheet, in pixels."""
    tiles = int(min(MOST_TILES, SHEETS / picture_bytes(thumbnail)) / datasets)
    at_hand = int(GALLERY / picture_bytes(SIDES[-1]) / datasets)
    return Room(tiles, min(MOST_MAPPED, max(at_hand - tiles, 1)), GALLERY / datasets)


def make_pictures(
    images: ImageTable, rows: Sequence[int], shown: Sequence[int], longer_side: int, room: Room
) -> tuple[Sprites, dict[int, str]]:
    """Decode the ascending `rows` once: sprites of all, and thumbnails (data URIs) of those that are `shown`.

    `longer_side` is that of a thumbnail, in pixels; `room` says how many bytes there are for the sprites.
    """
    most = 1.25 * picture_bytes(longer_side)  # a few may take more than a photo does
    wanted, thumbnails = set(shown), dict[int, str]()

    def decoded() -> Iterator["Image"]:
        for row, image in stored_images(images, rows):
            if row in wanted:
                thumbnails[row] = jpeg_uri(shrink(image, longer_side), most)
            yield image

    side = sprite_side(len(rows), room.picture_bytes)
    return sprite_sheets(decoded(), side, room.picture_bytes / len(rows)), thumbnails


def stored_images(images: ImageTable, rows: Sequence[int]) -> Iterator[tuple[int, "Image"]]:
    """Yield ascending rows with their images, RGB, reading each row group that holds one of them once."""
    for _, group in itertools.groupby(rows, key=lambda row: row // IMAGE_ROWS):
        wanted = list(group)
        stored = images.read_bytes(wanted[0], wanted[-1] + 1)
        yield from (
            (row, decode_stored(images, row, data)) for row, data in enumerate(stored, wanted[0]) if row in wanted
        )


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
