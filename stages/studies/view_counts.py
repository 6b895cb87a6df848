"""How many views it takes: the consensus of subsets of the views, by their number.

Guerin et al. (Neurocomputing 2021) combine all subsets of ten networks, and give mean and deviation by size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.checks import check_number
from stages.core.csvtext import csv_text
from stages.core.engine import MapTasks, map_here
from stages.core.seeds import evenly_spaced
from stages.scoring.scores import view_agreement
from stages.studies.bars import Bar, bar_chart
from stages.studies.sections import MOST, Study, SubsetsSection, render_figure
from stages.tables import BasePartitions, ImageTable, read_base_partitions

_SUBSETS, _SIZES = "size views images clusters score value", "views subsets mean deviation least most"


@dataclass(frozen=True)
class ViewCounts(Study):
    """The study and how many `subsets` of the views it combined."""

    subsets: int


@dataclass(frozen=True)
class SizeScore:
    """Scores of the subsets of one size: their `count`, mean, standard deviation (dividing by it), and range."""

    size: int
    count: int
    mean: float
    deviation: float
    least: float
    most: float


def view_counts(
    images: ImageTable,
    partitions: Path,
    settings: dict[str, Any],
    most: int,
    seed: int,
    dataset: str,
    map_tasks: MapTasks = map_here,
) -> ViewCounts:
    """Combine subsets of the views as the ensemble does, by its `settings`, at most `most` of each size.

    With labels a subset's score is the geometric NMI with them, without labels that with the consensus of all. A
    subset in which an image has no label from any partition has no score. The tables are view_subsets.csv and, by
    size, view_counts.csv, with a figure.
    """
    rows = evenly_spaced(len(images), MOST)
    combine = _Combine(read_base_partitions(images, partitions, settings), rows, settings)
    n_views = len(settings["backbones"])
    known = images.labels[rows] >= 0
    if known.any():
        truth, score = images.labels[rows][known], "NMI (geometric) with the labels"
    else:
        truth, score = combine.labels(tuple(range(n_views))), "NMI (geometric) with the consensus of all views"
        known = ~known
    subsets = view_subsets(n_views, most, seed)
    values = list(map_tasks(_score, subsets, combine, truth, known))
    sizes = scores_by_size(subsets, values)
    bars = [Bar(str(s.size), "", s.mean, s.deviation, s.count) for s in sizes]
    spread = "standard deviation over the subsets of one size"
    chart = bar_chart("Consensus by number of views", "number of views", "NMI (geometric, 0 to 1)", spread, bars)
    subset_rows = [
        (
            len(subset),
            "+".join(settings["backbones"][view] for view in subset),
            len(rows),
            combine.clusters,
            score,
            "" if math.isnan(value) else value,
        )
        for subset, value in zip(subsets, values, strict=True)
    ]
    sampled = len(subsets) < 2**n_views - 1
    unscored = sum(map(math.isnan, values))
    sentence = _sentence(sizes, score, n_views, unscored, sampled)
    section = SubsetsSection(dataset, len(rows), combine.clusters, chart, sentence, sampled, unscored)
    size_rows = (
        (s.size, s.count, *(f"{value:.6f}" for value in (s.mean, s.deviation, s.least, s.most))) for s in sizes
    )
    files: dict[str, str | bytes] = {
        "view_subsets.csv": csv_text(_SUBSETS.split(), subset_rows),
        "view_counts.csv": csv_text(_SIZES.split(), size_rows),
        "view_counts.svg": render_figure(chart),
    }
    return ViewCounts(files, section, len(subsets))


class _Combine:
    """The ensemble's consensus of some of the views, on some `rows` of the images."""

    def __init__(self, base: BasePartitions, rows: np.ndarray, settings: dict[str, Any]) -> None:
        self.base = base
        self.partitions = base.partitions[rows]
        self.clusters = min(settings["n_clusters"], len(rows))
        self.linkage, self.min_cluster_fraction = settings["linkage"], settings["min_cluster_fraction"]

    def possible(self, subset: tuple[int, ...]) -> bool:
        """Whether every image has a label from one of these views' partitions; of all views, it has."""
        return bool((self.partitions[:, np.isin(self.base.views, subset)] >= 0).any(axis=1).all())

    def labels(self, subset: tuple[int, ...]) -> np.ndarray:
        """The consensus, int32 (rows)."""
        from stages.consensus import CoassociationClustering

        taken = np.isin(self.base.views, subset)
        weights = self.base.weights[taken]
        fit = CoassociationClustering(self.clusters, self.linkage, weights, self.min_cluster_fraction)
        labels: np.ndarray = fit.fit(self.partitions[:, taken]).labels_
        return labels


