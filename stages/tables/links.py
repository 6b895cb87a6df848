"""The table of the views' neighbour graph: a row for every link from an image to a neighbour."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stages.core.errors import TableError
from stages.tables.parquet import Table, opened, read_metadata, write_numbers


@dataclass(frozen=True)
class Links(Table):
    """A neighbour graph: `links` int32 (m, 2), start and end.

    `structure` is the odds of modularity and the ratio of cut links, of the images to a cloud without groups.
    `count_once` says that only one of each group of near-duplicates is linked.
    """

    links: np.ndarray
    structure: tuple[float, float]
    count_once: bool


def write_links(file: Path, links: np.ndarray, fingerprint: str, settings: Mapping[str, Any]) -> None:
    """Write the links int32 (m, 2), and how they were made; the "structure" has "odds" and "cut"."""
    columns = {"start": pa.array(links[:, 0]), "end": pa.array(links[:, 1])}
    write_numbers(file, columns, "links", fingerprint, dict(settings))


def read_links(file: Path) -> Links:
    """Read a neighbour graph."""
    metadata = read_metadata(file, "links")
    with opened(file) as table:
        columns = table.read()
    try:
        links = np.column_stack([columns["start"].to_numpy(), columns["end"].to_numpy()])
        structure, once = metadata["settings"]["structure"], bool(metadata["settings"].get("count_once"))
        figures = float(structure["odds"]), float(structure["cut"])
    except (KeyError, TypeError, ValueError):
        raise TableError(f"{file} is not what its stage writes; delete it and run `dvc repro`") from None
    return Links(file, metadata["images"], links, figures, once)
