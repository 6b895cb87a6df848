"""The table of near-duplicates: the images of each group, and the best one, which to keep."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.core.atomic import write_text
from stages.core.csvtext import csv_text
from stages.core.dendrogram import number_by_size
from stages.core.representatives import Representatives
from stages.tables.images import ImageTable
from stages.tables.parquet import read_metadata
from stages.tables.textfiles import check_digest, damaged, rows_of, understanding


@dataclass(frozen=True)
class NearDuplicates:
    """`groups`, int32 (n), numbered from 0 by size, -1 for an image without a near-duplicate; bool `best` (n)."""

    groups: np.ndarray
    best: np.ndarray

    @property
    def spare(self) -> np.ndarray:
        """The images of which a group has a better one, bool (n)."""
        spare: np.ndarray = (self.groups >= 0) & ~self.best
        return spare

    @property
    def representatives(self) -> Representatives:
        """The images without a near-duplicate, and the best of each group, which represents it."""
        rows, place = np.flatnonzero(~self.spare), np.empty(len(self.groups), dtype=np.int64)
        place[rows] = np.arange(len(rows))
        best = np.flatnonzero(self.best)
        of_group = np.empty(len(best), dtype=np.int64)
        of_group[self.groups[best]] = best
        place[self.spare] = place[of_group[self.groups[self.spare]]]
        return Representatives(rows, place)


def write_near_duplicates(file: Path, images: ImageTable, stands_for: np.ndarray) -> NearDuplicates:
    """Write the groups of images, where `stands_for` int (n) is the image that stands for each; return them.

    The best of a group has the most pixels (ties: the first). Columns: group, path, best ("yes" or "").
    """
    groups = number_by_size(stands_for)
    groups[np.bincount(groups)[groups] == 1] = -1
    pixels = images.sizes.astype(np.int64).prod(axis=1)
    rows = np.lexsort((np.arange(len(groups)), -pixels, groups))
    rows = rows[groups[rows] >= 0]
    best = np.zeros(len(groups), dtype=bool)
    best[rows[np.unique(groups[rows], return_index=True)[1]]] = True
    table = ((groups[row], images.paths[row], "yes" if best[row] else "") for row in rows)
    write_text(file, csv_text(["group", "path", "best"], table))
    return NearDuplicates(groups, best)


def read_near_duplicates(file: Path, images: ImageTable) -> NearDuplicates:
    """Read the groups of near-duplicates of these images, written with the table of links beside them."""
    if (links := file.with_name(images.file.name)).exists():
        with understanding(links):
            check_digest(file, links, read_metadata(links, "links")["settings"].get(file.name))
    places = {path: row for row, path in enumerate(images.paths)}
    groups, best = np.full(len(places), -1, dtype=np.int32), np.zeros(len(places), dtype=bool)
    for number, path, mark in rows_of(file, "group", "path", "best"):
        if path not in places:
            raise damaged(file, f"{path!r} is no image of {images.file}")
        with understanding(file):
            groups[places[path]], best[places[path]] = int(number), mark == "yes"
    return NearDuplicates(groups, best)
