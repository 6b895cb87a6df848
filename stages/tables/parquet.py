"""Parquet files as all tables use them: opening, writing, metadata, and whether two are of the same images."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.atomic import replacing
from stages.core.errors import TableError, first_line
from stages.core.regular import check_regular
from stages.core.seal import SealError
from stages.tables.sealed import SealedFile, seal_parquet
from stages.tables.textfiles import damaged, understanding

# Encoded images and random mantissas neither compress nor repeat; statistics would copy them.
INCOMPRESSIBLE: dict[str, Any] = {
    "compression": "NONE",
    "use_dictionary": False,
    "write_statistics": False,
}
_READ_BYTES = 1 << 20  # read from the file at a time, instead of a column's whole part of a row group
_SMALL_ROWS = 1 << 17  # rows in a row group of a table of numbers
_METADATA = b"manyviews"


@dataclass(frozen=True)
class Table:
    """A table of any kind: its `file`, and the `fingerprint` of the images that its rows are about."""

    file: Path
    fingerprint: str

    @property
    def n_images(self) -> int | None:
        """How many images it has rows for; None where its rows are not read, or are of something else."""
        return None

    def fits(self, n_images: int) -> bool:
        """Whether its rows can be about so many images, as far as they are read."""
        return self.n_images in (None, n_images)


def read_fingerprint(file: Path) -> Table:
    """Read of which images a table of any kind is, without its rows."""
    return Table(file, read_metadata(file)["images"])


def check_same_images(*tables: Table) -> None:
    """Raise `TableError` naming both files unless all the tables describe the same images."""
    first = tables[0]
    for other in tables[1:]:
        if other.fingerprint != first.fingerprint:
            raise TableError(
                f"{other.file} was made from other images than {first.file}; run `dvc repro` to make it again"
            )
        if first.n_images is not None and not other.fits(first.n_images):
            raise damaged(other.file, f"it is not of the {first.n_images} images of {first.file}")


class _UnthreadedFile(pq.ParquetFile):  # type: ignore[misc]  # pyarrow has no types
    """Read without threads of Arrow: as a process ends, those that read Python's files now and then abort it."""

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        return super().read(columns, use_threads=False)

    def read_row_group(self, group: int, columns: Sequence[str] | None = None) -> pa.Table:
        return super().read_row_group(group, columns, use_threads=False)

    def iter_batches(self, size: int, groups: Sequence[int], columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from super().iter_batches(size, groups, columns, use_threads=False)


@contextmanager
def opened(file: Path) -> Iterator[pq.ParquetFile]:
    """Open a sealed Parquet file for reading; whatever is wrong with its bytes is one `TableError`.

    `understanding` does the same for what they say: a column that is missing, or values of another kind.
    """
    try:
        with (
            SealedFile(check_regular(file)) as content,
            _UnthreadedFile(content, buffer_size=_READ_BYTES, pre_buffer=False) as table,
        ):
            yield table
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it") from None
    except (pa.ArrowException, SealError, OSError) as error:
        reason = first_line(error).rstrip(".")
        raise TableError(
            f"{file} is not a readable Parquet table ({reason}); delete it and run `dvc repro`"
        ) from None


@contextmanager
def writing(file: Path, schema: pa.Schema, **options: Any) -> Iterator[pq.ParquetWriter]:
    """Give a writer of a Parquet file, which is sealed and appears whole at the end of the block or not at all."""
    with replacing(file) as partial:
        with pq.ParquetWriter(partial, schema, write_page_checksum=True, **options) as writer:
            yield writer
        seal_parquet(partial)


def read_metadata(file: Path, kind: str | None = None) -> dict[str, Any]:
    """Return the metadata that were written with a table; raises `TableError` if it is of another `kind`."""
    with opened(file) as table, understanding(file):
        stored = (table.metadata.metadata or {}).get(_METADATA)
        metadata: dict[str, Any] = {"kind": "unknown", **json.loads(stored or "{}")}
    if metadata["kind"] == "unknown" or kind not in (None, metadata["kind"]):
        raise TableError(
            f"{file} holds a table of kind {metadata['kind']!r}, not {kind or 'ours'!r}; "
            "delete it and run `dvc repro`"
        )
    if not isinstance(metadata.get("images"), str):
        raise damaged(file, "it does not say of which images it is")
    return metadata


def add_metadata(writer: pq.ParquetWriter, kind: str, fingerprint: str, metadata: Mapping[str, Any]) -> None:
    """Write a table's kind, the fingerprint of its images and further `metadata` into its footer."""
    content = {"kind": kind, "images": fingerprint, **metadata}
    writer.add_key_value_metadata({_METADATA: json.dumps(content, sort_keys=True)})


def write_numbers(file: Path, columns: Mapping[str, pa.Array], kind: str, fingerprint: str, settings: Any) -> None:
    """Write a small table of numbers, compressed, with the `settings` that it was made with as metadata."""
    table = pa.table(dict(columns))
    with writing(file, table.schema, compression="zstd") as writer:
        writer.write_table(table, row_group_size=_SMALL_ROWS)
        add_metadata(writer, kind, fingerprint, {"settings": settings})


def numbers(table: pa.Table, column: str, dtype: type[np.number[Any]], empty: int | None = None) -> np.ndarray:
    """Return a column (n) that must have this `dtype`, with `empty` in empty fields; `ValueError` for another one.

    Without `empty`, no field may be empty.
    """
    values = table[column]
    if values.type != pa.from_numpy_dtype(dtype) or (values.null_count and empty is None):
        without = f" with {values.null_count} empty fields" if values.null_count else ""
        raise ValueError(f"the column {column!r} is {values.type}{without}, not {np.dtype(dtype)}")
    return np.concatenate([np.empty(0, dtype), *(numbers_of(chunk, empty) for chunk in values.chunks)])


def numbers_of(values: pa.Array, empty: int | None = None) -> np.ndarray:
    """Return the numbers of an array (n), with `empty` in empty fields; `ValueError` for empty fields without it.

    Like `array_of`, this takes the bytes as they are: pyarrow's own ways to and from numpy load pandas, which
    would cost every stage a third of a second.
    """
    if values.null_count and empty is None:
        raise ValueError(f"{values.null_count} fields are empty")
    valid, content = values.buffers()
    dtype, end = np.dtype(values.type.to_pandas_dtype()), values.offset + len(values)
    found = np.frombuffer(content or b"", dtype, count=end)[values.offset :]
    if not values.null_count:
        return found
    bits = np.unpackbits(np.frombuffer(valid, np.uint8), count=end, bitorder="little")
    return np.where(bits[values.offset :].astype(bool), found, np.asarray(empty, dtype))


def array_of(values: np.ndarray) -> pa.Array:
    """Return an array of these numbers (n), whose memory it shares where that is in one piece."""
    content = pa.py_buffer(np.ascontiguousarray(values))
    return pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [None, content])
