"""The table of the views' neighbour graph: a row for every link from an image to a neighbour."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.tables.parquet import Table, array_of, numbers, opened, read_metadata, write_numbers
from stages.tables.textfiles import understanding


@dataclass(frozen=True)
class Links(Table):
    """A neighbour graph: `links` int32 (m, 2), start and end.

    `structure` is the odds of modularity and the ratio of cut links, of the images to a cloud without groups.
    `count_once` says that only one of each group of near-duplicates is linked.
    """

    links: np.ndarray
    structure: tuple[float, float]
    count_once: bool

    def fits(self, n_images: int) -> bool:
        return bool(self.links.max(initial=-1) < n_images)


def write_links(file: Path, links: np.ndarray, fingerprint: str, settings: Mapping[str, Any]) -> None:
    """Write the links int32 (m, 2), and how they were made; the "structure" has "odds" and "cut"."""
    start, end = links.astype(np.int32, copy=False).T
    columns = {"start": array_of(start), "end": array_of(end)}
    write_numbers(file, columns, "links", fingerprint, dict(settings))


def read_links(file: Path) -> Links:
    """Read a neighbour graph; raises `TableError` for images that cannot be."""
    metadata = read_metadata(file, "links")
    with opened(file) as table, understanding(file):
        columns = table.read()
        links = np.column_stack([numbers(columns, name, np.int32) for name in ("start", "end")])
        if len(links) and links.min() < 0:
            raise ValueError(f"a link leads to the image {links.min()}")
        structure, once = metadata["settings"]["structure"], bool(metadata["settings"].get("count_once"))
        figures = float(structure["odds"]), float(structure["cut"])
    return Links(file, metadata["images"], links, figures, once)
