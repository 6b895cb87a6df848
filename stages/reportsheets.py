"""The report's contact sheets, made from the image table."""

import itertools
from collections.abc import Iterator, Sequence

import PIL.Image

from stages import reporting, tables
from stages.decoding import decode_image
from stages.errors import ManyviewsError, TableError


def contact_sheets(
    images: tables.ImageTable, assigned: reporting.Assignments, images_per_cluster: int, longer_side: int
) -> tuple[reporting.Cluster, ...]:
    """Make the contact sheets of all clusters, decoding only the images that they show.

    `longer_side` is that of a picture, in pixels.
    """
    sheets = reporting.choose_images(assigned.clusters, assigned.confidence, images_per_cluster)
    names = class_names(images)
    tiles = {
        row: reporting.Tile(
            name=images.paths[row],
            confidence=float(assigned.confidence[row]),
            label=names[images.labels[row]] if images.labels[row] >= 0 else "",
            picture=reporting.thumbnail(_decoded(data, images, row), longer_side),
        )
        for row, data in _encoded(images, sorted(row for sheet in sheets for row in sheet.rows))
    }
    return tuple(
        reporting.contact_sheet(sheet, tiles, images.labels[assigned.clusters == sheet.cluster], names)
        for sheet in sheets
    )


def _encoded(images: tables.ImageTable, rows: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yield ascending rows with their encoded images, reading each row group that holds one of them once."""
    for _, group in itertools.groupby(rows, key=lambda row: row // tables.IMAGE_ROWS):
        wanted = list(group)
        stored = images.read_bytes(wanted[0], wanted[-1] + 1)
        yield from ((row, data) for row, data in enumerate(stored, wanted[0]) if row in wanted)


def _decoded(data: bytes, images: tables.ImageTable, row: int) -> PIL.Image.Image:
    """Decode an image; download checked that it can be, so that a fault lies in the table."""
    try:
        return decode_image(data)
    except ManyviewsError as error:
        raise TableError(
            f"{images.file} holds {images.paths[row]!r}, which cannot be decoded ({error}); "
            "delete it and run `dvc repro`"
        ) from None


def class_names(images: tables.ImageTable) -> tuple[str, ...]:
    """The names of the labels; their numbers where they have no names; nothing without labels."""
    if not images.labelled:
        return ()
    return images.class_names or tuple(str(label) for label in range(images.labels.max() + 1))
