"""Which cluster every image is in, whatever kind of file says so."""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.core.errors import ParameterError, TableError
from stages.tables.images import ImageTable
from stages.tables.parquet import check_same_images
from stages.tables.partitions import Partitions, read_partitions

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
            return read_clusters(file, images.paths)
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


def read_result(folder: Path, images: ImageTable) -> Clusters:
    """Read the clusters of a run's result from its `folder`, checked to be of these images."""
    file = folder / "assignments.csv"
    try:
        return read_clusters(file, images.paths)
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it") from None


def read_method(folder: Path) -> str:
    """Read the name of the method whose clusters are a run's result, from the result's `folder`."""
    file = folder / "result.json"
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["method"])
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it") from None
    except (ValueError, KeyError, TypeError):
        raise TableError(f"{file} names no method; delete it and run `dvc repro`") from None


def read_clusters(file: Path, paths: Sequence[str]) -> Clusters:
    """Read a CSV table with the columns path, cluster and perhaps confidence; its rows must be the `paths` (n).

    Raises `TableError` for a table that is damaged or of other images; a missing file is an OSError.
    """
    try:
        with file.open(encoding="utf-8", newline="") as stream:  # a carriage return in a name stays one
            rows = list(csv.DictReader(stream, strict=True))
        found = [row["path"] for row in rows]
        labels = np.array([int(row["cluster"]) for row in rows], dtype=np.int32)
        known = bool(rows) and "confidence" in rows[0]
        confidence = np.array([_confidence(row["confidence"]) for row in rows]) if known else None
    except (csv.Error, KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"the column {error} is missing" if isinstance(error, KeyError) else str(error)
        raise TableError(f"{file} cannot be used ({reason}); delete it and run `dvc repro`") from None
    if found != list(paths):
        raise TableError(f"{file} lists other images than the image table; run `dvc repro` to make it again")
    return Clusters(labels, confidence)


def _confidence(text: str) -> float:
    """A confidence as a number. One that is none compares with nothing: its image would be neither in nor out."""
    if not math.isfinite(value := float(text)):
        raise ValueError(f"a confidence is {text!r}")
    return value


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
