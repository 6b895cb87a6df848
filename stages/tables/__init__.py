"""The Parquet tables between the stages: their columns, metadata and checks, in this one place.

Every table has a row per image, in the order of the image table, and carries in its metadata the fingerprint
of that image table, so that tables of different image sets are never mixed. A fingerprint covers the paths and
bytes of the images, in order, and not their labels: correcting a label invalidates no features.

Bytes are a function of the content alone: fixed row groups, one compression, no times and no machine names.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.atomic import replacing
from stages.core.errors import TableError

IMAGE_ROWS = 256  # rows in a row group of the image table: some 10 to 100 MB of photos
VECTOR_ROWS = 4096  # most rows in a row group of features and embeddings ...
_VECTOR_BYTES = 32 << 20  # ... and the most bytes
_IMAGES_AT_ONCE = 16  # images that are read from the file together
_READ_BYTES = 1 << 20  # read from the file at a time, instead of a column's whole part of a row group
_METADATA = b"manyviews"
# Encoded images and random mantissas neither compress nor repeat; statistics would copy them.
_INCOMPRESSIBLE: dict[str, Any] = {
    "compression": "NONE",
    "use_dictionary": False,
    "write_statistics": False,
    "write_page_checksum": True,
}


class Image(NamedTuple):
    """One image: the path the user knows it by, its file's bytes, its label, its size in pixels as shown."""

    path: str
    data: bytes
    label: int | None
    width: int
    height: int


