"""The table of a dendrogram: a row for every merge of two groups of images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.tables.parquet import Table, array_of, numbers, opened, read_metadata, write_numbers
from stages.tables.textfiles import understanding

_COLUMNS: dict[str, type[np.number[Any]]] = {
    "first": np.int64,
    "second": np.int64,
    "height": np.float64,
    "images": np.int64,
}


@dataclass(frozen=True)
class Merges(Table):
    """A dendrogram: `merges` float64 (n - 1, 4) in scipy's form, and the `settings` that it was made with."""

    merges: np.ndarray
    settings: dict[str, Any]

    @property
    def n_images(self) -> int:
        return len(self.merges) + 1


def write_dendrogram(file: Path, merges: np.ndarray, fingerprint: str, settings: Mapping[str, Any]) -> None:
    """Write a dendrogram, float64 (n - 1, 4) in scipy's form, and how it was made."""
    columns = {
        name: array_of(values.astype(dtype))
        for (name, dtype), values in zip(_COLUMNS.items(), merges.T, strict=True)
    }
    write_numbers(file, columns, "dendrogram", fingerprint, dict(settings))


def read_dendrogram(file: Path) -> Merges:
    """Read a dendrogram; raises `TableError` unless each merge joins two groups that there are, once, in order."""
    metadata = read_metadata(file, "dendrogram")
    with opened(file) as table, understanding(file):
        columns = table.read()
        merges = np.column_stack(
            [numbers(columns, name, dtype).astype(np.float64) for name, dtype in _COLUMNS.items()]
        )
        settings = dict(metadata["settings"])
        _check(merges)
    return Merges(file, metadata["images"], merges, settings)


def _check(merges: np.ndarray) -> None:
    joined, heights = merges[:, :2], merges[:, 2]
    n_images = len(merges) + 1
    made = n_images + np.arange(len(merges))
    if not (np.sort(joined.reshape(-1)) == np.arange(2 * len(merges))).all() or (joined >= made[:, None]).any():
        raise ValueError("its merges join other groups than there are")
    if not np.isfinite(heights).all() or (np.diff(heights) < 0).any():
        raise ValueError("its heights are no numbers that never decrease")
    sizes = np.concatenate([np.ones(n_images), merges[:, 3]])
    if (merges[:, 3] != sizes[joined.astype(np.int64)].sum(axis=1)).any():
        raise ValueError("its merges have other numbers of images than their groups")
