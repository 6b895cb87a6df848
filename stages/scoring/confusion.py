"""Which clusters the images of each class lie in, and which cluster stands for which class."""

from dataclasses import dataclass

import numpy as np


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
