"""Writes an export into its folder: chosen images by cluster, or one file that lists them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from stages.core.atomic import write_text
from stages.core.errors import ParameterError
from stages.exporting.clusters import UNSURE
from stages.exporting.documents import Wanted, coco_text, grouped_text, table_text
from stages.exporting.images import ImageWriter, lay_out, needs_plain_names, ranks
from stages.exporting.moving import MovePlan
from stages.tables import IMAGE_ROWS


class Layout(NamedTuple):
    """How the images are laid out: numbered by confidence, in sub-folders, those in `unsure` rows apart.

    With `originals`, the folder where they were found, they become links to the files there, or, with `move`, only
    folders for them and a journal are written.
    """

    originals: Path | None = None
    move: bool = False
    ranked: bool = False
    keep_folders: bool = False
    unsure: frozenset[int] = frozenset()

    def places(self, wanted: Wanted, form: str, plain: bool) -> dict[int, str]:
        """Give the row of each wanted image its path below the folder of the export; `plain`: see `safe_parts`."""
        clusters, rows = wanted.clusters, wanted.rows.tolist()
        names = {row: wanted.names[int(clusters.labels[row])] for row in rows}
        tops = {row: "images" if form == "coco" else UNSURE if row in self.unsure else names[row] for row in rows}
        numbers = None
        if self.ranked and clusters.confidence is not None:
            numbers = ranks(clusters.labels, clusters.confidence, wanted.rows)
        return lay_out(wanted.images.paths, tops, self.keep_folders, numbers, plain)


def write_document(wanted: Wanted, form: str, folder: Path) -> None:
    """Write clusters.csv or clusters.json, as `form` says, into `folder`."""
    write_text(folder / f"clusters.{form}", table_text(wanted) if form == "csv" else grouped_text(wanted))


def write_images(
    wanted: Wanted, form: str, layout: Layout, folder: Path, advance: Callable[[int], None]
) -> list[str]:
    """Put the images into `folder`, a row group at a time, with the document of the `form`; return their places.

    The document is clusters.csv of "folders" and annotations.json of "coco"; "imagefolder" has none. Images that
    are to be moved are checked and listed in a journal, see `move_originals`. `advance`
    gets the number of images written since its last call. Raises `ParameterError` where the disk is too full.
    """
    images = wanted.images
    if layout.originals is None and len(wanted.rows) == len(images):
        _check_room(images.file.stat().st_size, folder)
    places = layout.places(wanted, form, needs_plain_names(folder))
    plan = MovePlan(folder, layout.originals) if layout.move and layout.originals else None
    writer = plan or ImageWriter(folder, layout.originals)
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
    if plan:
        plan.write_journal()
    return list(places.values())


def _check_room(needed: int, folder: Path) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ParameterError(
            f"copies of the images take {needed / 2**30:.1f} GiB, of which {free / 2**30:.1f} GiB are free; "
            "make room, or take --link"
        )
