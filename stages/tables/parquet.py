"""Parquet files as all tables use them: opening, writing, metadata, and whether two are of the same images."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.atomic import replacing
from stages.core.errors import TableError
from stages.core.regular import check_regular

# Encoded images and random mantissas neither compress nor repeat; statistics would copy them.
INCOMPRESSIBLE: dict[str, Any] = {
    "compression": "NONE",
    "use_dictionary": False,
    "write_statistics": False,
    "write_page_checksum": True,
}
_READ_BYTES = 1 << 20  # read from the file at a time, instead of a column's whole part of a row group
_SMALL_ROWS = 1 << 17  # rows in a row group of a table of numbers
_METADATA = b"manyviews"


@dataclass(frozen=True)
class Table:
    """A table of any kind: its `file`, and the `fingerprint` of the images that its rows are about."""

    file: Path
    fingerprint: str


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


@contextmanager
def opened(file: Path) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file for reading; whatever is wrong with it is one `TableError`."""
    try:
        with pq.ParquetFile(
            check_regular(file), page_checksum_verification=True, buffer_size=_READ_BYTES, pre_buffer=False
        ) as table:
            yield table
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it") from None
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise TableError(
            f"{file} is not a readable Parquet table ({reason}); delete it and run `dvc repro`"
        ) from None


def read_metadata(file: Path, kind: str | None = None) -> dict[str, Any]:
    """Return the metadata that were written with a table; raises `TableError` if it is of another `kind`."""
    with opened(file) as table:
        stored = (table.metadata.metadata or {}).get(_METADATA)
    metadata: dict[str, Any] = json.loads(stored) if stored else {"kind": "unknown"}
    if metadata["kind"] == "unknown" or kind not in (None, metadata["kind"]):
        raise TableError(
            f"{file} holds a table of kind {metadata['kind']!r}, not {kind or 'ours'!r}; "
            "delete it and run `dvc repro`"
        )
    return metadata


def add_metadata(writer: pq.ParquetWriter, kind: str, fingerprint: str, metadata: Mapping[str, Any]) -> None:
    """Write a table's kind, the fingerprint of its images and further `metadata` into its footer."""
    content = {"kind": kind, "images": fingerprint, **metadata}
    writer.add_key_value_metadata({_METADATA: json.dumps(content, sort_keys=True)})


def write_numbers(file: Path, columns: Mapping[str, pa.Array], kind: str, fingerprint: str, settings: Any) -> None:
    """Write a small table of numbers, compressed, with the `settings` that it was made with as metadata."""
    table = pa.table(dict(columns))
    with replacing(file) as partial:
        with pq.ParquetWriter(partial, table.schema, compression="zstd", write_page_checksum=True) as writer:
            writer.write_table(table, row_group_size=_SMALL_ROWS)
            add_metadata(writer, kind, fingerprint, {"settings": settings})