def _score(combine: _Combine, truth: np.ndarray, known: np.ndarray, subset: tuple[int, ...]) -> float:
    """How far a subset's consensus agrees with the `truth` about the `known` images; nan without a consensus."""
    if not combine.possible(subset):
        return math.nan
    return round(float(view_agreement([[truth], [combine.labels(subset)[known]]])[0, 1]), 6)


def _sentence(sizes: list[SizeScore], score: str, n_views: int, unscored: int, sampled: bool) -> str:
    """Say what the number of views brings; of the `sizes` with a score, the last one is that of all views."""
    first, last = sizes[0], sizes[-1]
    if n_views == 1:
        return f"There is one view only: {score} {last.mean:.3f}."
    if first is last:
        drawn = "Of the subsets drawn, only" if sampled else "Only"
        sentence = f"{drawn} all {n_views} views together label every image: {score} {last.mean:.3f}."
    else:
        sentence = _change(sizes, score)
    if not unscored:
        return sentence
    without = (
        "1 subset has no score, as it leaves"
        if unscored == 1
        else f"{unscored} subsets have no score, as they leave"
    )
    return f"{sentence} {without} images without a label."


def _change(sizes: list[SizeScore], score: str) -> str:
    first, last = sizes[0], sizes[-1]
    best = max(sizes, key=lambda size: size.mean)
    sentence = (
        f"From {first.size} to {last.size} views the {score} changes from {first.mean:.3f} ± "
        f"{first.deviation:.3f} to {last.mean:.3f}"
    )
    highest = (
        ""
        if best is last
        else f"; the highest mean, {best.mean:.3f} ± {best.deviation:.3f}, is that of {best.size}"
    )
    most = max(size.most for size in sizes)
    lucky = f"; the best subset has {most:.3f}" if most > last.mean else ""
    return f"{sentence}{highest}{lucky}."


def view_subsets(n_views: int, most: int, seed: int) -> list[tuple[int, ...]]:
    """Return subsets of the views 0 to `n_views` - 1, each in ascending order, smaller ones first.

    Of every size all subsets, or `most` different ones drawn at random where there are more.
    """
    check_number("n_views", n_views, least=1, whole=True)
    check_number("most", most, least=1, whole=True)
    rng = np.random.default_rng(seed)
    chosen: list[tuple[int, ...]] = []
    for size in range(1, n_views + 1):
        if math.comb(n_views, size) <= most:
            chosen += combinations(range(n_views), size)
            continue
        drawn: set[tuple[int, ...]] = set()
        while len(drawn) < most:
            drawn.add(tuple(sorted(rng.choice(n_views, size, replace=False).tolist())))
        chosen += sorted(drawn)
    return chosen


def scores_by_size(subsets: Sequence[tuple[int, ...]], scores: Sequence[float]) -> list[SizeScore]:
    """Summarise a score of every subset by the number of views; nan for a subset without a score is left out."""
    found = []
    for size in sorted({len(subset) for subset in subsets}):
        values = np.array([score for subset, score in zip(subsets, scores, strict=True) if len(subset) == size])
        values = values[~np.isnan(values)]
        if len(values):
            mean, deviation = float(values.mean()), float(values.std())
            found.append(SizeScore(size, len(values), mean, deviation, float(values.min()), float(values.max())))
    return found
