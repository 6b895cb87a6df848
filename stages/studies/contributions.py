"""What the views of one dataset contribute, class by class and by their number, for the stage `experiments`."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages import studies
from stages.scoring import view_agreement
from stages.scoring.complementarity import complementarity, complementarity_sentences
from stages.scoring.subsets import SizeScore, scores_by_size, view_subsets
from stages.tables import (
    BasePartitions,
    ImageTable,
    check_same_images,
    class_names,
    read_base_partitions,
    read_vectors,
)

MOST = 5000  # images that are clustered anew; of more, as many are taken, evenly spaced


@dataclass(frozen=True)
class ViewClasses:
    """Header and rows of a table, and the section for the report; None without labels."""

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    section: studies.ComplementaritySection | None


@dataclass(frozen=True)
class ViewCounts:
    """Rows of the table of subsets and of that by size, and the section for the report."""

    subsets: list[tuple[Any, ...]]
    sizes: list[SizeScore]
    score: str
    section: studies.SubsetsSection


def evenly_spaced(rows: np.ndarray, most: int = MOST) -> np.ndarray:
    """At most `most` of the `rows`, the same ones every time."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.int64))]


def view_classes(
    images: ImageTable, features: Path, backbones: list[str], layer: str, dataset: str
) -> ViewClasses:
    """Compare Ward's clusters of every view, as many as classes, with the classes (see `stages.scoring`).

    Features are taken as they are, as published. Images without a label are left out.
    """
    from stages.clustering import find_algorithm

    header = ("scope", "class", "images", "view", "fowlkes_mallows", "best")
    rows = evenly_spaced(np.flatnonzero(images.labels >= 0))
    if not len(rows):
        return ViewClasses(header, [], None)
    present, classes, sizes = np.unique(images.labels[rows], return_inverse=True, return_counts=True)
    names = [class_names(images)[label] for label in present]
    ward, labels = find_algorithm("ward"), {}
    for backbone in backbones:
        table = read_vectors(features / backbone / f"{layer}.parquet", "features")
        check_same_images(images, table)
        labels[backbone] = ward.partition(table.values[rows], len(present), 0, 1)
    found = complementarity(classes, labels)
    leaders = found.leaders()
    content: list[tuple[Any, ...]] = [
        ("all", "", len(rows), view, f"{found.overall[place]:.6f}", int(place == found.best))
        for place, view in enumerate(found.views)
    ]
    content += [
        ("class", name, size, view, f"{found.by_class[place, number]:.6f}", int(leaders[number] == place))
        for number, (name, size) in enumerate(zip(names, sizes.tolist(), strict=True))
        for place, view in enumerate(found.views)
    ]
    section = studies.ComplementaritySection(
        dataset,
        len(rows),
        layer,
        found.views,
        found.overall,
        tuple(names),
        tuple(sizes.tolist()),
        found.by_class,
        tuple(leaders.tolist()),
        tuple(complementarity_sentences(found, names)),
    )
    return ViewClasses(header, content, section)


def view_counts(
    images: ImageTable, partitions: Path, settings: dict[str, Any], most: int, seed: int, dataset: str
) -> ViewCounts:
    """Combine subsets of the views as the ensemble does, by its `settings`, at most `most` of each size.

    With labels a subset's score is the geometric NMI with them, without labels that with the consensus of all.
    A subset in which an image has no label from any partition has no score.
    """
    rows = evenly_spaced(np.arange(len(images)))
    combine = _Combine(read_base_partitions(images, partitions, settings), rows, settings)
    n_views = len(settings["backbones"])
    known = images.labels[rows] >= 0
    if known.any():
        truth, score = images.labels[rows][known], "NMI (geometric) with the labels"
    else:
        truth, score = combine.labels(tuple(range(n_views))), "NMI (geometric) with the consensus of all views"
        known = ~known
    subsets = view_subsets(n_views, most, seed)
    values = []
    for subset in subsets:
        agreement = np.nan
        if combine.possible(subset):
            agreement = view_agreement([[truth], [combine.labels(subset)[known]]])[0, 1]
        values.append(round(float(agreement), 6))
    sizes = scores_by_size(subsets, values)
    bars = [studies.Bar(str(s.size), "", s.mean, s.deviation, s.count) for s in sizes]
    spread = "standard deviation over the subsets of one size"
    chart = studies.bar_chart(
        "Consensus by number of views", "number of views", "NMI (geometric, 0 to 1)", spread, bars
    )
    content = [
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
    section = studies.SubsetsSection(dataset, len(rows), combine.clusters, chart, sentence, sampled, unscored)
    return ViewCounts(content, sizes, score, section)


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


def _sentence(sizes: list[SizeScore], score: str, n_views: int, unscored: int, sampled: bool) -> str:
    """What the number of views brings; of the `sizes` with a score, the last one is that of all views."""
    first, last = sizes[0], sizes[-1]
    if n_views == 1:
        return f"There is one view only: {score} {last.mean:.3f}."
    if first is last:
        drawn = "Of the subsets drawn, only" if sampled else "Only"
        told = f"{drawn} all {n_views} views together label every image: {score} {last.mean:.3f}."
    else:
        told = _change(sizes, score)
    if not unscored:
        return told
    without = (
        "1 subset has no score, as it leaves"
        if unscored == 1
        else f"{unscored} subsets have no score, as they leave"
    )
    return f"{told} {without} images without a label."


def _change(sizes: list[SizeScore], score: str) -> str:
    first, last = sizes[0], sizes[-1]
    best = max(sizes, key=lambda size: size.mean)
    told = (
        f"From {first.size} to {last.size} views the {score} changes from {first.mean:.3f} ± "
        f"{first.deviation:.3f} to {last.mean:.3f}"
    )
    highest = (
        ""
        if best is last
        else f"; the highest mean, {best.mean:.3f} ± {best.deviation:.3f}, is that of {best.size}"
    )
    lucky = f"; the best subset has {max(sizes, key=lambda size: size.most).most:.3f}"
    return f"{told}{highest}{lucky}."
