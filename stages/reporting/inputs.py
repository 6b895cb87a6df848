"""The small CSV and JSON results that the report shows, read and checked.

Every fault is a `TableError` of one line that names the file and what to do. Paths of images are kept as they are:
nothing is stripped, and "NA" is a file name.
"""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import TableError
from stages.reporting.counts import Answer, Counts
from stages.reporting.scoretable import Values
from stages.tables import Partitions
from stages.tables.methods import MethodName


@dataclass(frozen=True)
class Assignments:
    """The final clusters int64 (n) and confidences float64 (n) in 0 to 1, nan where the file has none."""

    clusters: np.ndarray
    confidence: np.ndarray


@dataclass(frozen=True)
class Rejected:
    """An image that was left out, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Agreement:
    """How alike the views cluster: `values` float64 (v, v), NMI with the geometric mean, for the `views` (v)."""

    views: tuple[str, ...]
    values: np.ndarray


@dataclass(frozen=True)
class Result:
    """The `method` whose clusters are the result, whether it was `chosen` without labels, and each one's
    modularity."""

    method: str
    chosen: bool
    modularity: Mapping[str, float]


@dataclass(frozen=True)
class Scores:
    """Scores by method and metric (None: not defined): of all views together, and of single views.

    `images`, `labelled` and `clusters` say on how many of what they were computed.
    """

    images: int
    labelled: int
    clusters: int
    joint: Mapping[str, Values]
    single: Mapping[str, Values]


def read_assignments(file: Path, paths: Sequence[str]) -> Assignments:
    """Read path,cluster,confidence, whose paths must be the image table's (n), in its order."""
    rows = list(rows_of(file, "path", "cluster", "confidence"))
    if tuple(path for path, _, _ in rows) != tuple(paths):
        raise TableError(f"{file} lists other images than the image table; run `dvc repro` to make it again")
    try:
        clusters = np.array([int(cluster) for _, cluster, _ in rows], dtype=np.int64)
        confidence = np.array([float(value or "nan") for _, _, value in rows])
    except ValueError as error:
        raise damaged(file, str(error)) from None
    return Assignments(clusters, confidence)


def read_rejected(file: Path) -> list[Rejected]:
    """Read path,reason of the images that were left out."""
    return [Rejected(path, reason) for path, reason in rows_of(file, "path", "reason")]


def read_agreement(file: Path) -> Agreement:
    """Read view_a,view_b,nmi_geometric, which must hold every pair of views; they keep the file's order."""
    pairs: dict[tuple[str, str], float] = {}
    for first, second, value in rows_of(file, "view_a", "view_b", "nmi_geometric"):
        try:
            pairs[first, second] = float(value)
        except ValueError as error:
            raise damaged(file, str(error)) from None
    views = tuple(dict.fromkeys(first for first, _ in pairs))
    try:
        values = np.array([[pairs[first, second] for second in views] for first in views])
    except KeyError as error:
        raise damaged(file, f"the pair {' and '.join(error.args[0])} is missing") from None
    return Agreement(views, values)


def read_counts(file: Path) -> Counts:
    """Read clusters,modularity,lifetime,silhouette; an empty field is a value that is not defined."""
    rows = list(rows_of(file, "clusters", "modularity", "lifetime", "silhouette"))
    try:
        clusters = np.array([int(row[0]) for row in rows], dtype=np.int64)
        curves = np.array([[float(value or "nan") for value in row[1:]] for row in rows]).reshape(-1, 3)
    except ValueError as error:
        raise damaged(file, str(error)) from None
    return Counts(clusters, *curves.T)


def read_answer(file: Path) -> Answer:
    """Read n_clusters.json, the ensemble's answer to how many clusters there are."""
    try:
        content = json.loads(text_of(file))
        least, most = map(int, content["plausible"])
        coarser, finer = (None if content[name] is None else int(content[name]) for name in ("coarser", "finer"))
        used, found = int(content["n_clusters"]), int(content["found"])
        return Answer(used, found, bool(content["clear"]), (least, most), coarser, finer)
    except KeyError as error:
        raise damaged(file, f"{error} is missing") from None
    except (ValueError, TypeError, OverflowError) as error:
        raise damaged(file, str(error)) from None


