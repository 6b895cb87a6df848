"""Which cluster every image is in, whatever kind of file says so, and how many images are chosen."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.core.errors import ParameterError, TableError
from stages.tables import ImageTable, Partitions, check_same_images, read_partitions


@dataclass(frozen=True)
class Clusters:
    """`labels`, int32 (n), -1 for an image in no cluster; `confidence`, float64 (n), None where not known."""

    labels: np.ndarray
    confidence: np.ndarray | None


def find_clusters(images: ImageTable, folder: Path, method: str) -> Clusters:
    """Return the clusters of a method, checked to be of these images, from a dataset's `folder` of partitions.

    `method` is "ensemble", "cut-K", or the path of a table of partitions, with the name of one of its runs behind.
    Raises `TableError` where nothing was computed yet, and `ParameterError` for a method that does not exist.
    """
    if method == "ensemble" or method.startswith("cut-"):
        file = folder / ("assignments.csv" if method == "ensemble" else f"{method}.csv")
        if file.parent == folder and file.is_file():
            return read_clusters(file, images.paths)
        if method != "ensemble":
            command = f"manyviews cut {method.removeprefix('cut-')} --dataset {folder.name}"
            raise TableError(f"{file} does not exist; make it by `{command}`")
        raise TableError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it")
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


def sum_up(labels: np.ndarray, rows: np.ndarray, method: str) -> str:
    """Say how many of the images in clusters by `labels`, int (n), -1 for none, are among the `rows`, int (m)."""
    chosen = labels[rows]
    inside = chosen[chosen >= 0]
    parts = [f"{counted(len(inside), 'image')} in {counted(len(np.unique(inside)), 'cluster')} of {method}"]
    if outside := len(chosen) - len(inside):
        parts.append(f"{outside} in none")
    if left_out := len(labels) - len(rows):
        parts.append(f"{left_out} left out")
    return ", ".join(parts)


def counted(number: int, noun: str) -> str:
    """A number of things: "1 image", "2 images"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


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


def choose_rows(clusters: Clusters, numbers: Sequence[int] = (), least_confidence: float = 0) -> np.ndarray:
    """The rows, int (m), of the images in the clusters `numbers` (none: in any) of at least this confidence.

    Raises `ParameterError` for a number that no cluster has, and when no image is left.
    """
    present = np.unique(clusters.labels)
    for number in numbers:
        if number not in present:
            raise ParameterError(f"--cluster is {number}; there are the clusters {_spans(present)}")
    chosen = np.isin(clusters.labels, numbers or present)
    if clusters.confidence is not None:
        enough = clusters.confidence >= least_confidence
        if not (chosen & enough).any():
            most = clusters.confidence[chosen].max()
            raise ParameterError(
                f"no image has a confidence of {least_confidence:g}, the highest is {most:.2f}; "
                "lower --least-confidence"
            )
        chosen &= enough
    return np.flatnonzero(chosen)


def _spans(numbers: np.ndarray) -> str:
    """Sorted whole numbers as text, neighbours drawn together: "0 to 9"."""
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    return ", ".join(f"{span[0]} to {span[-1]}" if len(span) > 1 else f"{span[0]}" for span in runs)
