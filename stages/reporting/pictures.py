"""The report's pictures, made from the image table: contact sheets, and sprites of all images at hand."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from stages import reporting, tables
from stages.decoding.pixels import decode_stored
from stages.tables import class_names


def make_pictures(
    images: tables.ImageTable, rows: Sequence[int], shown: Sequence[int], longer_side: int, room: reporting.Room
) -> tuple[reporting.Sprites, dict[int, str]]:
    """Decode the ascending `rows` once: sprites of all, and thumbnails (data URIs) of those that are `shown`.

    `longer_side` is that of a thumbnail, in pixels; `room` says how many bytes there are for the sprites.
    """
    sheets = reporting.SpriteSheets(
        reporting.sprite_side(len(rows), room.picture_bytes), room.picture_bytes / len(rows)
    )
    most = 1.25 * reporting.picture_bytes(longer_side)  # a few may take more than a photo does
    wanted, thumbnails = set(shown), {}
    for row, data in _encoded(images, rows):
        image = decode_stored(images, row, data)
        sheets.add(image)
        if row in wanted:
            thumbnails[row] = reporting.jpeg_uri(reporting.shrink(image, longer_side), most)
    return sheets.finish(), thumbnails


def contact_sheets(
    images: tables.ImageTable,
    assigned: reporting.Assignments,
    rivals: reporting.Rivals,
    sheets: Sequence[reporting.Sheet],
    thumbnails: dict[int, str],
    at_hand: np.ndarray,
) -> tuple[reporting.Cluster, ...]:
    """Lay out the `sheets`, whose `thumbnails` are known by row; `at_hand` (m) are the rows of the gallery."""
    names, near = class_names(images), reporting.on_boundary(rivals)
    tiles = {
        row: reporting.Tile(
            name=images.paths[row],
            confidence=float(assigned.confidence[row]),
            label=names[images.labels[row]] if images.labels[row] >= 0 else "",
            near=int(rivals.clusters[row]) if near[row] else None,
            picture=picture,
            place=int(np.searchsorted(at_hand, row)),
        )
        for row, picture in thumbnails.items()
    }
    return tuple(
        reporting.contact_sheet(sheet, tiles, images.labels[assigned.clusters == sheet.cluster], names)
        for sheet in sheets
    )


def make_gallery(
    images: tables.ImageTable,
    assigned: reporting.Assignments,
    rivals: reporting.Rivals,
    at_hand: np.ndarray,
    mapped: np.ndarray,
    sprites: reporting.Sprites,
) -> reporting.Gallery:
    """Gather what the page's script needs of the rows `at_hand` (m); the rows `mapped` are on the maps."""
    return reporting.Gallery(
        images=len(images),
        paths=[images.paths[row] for row in at_hand],
        clusters=assigned.clusters[at_hand],
        confidence=assigned.confidence[at_hand],
        labels=images.labels[at_hand],
        rivals=reporting.Rivals(rivals.clusters[at_hand], rivals.own[at_hand], rivals.other[at_hand]),
        homes=reporting.commonest_clusters(assigned.clusters, images.labels, len(class_names(images))),
        mapped=np.searchsorted(at_hand, mapped),
        sprites=sprites,
    )


def _encoded(images: tables.ImageTable, rows: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yield ascending rows with their encoded images, reading each row group that holds one of them once."""
    for _, group in itertools.groupby(rows, key=lambda row: row // tables.IMAGE_ROWS):
        wanted = list(group)
        stored = images.read_bytes(wanted[0], wanted[-1] + 1)
        yield from ((row, data) for row, data in enumerate(stored, wanted[0]) if row in wanted)
