"""Which cluster every image is in, whatever kind of file says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.core.errors import ParameterError, TableError
from stages.tables.images import ImageTable
from stages.tables.parquet import check_same_images
from stages.tables.partitions import Partitions, read_partitions
from stages.tables.textfiles import rows_of, understanding

RESULT = "result"  # the method whose clusters report, export and assign take, whichever it is


@dataclass(frozen=True)
class Clusters:
    """`labels`, int32 (n), -1 for an image in no cluster; `confidence`, float64 (n), None where not known."""

    labels: np.ndarray
    confidence: np.ndarray | None


def find_clusters(images: ImageTable, folder: Path, method: str) -> Clusters:
    """Return the clusters of a method, checked to be of these images, from a dataset's `folder` of partitions.

    `method` is "cut-K", or the path of a table of partitions, with the name of one of its runs behind. Raises
    `TableError` where nothing was computed yet, and `ParameterError` for a method that does not exist.
    """
    if method.startswith("cut-"):
        file = folder / f"{method}.csv"
        if file.parent == folder and file.is_file():
            return Clusters(labels_of(file, images.paths, list(rows_of(file, "path", "cluster"))), None)
        command = f"manyviews cut {method.removeprefix('cut-')} --dataset {folder.name}"
        raise TableError(f"{file} does not exist; make it by `{command}`")
    parts = method.split("/")
    for end in range(len(parts), 0, -1):
        file = folder / f"{'/'.join(parts[:end])}.parquet"
        if ".." not in parts and file.is_file():
            table = read_partitions(file)
            check_same_images(images, table)
            return partition_clusters(table, "/".join(parts[end:]))
    files = [file for file in folder.rglob("*.parquet") if file != folder / "dendrogram.parquet"]
    there = sorted(file.relative_to(folder).with_suffix("").as_posix() for file in files)
    if not there:
        raise TableError(f"{folder} holds no clusters; run `dvc repro` to make them or `dvc pull` to fetch them")
    raise ParameterError(f"no method is called {method!r}; {folder} has {', '.join(there)}")


def labels_of(file: Path, paths: Sequence[str], rows: Sequence[tuple[str, ...]]) -> np.ndarray:
    """The clusters, int32 (n), of rows that begin with path and cluster and must be those of the `paths` (n)."""
    if [path for path, *_ in rows] != list(paths):
        raise TableError(f"{file} lists other images than the image table; run `dvc repro` to make it again")
    with understanding(file):
        return np.array([int(cluster) for _, cluster, *_ in rows], dtype=np.int32)


def partition_clusters(table: Partitions, run: str) -> Clusters:
    """Take the clusters of a `run` from a table of partitions; "" is the only one.

    Raises `ParameterError` that names the runs there are.
    """
    if not run and len(table.labels) == 1:
        (run,) = table.labels
    if run not in table.labels:
        names = list(table.labels)
        some = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        asked = f"no run {run!r}" if run else f"{len(names)} runs"
        raise ParameterError(f"{table.file} holds {asked}; name one after the method and a '/': {some}")
    return Clusters(table.labels[run], None)
