"""The tables beside the report's figures, as CSV text: classes, confusion, dendrogram.

Each has a header at least, so that a dataset without labels has the same files.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from stages.core.csvtext import csv_text
from stages.scoring import Confusion, Merge, class_scores, confusion, last_merges
from stages.tables import ImageTable, Merges

_SCORES = ("precision", "recall", "f1", "fowlkes_mallows")
_CLASSES = ("method", "class", "images", "cluster", "cluster_images", *_SCORES)
_CELLS = ("method", "class", "cluster", "cluster_name", "cluster_place", "images", "share_of_class")
_ON = ("labelled_images", "n_clusters")  # what the figures of a row are on


def confusions(images: ImageTable, methods: Mapping[str, np.ndarray]) -> dict[str, Confusion]:
    """Compare the clusters int (n) of each method with the labels, of images that have one; {} without labels."""
    known = images.labels >= 0
    if not known.any():
        return {}
    return {name: confusion(images.labels[known], clusters[known]) for name, clusters in methods.items()}


def classes_csv(tables: Mapping[str, Confusion], names: tuple[str, ...], digits: int) -> str:
    """A row for every method and class: its images, the cluster that stands for it, and its scores.

    A class without such a cluster has none named, and precision, recall and F1 of 0. `names` are those of the
    classes, by label.
    """
    rows: list[list[Any]] = []
    for method, table in tables.items():
        scores = class_scores(table)
        columns = (scores.precision, scores.recall, scores.f1, scores.fowlkes_mallows)
        rounded = np.round(np.column_stack(columns), digits).tolist()
        sizes, cluster_sizes = table.counts.sum(axis=1), table.counts.sum(axis=0)
        for place, (number, matched) in enumerate(zip(table.classes, table.matched, strict=True)):
            own = ["", ""] if matched < 0 else [int(table.clusters[matched]), int(cluster_sizes[matched])]
            rows.append([method, names[number], int(sizes[place]), *own, *rounded[place], *_on(table)])
    return csv_text([*_CLASSES, *_ON], rows)


def confusion_csv(tables: Mapping[str, Confusion], names: tuple[str, ...], digits: int) -> str:
    """A row for every method, class and cluster that have images in common.

    A cluster is called after the class that it stands for, one that stands for none "(cluster 7)", say.
    Its place is that of the class, so that agreement lies on the diagonal; clusters that stand for none come last.
    """
    rows: list[list[Any]] = []
    for method, table in tables.items():
        stands_for = {int(column): int(row) for row, column in enumerate(table.matched) if column >= 0}
        numbers = table.clusters.tolist()
        titles = [
            names[table.classes[stands_for[column]]] if column in stands_for else f"(cluster {number})"
            for column, number in enumerate(numbers)
        ]
        left_over = [column for column in range(len(numbers)) if column not in stands_for]
        places = stands_for | {column: place for place, column in enumerate(left_over, len(table.classes))}
        for row, counts in enumerate(table.counts.tolist()):
            name, size = names[table.classes[row]], sum(counts)
            rows += [
                [
                    method,
                    name,
                    numbers[column],
                    titles[column],
                    places[column],
                    counts[column],
                    round(counts[column] / size, digits),
                    *_on(table),
                ]
                for column in sorted(places, key=places.__getitem__)
                if counts[column]
            ]
    return csv_text([*_CELLS, *_ON], rows)


def dendrogram_csv(table: Merges, clusters: np.ndarray, digits: int) -> str:
    """A row for each of the last merges; see `stages.scoring.last_merges`."""
    merges = last_merges(table.merges, clusters, float(table.settings.get("min_cluster_fraction", 0.0)))
    rows = ((*merge[:3], round(merge.height, digits), *merge[4:-1], int(merge.undone)) for merge in merges)
    return csv_text(Merge._fields, rows)


def _on(table: Confusion) -> tuple[int, int]:
    """The number of images and of clusters compared."""
    return int(table.counts.sum()), len(table.clusters)
