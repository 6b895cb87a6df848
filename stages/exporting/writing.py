"""Writes an export into its folder: chosen images by cluster, or one file that lists them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from stages.core.atomic import write_text
from stages.core.errors import ParameterError
from stages.exporting.documents import Wanted, coco_text, grouped_text, table_text
from stages.exporting.images import ImageWriter, lay_out, needs_plain_names, ranks
from stages.tables import IMAGE_ROWS


class Layout(NamedTuple):
    """How the images are laid out: links to `originals` if given, numbered by confidence, in sub-folders."""

    originals: Path | None
    ranked: bool
    keep_folders: bool


def write_document(wanted: Wanted, form: str, folder: Path) -> None:
    """Write clusters.csv or clusters.json, as `form` says, into `folder`."""
    write_text(folder / f"clusters.{form}", table_text(wanted) if form == "csv" else grouped_text(wanted))


def write_images(
    wanted: Wanted, form: str, layout: Layout, folder: Path, advance: Callable[[int], None]
) -> list[str]:
    """Put the images into `folder`, a row group at a time, with the document of the `form`; return their places.

    The document is clusters.csv of "folders" and annotations.json of "coco"; "imagefolder" has none. `advance`
    gets the number of images written since its last call. Raises `ParameterError` where the disk is too full.
    """
    images, clusters, rows = wanted.images, wanted.clusters, wanted.rows
    if layout.originals is None and len(rows) == len(images):
        _check_room(images.file.stat().st_size, folder)
    numbers = None
    if layout.ranked and clusters.confidence is not None:
        numbers = ranks(clusters.labels, clusters.confidence, rows)
    tops = {row: "images" if form == "coco" else wanted.names[int(clusters.labels[row])] for row in rows.tolist()}
    places = lay_out(images.paths, tops, layout.keep_folders, numbers, needs_plain_names(folder))
    writer = ImageWriter(folder, layout.originals)
    for start in range(0, len(images), IMAGE_ROWS):
        within = range(start, min(start + IMAGE_ROWS, len(images)))
        if not any(row in places for row in within):
            continue
        for row, content in zip(within, images.read_bytes(start, within.stop), strict=True):
            if row in places:
                writer.write(places[row], images.paths[row], content)
                advance(1)
    if form == "folders":
        write_text(folder / "clusters.csv", table_text(wanted, places))
    elif form == "coco":
        files = {row: place.removeprefix("images/") for row, place in places.items()}
        write_text(folder / "annotations.json", coco_text(wanted, files))
    return list(places.values())


def _check_room(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ParameterError(
            f"copies of the images take {needed / 2**30:.1f} GiB, of which {free / 2**30:.1f} GiB are free; "
            "make room, or take --link"
        )
