"""New images added to an earlier export of folders: copies beside those that are there, and lines in its index."""

import csv
import io
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from stages.core.atomic import write_bytes, write_text
from stages.core.csvtext import csv_text, text_of_cell
from stages.core.errors import ParameterError
from stages.core.lock import locked_beside
from stages.exporting.clusters import UNSURE
from stages.exporting.images import cluster_names, needs_plain_names, numbered, safe_parts
from stages.exporting.target import MARKER, refuse_busy

INDEX = "clusters.csv"
NO_GROUP = "no-group"  # name of the folder of images that fit no cluster, -1 in the index


class NewImage(NamedTuple):
    """An image to be added to a `cluster`, -1 for none: the path it is known by, how to read it, its size."""

    path: str
    cluster: int
    read: Callable[[], bytes]
    width: int
    height: int


class Index(NamedTuple):
    """The index of an export: its columns, and a line for every image."""

    header: list[str]
    rows: list[dict[str, str]]

    def folders(self, n_clusters: int) -> dict[int, str]:
        """The folder of each cluster: where most of its images are, or, without any, as an export names it."""
        found = Counter(
            (int(row["cluster"]), top)
            for row in self.rows
            if (top := PurePosixPath(row["file"]).parts[0]) not in (UNSURE, NO_GROUP)
        )
        names = cluster_names(np.arange(n_clusters))
        names |= {cluster: top for (cluster, top), _ in reversed(found.most_common())}
        return names | {-1: NO_GROUP}


def read_index(folder: Path) -> Index:
    """Read the index of the export in `folder`; raise `ParameterError` for none and for a damaged one."""
    file = folder / INDEX
    with suppress(OSError):
        whole = (folder / MARKER).stat().st_size > 0
        if whole and file.is_file():
            return _parsed(file)
    raise ParameterError(
        f"{folder} holds no export of folders with {INDEX}; make one by `manyviews export --to {folder}`"
    )


def check_clusters(folder: Path, paths: Iterable[str], labels: np.ndarray, method: str) -> None:
    """Raise `ParameterError` unless an export has the clusters `labels`, int (n), of the images `paths` (n)."""
    own = dict(zip(paths, labels.tolist(), strict=True))
    there: dict[str, set[int]] = {}
    for row in read_index(folder).rows:  # one that was added may have the path of another image
        there.setdefault(row["path"], set()).add(int(row["cluster"]))
    common = [path for path in there if path in own]
    other = next((path for path in common if own[path] not in there[path]), None)
    if other is not None or not common:
        raise ParameterError(
            f"{folder} has other clusters than those of {method}"
            + (f", such as that of {other!r}" if other is not None else "")
            + f"; make an export of these by `manyviews export --method {method} --to` and a new folder"
        )


def add_images(
    folder: Path, images: Iterable[NewImage], n_clusters: int, advance: Callable[[int], None]
) -> Counter[str]:
    """Copy images into the export in `folder`, and list them in its index; return how many came into each folder.

    Nothing is written over: a copy takes the first of `a.png`, `a (2).png` ... that is free. An image whose copy
    is there already is not added again. After an error all is as before; a copy that a kill left is listed by the
    next run. Confidences stay empty in the index, where they are those of the export. `advance` gets 1 for each
    image.
    """
    written: list[Path] = []
    added: Counter[str] = Counter()
    with locked_beside(folder, lambda: refuse_busy(folder)):
        header, rows = index = read_index(folder)
        folders, plain = index.folders(n_clusters), needs_plain_names(folder)
        listed = {row["file"] for row in rows}
        try:
            for image in images:
                top, content = folders[image.cluster], image.read()
                place = _place(folder, top, safe_parts(image.path, plain)[-1], content)
                if not os.path.lexists(folder / place):
                    written.append(folder / place)
                    write_bytes(folder / place, content)
                if place not in listed:
                    listed.add(place)
                    rows.append(_row(image, place))
                    added[top] += 1
                advance(1)
            write_text(folder / INDEX, csv_text(header, ([row.get(name, "") for name in header] for row in rows)))
        except BaseException:
            for file in written:
                file.unlink(missing_ok=True)
                with suppress(OSError):  # it is not empty
                    file.parent.rmdir()
            raise
    return added


def _place(folder: Path, top: str, name: str, content: bytes) -> str:
    """The first path below `folder`/`top` that is free or holds just this `content`."""
    for number in itertools.count(1):
        place = f"{top}/{numbered(name, number)}"
        file = folder / place
        if not os.path.lexists(file):
            return place
        if file.is_file() and file.stat().st_size == len(content) and file.read_bytes() == content:
            return place
    raise AssertionError("unreachable")


def _row(image: NewImage, place: str) -> dict[str, str]:
    sizes = {"width": str(image.width), "height": str(image.height)}
    return {"path": image.path, "cluster": str(image.cluster), **sizes, "file": place}


def _parsed(file: Path) -> Index:
    try:
        header, *lines = csv.reader(io.StringIO(file.read_bytes().decode("utf-8"), newline=""), strict=True)
        rows = [dict(zip(header, map(text_of_cell, line), strict=True)) for line in lines]
        for row in rows:
            place = PurePosixPath(row["file"])
            if place.is_absolute() or ".." in place.parts or len(place.parts) < 2:
                raise ValueError(f"a file is {row['file']!r}")
            row["path"], int(row["cluster"])
        if not rows:
            raise ValueError("it lists no image")
    except KeyError as error:
        raise _damaged(file, f"the column {error} is missing") from None
    except (ValueError, csv.Error) as error:
        raise _damaged(file, str(error)) from None
    return Index(header, rows)


def _damaged(file: Path, reason: str) -> ParameterError:
    return ParameterError(f"{file} is not as an export wrote it ({reason}); export again, to a new folder")