def read_result(file: Path) -> Result:
    """Read result.json: which method's clusters the page shows, and the modularity of those it was chosen from."""
    try:
        content = json.loads(text_of(file))
        scores = {str(name): float(value) for name, value in content["modularity"].items()}
        method = str(content["method"])
        if method not in scores:
            raise damaged(file, f"the modularity of {method!r} is missing")
        return Result(method, content["chosen"] == "auto", scores)
    except KeyError as error:
        raise damaged(file, f"{error} is missing") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise damaged(file, str(error)) from None


def read_scores(file: Path) -> Scores:
    """Read scores.json: "dataset" and "ensemble" map metrics to values, "train" and "baseline" do so by method.

    Of the trained methods, those called OBJECTIVE/views/BACKBONE are of single views.
    """
    try:
        content = json.loads(text_of(file))
        counts = content["dataset"]
        plain = {name: _values(values) for name, values in sorted(content.get("baseline", {}).items())}
        trained = {name: _values(values) for name, values in content.get("train", {}).items()}
        networks = {name: values for name, values in trained.items() if MethodName.parse(name).on_one_view}
        return Scores(
            images=int(counts["images"]),
            labelled=int(counts.get("labelled", 0)),
            clusters=int(counts["clusters"]),
            joint={
                "ensemble": _values(content["ensemble"]),
                **{name: values for name, values in trained.items() if name not in networks},
            },
            single=plain | networks,
        )
    except KeyError as error:
        raise damaged(file, f"{error} is missing") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise damaged(file, str(error)) from None


def _values(metrics: Mapping[str, Any]) -> Values:
    """Keep the metrics that are numbers; one that is not defined (null or NaN) becomes None."""
    return {
        name: None if value is None or math.isnan(value) else float(value)
        for name, value in metrics.items()
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    }


def run_settings(table: Partitions) -> dict[str, Any]:
    """The settings of a table's runs: what all of them share once, and each run's own under its name."""
    runs = {name: described(settings) for name, settings in table.settings.items()}
    first, *others = runs.values()
    shared = {name: value for name, value in first.items() if all(run.get(name) == value for run in others)}
    own = {name: {key: value for key, value in run.items() if key not in shared} for name, run in runs.items()}
    return shared | {name: settings for name, settings in own.items() if settings}


def described(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """How features or clusters were made, without what only identifies a table."""
    return {
        name: value
        for name, value in metadata.items()
        if name not in ("kind", "images", "embedding", "partition_weights")
    }


def rows_of(file: Path, *columns: str) -> Iterator[tuple[str, ...]]:
    """Yield the named columns of a CSV file (RFC 4180) as text."""
    # newline="": a carriage return within a file name stays one.
    reader = csv.reader(io.StringIO(text_of(file), newline=""), strict=True)
    try:
        header = next(reader, [])
        if missing := [column for column in columns if column not in header]:
            raise damaged(file, f"column {missing[0]!r} is missing")
        places = [header.index(column) for column in columns]
        for row in reader:
            if len(row) != len(header):
                raise damaged(file, f"line {reader.line_num} has {len(row)} of {len(header)} fields")
            yield tuple(row[place] for place in places)
    except csv.Error as error:
        raise damaged(file, f"line {reader.line_num}: {error}") from None


def text_of(file: Path) -> str:
    """The text of a file in UTF-8."""
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise TableError(f"{file} does not exist; run `dvc repro` to make it or `dvc pull` to fetch it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise damaged(file, str(error)) from None


def damaged(file: Path, reason: str) -> TableError:
    """The error to raise for a file that is not what its stage writes."""
    return TableError(f"{file} cannot be used ({reason}); delete it and run `dvc repro`")
