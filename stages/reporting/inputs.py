"""The small CSV and JSON results that only the report reads, checked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.reporting.counts import Answer, Counts
from stages.reporting.scoretable import Values
from stages.tables import Partitions
from stages.tables.methods import MethodName
from stages.tables.textfiles import damaged, json_of, rows_of, understanding


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

    `images`, `labelled` and `clusters` say on how many of what they were computed. `corrected` are those of the
    result before and after corrections by hand, None without any. `result` are those of the clusters that the
    method of the result has in its own table; they are not the method's where these are means over seeds.
    """

    images: int
    labelled: int
    clusters: int
    joint: Mapping[str, Values]
    single: Mapping[str, Values]
    result: Values
    corrected: tuple[Values, Values] | None = None


def read_rejected(file: Path) -> list[Rejected]:
    """Read path,reason of the images that were left out."""
    return [Rejected(path, reason) for path, reason in rows_of(file, "path", "reason")]


def read_agreement(file: Path) -> Agreement:
    """Read view_a,view_b,nmi_geometric, which must hold every pair of views; they keep the file's order."""
    with understanding(file):
        rows = rows_of(file, "view_a", "view_b", "nmi_geometric")
        pairs = {(first, second): float(value) for first, second, value in rows}
    views = tuple(dict.fromkeys(first for first, _ in pairs))
    try:
        values = np.array([[pairs[first, second] for second in views] for first in views])
    except KeyError as error:
        raise damaged(file, f"the pair {' and '.join(error.args[0])} is missing") from None
    return Agreement(views, values)


def read_counts(file: Path) -> Counts:
    """Read clusters,modularity,lifetime,silhouette; an empty field is a value that is not defined."""
    rows = list(rows_of(file, "clusters", "modularity", "lifetime", "silhouette"))
    with understanding(file):
        clusters = np.array([int(row[0]) for row in rows], dtype=np.int64)
        curves = np.array([[float(value or "nan") for value in row[1:]] for row in rows]).reshape(-1, 3)
    return Counts(clusters, *curves.T)


def read_answer(file: Path) -> Answer:
    """Read n_clusters.json, the ensemble's answer to how many clusters there are."""
    with understanding(file):
        content = json_of(file)
        least, most = map(int, content["plausible"])
        coarser, finer = (None if content[name] is None else int(content[name]) for name in ("coarser", "finer"))
        used, found = int(content["n_clusters"]), int(content["found"])
        return Answer(used, found, bool(content["clear"]), (least, most), coarser, finer)


def read_scores(file: Path) -> Scores:
    """Read scores.json: "dataset" and "ensemble" map metrics to values, "train" and "baseline" do so by method.

    Of the trained methods, those called OBJECTIVE/views/BACKBONE are of single views.
    """
    with understanding(file):
        content = json_of(file)
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
            result=_values(content.get("uncorrected", content["result"])),
            corrected=(
                (_values(content["uncorrected"]), _values(content["result"])) if "uncorrected" in content else None
            ),
        )


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
        if name not in ("kind", "images", "embedding", "curve", "partition_weights")
    }
