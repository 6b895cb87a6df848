"""Clusters as one Parquet table of points and pictures, for viewers of more images than a page can hold.

Embedding Atlas and Hugging Face `datasets` open it.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.errors import TableError
from stages.exporting.documents import DECIMALS, Wanted
from stages.tables import IMAGE_ROWS, ImageTable, class_names
from stages.tables.parquet import INCOMPRESSIBLE
from stages.tables.textfiles import rows_of, understanding

_NEAREST = 5  # images on a map, between which one that is not on it is placed


class Map(NamedTuple):
    """A map of some images: their `rows`, int64 (m), ascending, and `points`, float64 (m, 2)."""

    rows: np.ndarray
    points: np.ndarray


def read_map(file: Path, title: str, images: ImageTable, labels: np.ndarray) -> Map:
    """Read the map called `title` from a report's table of maps.

    Raises `TableError` where it is not of these images in the clusters `labels`, int (n), or does not exist.
    """
    places = {path: row for row, path in enumerate(images.paths)}
    found = [line for line in rows_of(file, "map", "path", "cluster", "x", "y") if line[0] == title]
    with understanding(file):
        rows = np.array([places.get(path, -1) for _, path, *_ in found], dtype=np.int64)
        clusters = np.array([int(cluster) for _, _, cluster, *_ in found], dtype=np.int64)
        points = np.array([(float(x), float(y)) for *_, x, y in found]).reshape(-1, 2)
    if not len(rows) or (rows < 0).any() or (labels[rows] != clusters).any():
        raise TableError(f"{file} maps other images or clusters than these; run `dvc repro` to make it again")
    return Map(rows, points)


def spread(on_map: Map, vectors: np.ndarray) -> np.ndarray:
    """Give every image a point, float64 (n, 2), from its vector, float32 (n, d), that the map was made of.

    Images on the map keep their points. Any other is placed between the five there that are most similar, by the
    angle, the more similar the nearer; one that equals some of them, on these.
    """
    from sklearn.neighbors import KNeighborsRegressor

    points = np.empty((len(vectors), 2))
    points[on_map.rows] = on_map.points
    others = np.setdiff1d(np.arange(len(vectors)), on_map.rows)
    if len(others):
        nearest = KNeighborsRegressor(
            min(_NEAREST, len(on_map.rows)), weights="distance", metric="cosine", algorithm="brute"
        )
        points[others] = nearest.fit(vectors[on_map.rows], on_map.points).predict(vectors[others])
    return points


def write_points(
    file: Path,
    wanted: Wanted,
    points: np.ndarray,
    names: Mapping[int, str],
    files: Mapping[int, str],
    pictures: Iterator[bytes],
) -> None:
    """Write a row for each wanted image: picture, path, file, x, y, group, name, confidence and label if known.

    `points` float64 (n, 2) are those of all images, `names` by cluster, `files` by row, where an image is one;
    `pictures` are encoded, one a row. They are what `datasets` shows as an `Image`, labels as a `ClassLabel`.
    """
    images, clusters = wanted.images, wanted.clusters
    columns: dict[str, tuple[pa.DataType, dict[str, Any]]] = {
        "image": (pa.struct([("bytes", pa.binary()), ("path", pa.string())]), {"_type": "Image"}),
        **{name: (pa.string(), _value("string")) for name in ("path", "file")},
        **{name: (pa.float64(), _value("float64")) for name in ("x", "y")},
        "group": (pa.int32(), _value("int32")),
        "name": (pa.string(), _value("string")),
    }
    if clusters.confidence is not None:
        columns["confidence"] = pa.float64(), _value("float64")
    if called := class_names(images):
        columns["label"] = pa.int64(), {"names": list(called), "_type": "ClassLabel"}
    features = {name: feature for name, (_, feature) in columns.items()}
    schema = pa.schema(
        [(name, kind) for name, (kind, _) in columns.items()],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )

    def row_of(row: int) -> dict[str, Any]:
        group, label = int(clusters.labels[row]), int(images.labels[row])
        return {
            "image": {"bytes": next(pictures), "path": None},
            "path": images.paths[row],
            "file": files.get(row),
            "x": points[row, 0],
            "y": points[row, 1],
            "group": group,
            "name": names.get(group, ""),
            "confidence": None if clusters.confidence is None else round(clusters.confidence[row], DECIMALS),
            "label": label if label >= 0 else None,
        }

    with pq.ParquetWriter(file, schema, **INCOMPRESSIBLE) as writer:
        for start in range(0, len(wanted.rows), IMAGE_ROWS):
            rows = wanted.rows[start : start + IMAGE_ROWS].tolist()
            writer.write_table(pa.Table.from_pylist([row_of(row) for row in rows], schema=schema))


def _value(kind: str) -> dict[str, Any]:
    return {"dtype": kind, "_type": "Value"}
