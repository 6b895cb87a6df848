"""The table of a dendrogram: a row for every merge of two groups of images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stages.tables.parquet import Table, opened, read_metadata, write_numbers

_COLUMNS = {"first": np.int64, "second": np.int64, "height": np.float64, "images": np.int64}


@dataclass(frozen=True)
class Merges(Table):
    """A dendrogram: `merges` float64 (n - 1, 4) in scipy's form, and the `settings` that it was made with."""

    merges: np.ndarray
    settings: dict[str, Any]


def write_dendrogram(file: Path, merges: np.ndarray, fingerprint: str, settings: Mapping[str, Any]) -> None:
    """Write a dendrogram, float64 (n - 1, 4) in scipy's form, and how it was made."""
    columns = {
        name: pa.array(values.astype(dtype))
        for (name, dtype), values in zip(_COLUMNS.items(), merges.T, strict=True)
    }
    write_numbers(file, columns, "dendrogram", fingerprint, dict(settings))


def read_dendrogram(file: Path) -> Merges:
    """Read a dendrogram."""
    metadata = read_metadata(file, "dendrogram")
    with opened(file) as table:
        columns = table.read()
    merges = np.column_stack([column.to_numpy().astype(np.float64) for column in columns.columns])
    return Merges(file, metadata["images"], merges, metadata["settings"])
