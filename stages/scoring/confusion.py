"""Which clusters the images of each class are in, and how well each class was found.

The tables for the report have a header at least, so that a dataset without labels has the same files.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from stages.core.csvtext import csv_text
from stages.scoring.scores import DIGITS

_CELLS = ("method", "class", "cluster", "cluster_name", "cluster_place", "images", "share_of_class")
_ON = ("labelled_images", "n_clusters")  # what the figures of a row are on


@dataclass(frozen=True)
class Confusion:
    """Images by class and cluster.

    Attributes: `classes` int (c) and `clusters` int (k), their numbers, ascending; `counts` int64 (c, k), the
    images of a class in a cluster; `matched` int64 (c), the place among `clusters` of the one that stands for a
    class, -1 where none does.
    """

    classes: np.ndarray
    clusters: np.ndarray
    counts: np.ndarray
    matched: np.ndarray


def confusion(classes: np.ndarray, labels: np.ndarray) -> Confusion:
    """Count the images of true `classes` by cluster `labels`, both int (n), and match both one to one.

    The matching puts as many images as possible into the cluster of their class (Kuhn, "The Hungarian method for
    the assignment problem", 1955): their share is the accuracy of `external_scores`. Of classes and clusters that
    have no image in common none stands for the other; where there are fewer clusters than classes, or more, some
    are left over too.
    """
    from scipy.optimize import linear_sum_assignment

    rows, row = np.unique(classes, return_inverse=True)
    columns, column = np.unique(labels, return_inverse=True)
    counts = np.bincount(row * len(columns) + column, minlength=len(rows) * len(columns))
    counts = counts.reshape(len(rows), len(columns))
    first, second = linear_sum_assignment(counts, maximize=True)
    shared = counts[first, second] > 0
    matched = np.full(len(rows), -1, dtype=np.int64)
    matched[first[shared]] = second[shared]
    return Confusion(rows, columns, counts, matched)


class ClassScores(NamedTuple):
    """Scores from 0 to 1 of every class, float64 (c) each; see `class_scores`."""

    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    fowlkes_mallows: np.ndarray


def class_scores(table: Confusion) -> ClassScores:
    """Score every class by the cluster that stands for it, and by the pairs that its images are in.

    `precision` is the share of the class among the images of its cluster, `recall` the share of the class that is
    in its cluster, `f1` their harmonic mean; all are 0 for a class without a cluster of its own.

    `fowlkes_mallows` needs no matching: it is the mean over the images i of the class of TP_i / sqrt((TP_i + FP_i)
    (TP_i + FN_i)), of the pairs that hold i: TP_i of one class in one cluster, FP_i of two classes in one cluster,
    FN_i of one class in two clusters (Guerin et al., "Combining pretrained CNN feature extractors to enhance
    clustering of complex natural images", Neurocomputing 2021, equations 6 to 8). It is 0 for an image that is
    alone in its class or its cluster, which the paper leaves open.
    """
    counts = table.counts.astype(np.float64)
    class_sizes, cluster_sizes = counts.sum(axis=1), counts.sum(axis=0)
    found = table.matched >= 0
    correct = np.where(found, counts[np.arange(len(counts)), table.matched], 0.0)
    precision = np.where(found, correct / cluster_sizes[table.matched], 0.0)
    recall = correct / class_sizes
    f1 = np.where(found, 2 * correct / (class_sizes + cluster_sizes[table.matched]), 0.0)
    # An image of class k in cluster c has n_ck - 1 pairs of the first kind, n_c - 1 in its cluster, n_k - 1 in its
    # class; all images of a cell have the same score.
    pairs = np.sqrt(np.outer(np.maximum(class_sizes - 1, 0), np.maximum(cluster_sizes - 1, 0)))
    of_cell = np.divide(counts - 1, pairs, out=np.zeros_like(pairs), where=(pairs > 0) & (counts > 0))
    return ClassScores(precision, recall, f1, (counts * of_cell).sum(axis=1) / class_sizes)


def confusions(labels: np.ndarray, methods: Mapping[str, np.ndarray]) -> dict[str, Confusion]:
    """Compare the clusters int (n) of each method with `labels`, int (n), -1 for none; {} without any label."""
    known = labels >= 0
    if not known.any():
        return {}
    return {name: confusion(labels[known], clusters[known]) for name, clusters in methods.items()}


def classes_csv(tables: Mapping[str, Confusion], names: tuple[str, ...]) -> str:
    """A row for every method and class: its images, the cluster that stands for it, and its scores.

    A class without such a cluster has none named, and precision, recall and F1 of 0. `names` are those of the
    classes, by label.
    """
    rows: list[list[Any]] = []
    for method, table in tables.items():
        rounded = np.round(np.column_stack(class_scores(table)), DIGITS).tolist()
        sizes, cluster_sizes = table.counts.sum(axis=1), table.counts.sum(axis=0)
        for place, (number, matched) in enumerate(zip(table.classes, table.matched, strict=True)):
            own = ["", ""] if matched < 0 else [int(table.clusters[matched]), int(cluster_sizes[matched])]
            rows.append([method, names[number], int(sizes[place]), *own, *rounded[place], *_on(table)])
    return csv_text(["method", "class", "images", "cluster", "cluster_images", *ClassScores._fields, *_ON], rows)


def confusion_csv(tables: Mapping[str, Confusion], names: tuple[str, ...]) -> str:
    """A row for every method, class and cluster that have images in common.

    A cluster is called after the class that it stands for, one that stands for none "(cluster 7)", say.
    Its place is that of the class, so that agreement is on the diagonal; clusters that stand for none come last.
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
                    round(counts[column] / size, DIGITS),
                    *_on(table),
                ]
                for column in sorted(places, key=places.__getitem__)
                if counts[column]
            ]
    return csv_text([*_CELLS, *_ON], rows)


def _on(table: Confusion) -> tuple[int, int]:
    """The numbers of images and of clusters compared."""
    return int(table.counts.sum()), len(table.clusters)
