"""The scores of all partitions of one dataset, in the form of the tables that `evaluate` writes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stages.core.csvtext import csv_text
from stages.scoring.scores import DIGITS, external_scores, standard_error, view_agreement
from stages.scoring.silhouettes import silhouettes
from stages.tables.methods import MethodName, parse_scored

Row = dict[str, Any]
_SUMMARISED = ("nmi_geometric", "accuracy", "silhouette", "modularity")
_SUMMARY_DIGITS = 4  # decimals kept: fewer than chance leaves alone, more than a table needs
_NMI = ("nmi_geometric", "nmi_arithmetic")
COUNTS = ("n_clusters", "largest_cluster", "smallest_cluster")  # of which none is the best


def score_partitions(
    classes: np.ndarray, features: Sequence[np.ndarray], partitions: Sequence[np.ndarray]
) -> list[Row]:
    """Score the `partitions`, int (n) each: by the true `classes`, int (n), -1 for none, and by the `features`.

    `features` are those of the views, float32 (n, d_v). Scores that are not defined are left out.
    """
    known, rows = classes >= 0, []
    for labels, silhouette in zip(partitions, silhouettes(features, partitions), strict=True):
        scores: Row = dict(external_scores(classes[known], labels[known])) if known.any() else {}
        if silhouette is not None:
            scores["silhouette"] = silhouette
        sizes = np.unique(labels, return_counts=True)[1].tolist()
        scores |= {"n_clusters": len(sizes), "largest_cluster": max(sizes), "smallest_cluster": min(sizes)}
        rows.append({name: round(score, DIGITS) for name, score in scores.items()})
    return rows


def mean_by_method(runs: Iterable[Row]) -> dict[str, Row]:
    """Average the scores of the `runs` of each "method"; those that one of its runs lacks are left out."""
    by_method: dict[str, list[Row]] = defaultdict(list)
    for run in runs:
        by_method[run["method"]].append(run)
    return {
        method: {
            name: round(float(np.mean([scores[name] for scores in group])), DIGITS)
            for name in group[0]
            if name not in ("method", "multiple", "run") and all(name in scores for scores in group)
        }
        for method, group in by_method.items()
    }


def spread_over_seeds(runs: Sequence[Row]) -> Row:
    """Summarise the scores of a method's `runs`, at least two, which differ in their seed alone.

    Each name has the mean; "seeds" is how many there are. Each score, but no count, has the `standard_error` as
    "NAME_ste", and the largest of its values as "NAME_best".
    """
    (mean,) = mean_by_method({**run, "method": ""} for run in runs).values()
    spread: Row = {"seeds": len(runs)}
    for name in (name for name in mean if name not in COUNTS):
        values = [run[name] for run in runs]
        spread |= {f"{name}_ste": round(standard_error(values), DIGITS), f"{name}_best": max(values)}
    return mean | spread


def nested(facts: Mapping[str, Any], result: Mapping[str, Row], methods: Mapping[str, Row]) -> dict[str, Any]:
    """The content of scores.json: facts of the dataset, the result, then each method, those of a kind together.

    `result` has the "result", its scores and the name of the "method" that made it, and, where it was corrected by
    hand, the scores before as "uncorrected".
    """
    others: dict[str, Any] = {}
    trained: dict[str, Any] = {}
    plain: dict[str, Any] = {}
    for text, scores in methods.items():
        name = parse_scored(text)
        kind = others if name is None else trained if isinstance(name, MethodName) else plain
        kind[str(name or text)] = scores
    return {"dataset": dict(facts), **result, **others, "train": trained, "baseline": plain}


def summary(scores: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the content of summary.json from that of scores.json, as `nested` gives it.

    "images" and "clusters" are counts; each method that sees all views, or the images themselves, has its
    geometric NMI and accuracy, 0 to 1, where images have labels, its modularity, and the silhouette, -1 to 1,
    where there is more than one cluster. Of a method with several seeds these are means, and each has its standard
    error and the best of the seeds beside it.
    """
    joint = {name: values for name, values in scores["train"].items() if not MethodName.parse(name).on_one_view}
    results = {name: scores[name] for name in ("result", "uncorrected", "ensemble") if name in scores}
    facts = {name: scores["dataset"][name] for name in ("images", "clusters")}
    return facts | {
        method: {
            name: round(values[name], _SUMMARY_DIGITS)
            for score in _SUMMARISED
            for name in (score, f"{score}_ste", f"{score}_best")
            if name in values
        }
        for method, values in (results | joint).items()
    }


def nmi_csv(methods: Mapping[str, Row], labelled: int) -> str:
    """The NMI of every method as CSV, on `labelled` images; without labels the header alone."""
    rows = (
        [name, *(scores[key] for key in _NMI), labelled, scores["n_clusters"]]
        for name, scores in methods.items()
        if labelled
    )
    return csv_text(["method", *_NMI, "labelled_images", "n_clusters"], rows)


def size_rows(clusters: np.ndarray, confidence: np.ndarray) -> list[Row]:
    """The images of each cluster, `clusters` int (n), and the mean of their `confidence`, float64 (n).

    A number that no image has, which a network may leave, has no row, nor have images in no cluster, -1.
    """
    clusters, confidence = clusters[clusters >= 0], confidence[clusters >= 0]
    numbers, place, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    means = np.bincount(place, weights=confidence) / sizes
    return [
        {"cluster": int(number), "images": int(size), "confidence": round(float(mean), DIGITS)}
        for number, size, mean in zip(numbers, sizes, means, strict=True)
    ]


def count_rows(curves: pd.DataFrame, cuts: Mapping[str, np.ndarray], features: Sequence[np.ndarray]) -> list[Row]:
    """The `curves` by number of "clusters", and beside them the silhouette of its cut among the `cuts`, int
    (n)."""
    partitions = [cuts[f"cut-{count}"] for count in curves["clusters"]]
    counts = curves.copy()
    values = silhouettes(features, partitions)
    counts["silhouette"] = [None if value is None else round(value, DIGITS) for value in values]
    counts["images"] = len(features[0])
    return [{str(name): value for name, value in row.items()} for row in counts.to_dict("records")]


def agreement_rows(views: Mapping[str, Sequence[np.ndarray]], n_images: int) -> list[Row]:
    """The agreement of every pair of views, each given by its partitions, int (n)."""
    agreement = view_agreement(list(views.values())).round(DIGITS)
    return [
        {"view_a": one, "view_b": other, "nmi_geometric": agreement[a, b], "images": n_images}
        for a, one in enumerate(views)
        for b, other in enumerate(views)
    ]
