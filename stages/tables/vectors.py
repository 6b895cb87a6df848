"""Tables of features and of embeddings: a vector for every image."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.errors import ParameterError, TableError
from stages.tables.parquet import (
    INCOMPRESSIBLE,
    Table,
    add_metadata,
    array_of,
    numbers_of,
    opened,
    read_metadata,
    writing,
)
from stages.tables.textfiles import understanding

VECTOR_ROWS = 4096  # most rows in a row group ...
_GROUP_BYTES = 32 << 20  # ... and the most bytes


@dataclass(frozen=True)
class Vectors(Table):
    """A table of features or embeddings: `values` float32 (n, d) and the `metadata` written with it."""

    values: np.ndarray
    metadata: dict[str, Any]

    @property
    def n_images(self) -> int:
        return len(self.values)


def write_vectors(
    file: Path, column: str, blocks: Iterable[np.ndarray], fingerprint: str, metadata: Mapping[str, Any]
) -> None:
    """Write a table of vectors from blocks of rows, float32 or float16 (rows, d); at least one row.

    `column` is "features" or "embedding". Blocks may have any number of rows: the file does not depend on it.
    """
    writer, count = None, 0
    with ExitStack() as stack:
        for rows in _row_groups(blocks):
            values = pa.FixedSizeListArray.from_arrays(array_of(rows.reshape(-1)), rows.shape[1])
            ids = array_of(np.arange(count, count + len(rows)))
            table = pa.table({"image_id": ids, column: values})
            if writer is None:
                writer = stack.enter_context(writing(file, table.schema, **INCOMPRESSIBLE))
            writer.write_table(table, row_group_size=len(rows))
            count += len(rows)
        if writer is None:
            raise TableError(f"{file}: there is no row to write")
        add_metadata(writer, column, fingerprint, metadata)


def read_vectors(file: Path, column: str) -> Vectors:
    """Read a table of "features" or of an "embedding" as float32, with little memory beside the result's."""
    metadata = read_metadata(file, column)
    with opened(file) as table, understanding(file):
        values = np.empty((table.metadata.num_rows, _width(table, column)), dtype=np.float32)
    start = 0
    for block in vector_blocks(file, column):
        values[start : start + len(block)] = block
        start += len(block)
    return Vectors(file, metadata["images"], values, metadata)


def vector_blocks(file: Path, column: str) -> Iterator[np.ndarray]:
    """Yield the rows of a table in blocks of at most 4,096, float32 or float16 as they were written."""
    with opened(file) as table:
        with understanding(file):
            _width(table, column)
        for group in range(table.num_row_groups):
            with understanding(file):
                block = _read_group(table, group, column)
            yield block


def merge_vectors(file: Path, column: str, rows: np.ndarray, others: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield in blocks, float32 (m, d), one vector for each of `rows`, int (n): that row of `file`.

    For -1 it is the next vector in `others`, blocks as these. Besides a block, one row group is in memory.
    """
    if (rows < 0).all():
        yield from others
        return
    news = (vector for block in others for vector in block)
    with opened(file) as table:
        with understanding(file):
            width = _width(table, column)
        sizes = [table.metadata.row_group(group).num_rows for group in range(table.num_row_groups)]
        ends, step = np.cumsum(sizes), _group_rows(width * 4)
        for start in range(0, len(rows), step):
            here = rows[start : start + step]
            block = np.empty((len(here), width), dtype=np.float32)
            for place in np.flatnonzero(here < 0):
                block[place] = next(news)
            group_of = np.where(here < 0, -1, np.searchsorted(ends, here, side="right"))
            for group in set(group_of.tolist()) - {-1}:
                within = group_of == group
                block[within] = _read_group(table, group, column)[here[within] - (ends[group] - sizes[group])]
            yield block


def check_layer(name: str, layer: str, features: Path, backbones: Sequence[str]) -> None:
    """Raise `ParameterError` if other layers than `layer`, the value of the parameter `name`, were extracted.

    `features` is the dataset's folder of tables. Where a backbone has none at all, reading them says so.
    """
    for backbone in backbones:
        there = sorted(file.stem for file in (features / backbone).glob("*.parquet"))
        if there and layer not in there:
            raise ParameterError(f"{name} is {layer!r}, which was not extracted; give one of {', '.join(there)}")


def _width(table: pq.ParquetFile, column: str) -> int:
    """The number of values in a vector of the column; `ValueError` if these are no floats, KeyError without it."""
    kind = table.schema_arrow.field(column).type
    if not (pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type)):
        raise ValueError(f"the column {column!r} is {kind}")
    return int(kind.list_size)


def _read_group(table: pq.ParquetFile, group: int, column: str) -> np.ndarray:
    """The vectors of a row group, float32 or float16 (rows, d)."""
    vectors = table.read_row_group(group, [column])[column].combine_chunks()
    return numbers_of(vectors.flatten()).reshape(len(vectors), vectors.type.list_size)


def _row_groups(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the rows of the blocks in groups of one size, the last one perhaps smaller."""
    size, pending = 0, list[np.ndarray]()
    for block in blocks:
        if not size:
            size = _group_rows(block.shape[1] * block.itemsize)
        pending.append(block)
        while sum(map(len, pending)) >= size:
            joined = np.concatenate(pending)
            yield joined[:size]
            pending = [joined[size:]]
    if sum(map(len, pending)):
        yield np.concatenate(pending)


def _group_rows(row_bytes: int) -> int:
    """Rows in a row group: a power of two."""
    return min(VECTOR_ROWS, 1 << (max(1, _GROUP_BYTES // row_bytes).bit_length() - 1))
