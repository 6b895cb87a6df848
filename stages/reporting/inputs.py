"""The small CSV and JSON results that the report shows, read and checked.

Every fault is a `TableError` of one line that names the file. Paths of images are kept as they are: nothing is
stripped, and "NA" is a file name.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import TableError
from stages.reporting.counts import Counts
from stages.reporting.csvrows import damaged, rows_of, text_of
from stages.reporting.scoretable import Values
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
        raise TableError(f"{file} lists other images than the image table; run `dvc repro` to make it anew")
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
    """Read clusters,lifetime,stability,silhouette; an empty field is a value that is not defined."""
    rows = list(rows_of(file, "clusters", "lifetime", "stability", "silhouette"))
    try:
        clusters = np.array([int(row[0]) for row in rows], dtype=np.int64)
        curves = np.array([[float(value or "nan") for value in row[1:]] for row in rows]).reshape(-1, 3)
    except ValueError as error:
        raise damaged(file, str(error)) from None
    return Counts(clusters, *curves.T)


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