@dataclass(frozen=True)
class ImageTable:
    """An image table, opened: everything but the images' bytes, which `read_bytes` streams.

    Attributes: `file`; `fingerprint`; `paths` (n); `labels` int32 (n), -1 for an image without one;
    `class_names`, indexed by label; `sizes` int32 (n, 2) of width and height in pixels.
    """

    file: Path
    fingerprint: str
    paths: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def labelled(self) -> bool:
        """Whether at least one image has a label."""
        return bool((self.labels >= 0).any())

    def read_bytes(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the encoded images of the rows `start` to `stop`, holding a few in memory at a time."""
        stop = len(self) if stop is None else min(stop, len(self))
        groups = range(start // IMAGE_ROWS, -(-stop // IMAGE_ROWS))
        if not groups:
            return
        first = groups[0] * IMAGE_ROWS
        with _opened(self.file) as table:
            rows = (
                row
                for batch in table.iter_batches(_IMAGES_AT_ONCE, groups, ["image.bytes"], use_threads=False)
                for row in batch.column(0).field("bytes")
            )
            for row in islice(rows, start - first, stop - first):
                yield row.as_py()


@dataclass(frozen=True)
class Vectors:
    """A table of features or embeddings: `values` float32 (n, d) and the `metadata` written with it."""

    file: Path
    fingerprint: str
    values: np.ndarray
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Partitions:
    """A table of partitions: `labels` maps a run's name to int32 labels (n), `settings` to how it was made."""

    file: Path
    fingerprint: str
    labels: dict[str, np.ndarray]
    settings: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Merges:
    """A dendrogram: `merges` float64 (n - 1, 4) in scipy's form, and the `settings` that it was made with."""

    file: Path
    fingerprint: str
    merges: np.ndarray
    settings: dict[str, Any]


def write_images(file: Path, images: Iterable[Image], class_names: Sequence[str]) -> int:
    """Write an image table and return the number of its rows; an empty one is written nowhere.

    Columns follow the Hugging Face `Image` and `ClassLabel` convention, so that
    `datasets.load_dataset("parquet", data_files=...)` shows pictures and class names.
    """
    features: dict[str, Any] = {
        "image_id": {"dtype": "int64", "_type": "Value"},
        "image": {"_type": "Image"},
        "label": {"names": list(class_names), "_type": "ClassLabel"},
        "width": {"dtype": "int32", "_type": "Value"},
        "height": {"dtype": "int32", "_type": "Value"},
    }
    if not class_names:
        features["label"] = {"dtype": "int64", "_type": "Value"}
    schema = pa.schema(
        [
            ("image_id", pa.int64()),
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            ("label", pa.int64()),  # what `ClassLabel` is stored as; int32 would lose the names
            ("width", pa.int32()),
            ("height", pa.int32()),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    digest, count, group = hashlib.sha256(), 0, list[Image]()

    def flush() -> None:
        nonlocal count
        columns = [
            pa.array(range(count, count + len(group)), pa.int64()),
            pa.array([{"bytes": image.data, "path": image.path} for image in group], schema.field(1).type),
            pa.array([image.label for image in group], pa.int64()),
            pa.array([image.width for image in group], pa.int32()),
            pa.array([image.height for image in group], pa.int32()),
        ]
        writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=IMAGE_ROWS)
        count += len(group)
        group.clear()

    with replacing(file) as partial:
        with pq.ParquetWriter(partial, schema, **_INCOMPRESSIBLE) as writer:
            for image in images:
                digest.update(hashlib.sha256(image.path.encode()).digest())
                digest.update(hashlib.sha256(image.data).digest())
                group.append(image)
                if len(group) == IMAGE_ROWS:
                    flush()
            if group:
                flush()
            _add_metadata(writer, "images", digest.hexdigest(), {"class_names": list(class_names)})
        if not count:
            raise TableError(f"{file}: there is no image to write")
    return count


def read_images(file: Path) -> ImageTable:
    """Open an image table. Raises `TableError` if it is missing, damaged or another kind of table."""
    metadata = _metadata(file, "images")
    with _opened(file) as table:
        columns = table.read(columns=["image.path", "label", "width", "height"])
    return ImageTable(
        file=file,
        fingerprint=metadata["images"],
        paths=tuple(row["path"] for row in columns["image"].to_pylist()),
        labels=columns["label"].fill_null(-1).to_numpy().astype(np.int32),
        class_names=tuple(metadata["class_names"]),
        sizes=np.column_stack([columns["width"].to_numpy(), columns["height"].to_numpy()]).astype(np.int32),
    )


@contextmanager
def vectors_writer(
    file: Path, column: str, fingerprint: str, metadata: Mapping[str, Any]
) -> Iterator[Callable[[np.ndarray], None]]:
    """Give a function that appends blocks of rows, float32 or float16 (rows, d), to a table of vectors.

    `column` is "features" or "embedding". The table appears when the context ends without an error. Blocks may
    have any number of rows: the file does not depend on it.
    """
    pending: list[np.ndarray] = []
    writer: pq.ParquetWriter | None = None
    count = rows_in_group = 0

    def flush() -> None:
        nonlocal writer, count
        block = np.concatenate(pending)
        group, pending[:] = block[:rows_in_group], [block[rows_in_group:]]
        values = pa.FixedSizeListArray.from_arrays(pa.array(group.reshape(-1)), group.shape[1])
        schema = pa.schema([("image_id", pa.int64()), (column, values.type)])
        if writer is None:
            writer = pq.ParquetWriter(partial, schema, **_INCOMPRESSIBLE)
        ids = pa.array(range(count, count + len(group)), pa.int64())
        writer.write_table(pa.Table.from_arrays([ids, values], schema=schema), row_group_size=rows_in_group)
        count += len(group)

    def write(block: np.ndarray) -> None:
        nonlocal rows_in_group
        if not rows_in_group:
            fitting = max(1, _VECTOR_BYTES // (block.shape[1] * block.itemsize))
            rows_in_group = min(VECTOR_ROWS, 1 << (fitting.bit_length() - 1))
        pending.append(block)
        while sum(map(len, pending)) >= rows_in_group:
            flush()

    with replacing(file) as partial:
        try:
            yield write
            if sum(map(len, pending)):
                flush()
            if writer is None:
                raise TableError(f"{file}: there is no row to write")
            _add_metadata(writer, column, fingerprint, metadata)
        finally:
            if writer is not None:
                writer.close()


def write_vectors(
    file: Path,
    column: str,
    blocks: Iterable[np.ndarray],
    fingerprint: str,
    metadata: Mapping[str, Any],
) -> None:
    """Write a whole table of vectors from blocks of rows, as `vectors_writer` does."""
    with vectors_writer(file, column, fingerprint, metadata) as write:
        for block in blocks:
            write(block)


def read_vectors(file: Path, column: str) -> Vectors:
    """Read a table of "features" or of an "embedding" as float32, with little memory beside the result's."""
    metadata = _metadata(file, column)
    with _opened(file) as table:
        width = table.schema_arrow.field(column).type.list_size
        values = np.empty((table.metadata.num_rows, width), dtype=np.float32)
        start = 0
        for group in range(table.num_row_groups):
            for chunk in table.read_row_group(group, columns=[column])[column].chunks:
                values[start : start + len(chunk)] = (
                    chunk.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
                )
                start += len(chunk)
    return Vectors(file, metadata["images"], values, metadata)


def write_partitions(
    file: Path,
    labels: Mapping[str, np.ndarray],
    settings: Mapping[str, Mapping[str, Any]],
    fingerprint: str,
) -> None:
    """Write partitions: integer labels (n) by run name, and the settings of every run."""
    if not labels:
        raise TableError(f"{file}: there is no partition to write")
    n_images = len(next(iter(labels.values())))
    schema = pa.schema([("image_id", pa.int64()), *((name, pa.int32()) for name in labels)])
    columns = [pa.array(range(n_images), pa.int64())]
    columns += [pa.array(np.asarray(values, dtype=np.int32)) for values in labels.values()]
    with replacing(file) as partial:
        with pq.ParquetWriter(partial, schema, compression="zstd", write_page_checksum=True) as writer:
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=1 << 17)
            runs = {name: dict(settings[name]) for name in labels}
            _add_metadata(writer, "partitions", fingerprint, {"settings": runs})


def read_partitions(file: Path) -> Partitions:
    """Read a table of partitions."""
    metadata = _metadata(file, "partitions")
    with _opened(file) as table:
        columns = table.read()
    labels = {name: columns[name].to_numpy() for name in columns.column_names if name != "image_id"}
    return Partitions(file, metadata["images"], labels, metadata["settings"])


def write_dendrogram(file: Path, merges: np.ndarray, fingerprint: str, settings: Mapping[str, Any]) -> None:
    """Write a dendrogram, float64 (n - 1, 4) in scipy's form, and how it was made."""
    schema = pa.schema(
        [("first", pa.int64()), ("second", pa.int64()), ("height", pa.float64()), ("images", pa.int64())]
    )
    columns = [pa.array(merges[:, place].astype(np.int64)) for place in (0, 1, 3)]
    columns.insert(2, pa.array(merges[:, 2]))
    with replacing(file) as partial:
        with pq.ParquetWriter(partial, schema, compression="zstd", write_page_checksum=True) as writer:
            writer.write_table(pa.Table.from_arrays(columns, schema=schema), row_group_size=1 << 17)
            _add_metadata(writer, "dendrogram", fingerprint, {"settings": dict(settings)})


def read_dendrogram(file: Path) -> Merges:
    """Read a dendrogram."""
    metadata = _metadata(file, "dendrogram")
    with _opened(file) as table:
        columns = table.read()
    merges = np.column_stack([column.to_numpy().astype(np.float64) for column in columns.columns])
    return Merges(file, metadata["images"], merges, metadata["settings"])


@dataclass(frozen=True)
class Fingerprint:
    """Of which images a table is, without its rows."""

    file: Path
    fingerprint: str


def read_fingerprint(file: Path) -> Fingerprint:
    """Read of which images a table of any kind is."""
    return Fingerprint(file, _metadata(file)["images"])


def check_same_images(*tables: ImageTable | Vectors | Partitions | Merges | Fingerprint) -> None:
    """Raise `TableError` naming both files unless all the tables describe the same images."""
    first = tables[0]
    for other in tables[1:]:
        if other.fingerprint != first.fingerprint:
            raise TableError(
                f"{other.file} was made from other images than {first.file}; run `dvc repro` to make it anew"
            )


class _opened:  # noqa: N801 - used like a function
    """Open a Parquet file; whatever is wrong with it is one `TableError`."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> pq.ParquetFile:
        try:
            self.table = pq.ParquetFile(
                self.file, page_checksum_verification=True, buffer_size=_READ_BYTES, pre_buffer=False
            )
        except FileNotFoundError:
            raise TableError(
                f"{self.file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it"
            ) from None
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(error) from None
        return self.table

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.table.close()
        if isinstance(error, pa.ArrowException | OSError):
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> TableError:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        return TableError(f"{self.file} is not a readable Parquet table ({reason}); delete it and run `dvc repro`")


def _metadata(file: Path, kind: str | None = None) -> dict[str, Any]:
    with _opened(file) as table:
        stored = (table.metadata.metadata or {}).get(_METADATA)
    metadata: dict[str, Any] = json.loads(stored) if stored else {"kind": "unknown"}
    if metadata["kind"] == "unknown" or kind not in (None, metadata["kind"]):
        raise TableError(
            f"{file} holds a table of kind {metadata['kind']!r}, not {kind or 'ours'!r}; "
            "delete it and run `dvc repro`"
        )
    return metadata


def _add_metadata(writer: pq.ParquetWriter, kind: str, fingerprint: str, metadata: Mapping[str, Any]) -> None:
    content = {"kind": kind, "images": fingerprint, **metadata}
    writer.add_key_value_metadata({_METADATA: json.dumps(content, sort_keys=True)})
