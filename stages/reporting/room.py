"""How many images a page has room for, so that a browser still opens it at once."""

from typing import NamedTuple

from stages.reporting.sprites import SIDES, picture_bytes

# Of some 30 MB a page: the rest is for what is written about the images.
SHEETS = 10e6  # bytes of the thumbnails on contact sheets
GALLERY = 13e6  # bytes of the pictures at hand in the maps and in the viewer
MOST_TILES = 4000  # thumbnails on contact sheets
MOST_MAPPED = 5000  # images on a map: more are slow to lay out and hide one another


class Room(NamedTuple):
    """What one dataset may show: `tiles` on contact sheets, images `mapped`, `picture_bytes` for all at hand."""

    tiles: int
    mapped: int
    picture_bytes: float


def share_room(datasets: int, thumbnail: int) -> Room:
    """Give each of some datasets an equal part of a page; `thumbnail` is the longer side on a sheet, in pixels."""
    tiles = int(min(MOST_TILES, SHEETS / picture_bytes(thumbnail)) / datasets)
    at_hand = int(GALLERY / picture_bytes(SIDES[-1]) / datasets)
    return Room(tiles, min(MOST_MAPPED, max(at_hand - tiles, 1)), GALLERY / datasets)
