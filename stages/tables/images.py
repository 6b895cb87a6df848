"""The image table: every image's path, bytes, label and size."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from stages.core.errors import TableError
from stages.tables.parquet import (
    INCOMPRESSIBLE,
    Table,
    add_metadata,
    numbers,
    opened,
    read_metadata,
    writing,
)
from stages.tables.textfiles import understanding

IMAGE_ROWS = 256  # rows in a row group: some 10 to 100 MB of photos
_MOST_CLASSES = 1 << 20  # of labels without names
_IMAGES_AT_ONCE = 16  # images that are read from the file together


class Image(NamedTuple):
    """One image: the path the user knows it by, its file's bytes, its label, its size in pixels as shown."""

    path: str
    data: bytes
    label: int | None
    width: int
    height: int


@dataclass(frozen=True)
class ImageTable(Table):
    """An image table, opened: everything but the images' bytes, which `read_bytes` streams.

    Attributes: `file`; `fingerprint`; `paths` (n); `labels` int32 (n), -1 for an image without one;
    `class_names`, indexed by label; `sizes` int32 (n, 2) of width and height in pixels.
    """

    paths: tuple[str, ...]
    labels: np.ndarray
    class_names: tuple[str, ...]
    sizes: np.ndarray

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def n_images(self) -> int:
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
        with opened(self.file) as table:
            rows = (
                row
                for batch in table.iter_batches(_IMAGES_AT_ONCE, groups, ["image.bytes"])
                for row in batch.column(0).field("bytes")
            )
            for row in islice(rows, start - first, stop - first):
                yield row.as_py()

    def read_rows(self, rows: Iterable[int]) -> Iterator[bytes]:
        """Yield the encoded images of `rows`, in ascending order, reading no row group without one."""
        for _, together in groupby(rows, lambda row: row // IMAGE_ROWS):
            wanted = set(together)
            start, stop = min(wanted), max(wanted) + 1
            for row, data in enumerate(self.read_bytes(start, stop), start):
                if row in wanted:
                    yield data


def class_names(images: ImageTable) -> tuple[str, ...]:
    """The names of the labels, by label; their numbers where they have no names; nothing without labels."""
    if not images.labelled:
        return ()
    return images.class_names or tuple(str(label) for label in range(images.labels.max() + 1))


def write_images(file: Path, images: Iterable[Image], class_names: Sequence[str]) -> int:
    """Write an image table and return the number of its rows. Raises `TableError` if there is none.

    Columns follow the Hugging Face `Image` and `ClassLabel` convention, so that
    `datasets.load_dataset("parquet", data_files=...)` shows pictures and class names.
    """
    schema, digest, count = _schema(class_names), hashlib.sha256(), 0
    images = iter(images)

    def write_group() -> int:
        """Write the next images; they are let go of before those that follow are read."""
        rows = []
        for number, (path, data, label, width, height) in enumerate(islice(images, IMAGE_ROWS), count):
            digest.update(hashlib.sha256(path.encode()).digest())
            digest.update(hashlib.sha256(data).digest())
            image = {"bytes": data, "path": path}
            rows.append({"image_id": number, "image": image, "label": label, "width": width, "height": height})
        if rows:
            writer.write_table(pa.Table.from_pylist(rows, schema=schema), row_group_size=IMAGE_ROWS)
        return len(rows)

    with writing(file, schema, **INCOMPRESSIBLE) as writer:
        while written := write_group():
            count += written
        if not count:
            raise TableError(f"{file}: there is no image to write")
        add_metadata(writer, "images", digest.hexdigest(), {"class_names": list(class_names)})
    return count


def read_images(file: Path) -> ImageTable:
    """Open an image table. Raises `TableError` if it is missing, damaged or another kind of table."""
    metadata = read_metadata(file, "images")
    with opened(file) as table, understanding(file):
        columns = table.read(["image.path", "label", "width", "height"])
        names = tuple(str(name) for name in metadata["class_names"])
        most, labels = len(names) or _MOST_CLASSES, numbers(columns, "label", np.int64, empty=-1)
        if labels.min(initial=-1) < -1 or labels.max(initial=-1) >= most:
            raise ValueError(
                f"it has labels from {labels.min()} to {labels.max()} and {len(names)} names of classes"
            )
        paths = tuple(str(row["path"]) for row in columns["image"].to_pylist())
        sizes = np.column_stack([numbers(columns, side, np.int32) for side in ("width", "height")])
    return ImageTable(file, metadata["images"], paths, labels.astype(np.int32), names, sizes)


def _schema(class_names: Sequence[str]) -> pa.Schema:
    label: dict[str, Any] = {"names": list(class_names), "_type": "ClassLabel"}
    features = {
        "image_id": {"dtype": "int64", "_type": "Value"},
        "image": {"_type": "Image"},
        "label": label if class_names else {"dtype": "int64", "_type": "Value"},
        "width": {"dtype": "int32", "_type": "Value"},
        "height": {"dtype": "int32", "_type": "Value"},
    }
    return pa.schema(
        [
            ("image_id", pa.int64()),
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            ("label", pa.int64()),  # what `ClassLabel` is stored as; int32 would lose the names
            ("width", pa.int32()),
            ("height", pa.int32()),
        ],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
