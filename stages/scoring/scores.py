"""Scores of partitions against true classes, and of views against one another."""

from collections.abc import Sequence

import numpy as np

DIGITS = 6  # decimals of a score in a table: enough for any comparison, few enough for a readable diff


def external_scores(classes: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Compare cluster `labels` with true `classes`, both int (n); all scores are 1 for a perfect partition.

    `nmi_geometric` divides mutual information by the geometric mean of the entropies (JULE and Guerin's code
    print this one), `nmi_arithmetic` by the arithmetic mean (MMDC). `accuracy` is the share of images in the
    class of their cluster under the best one-to-one matching (Hungarian); `purity` the share in the most
    frequent class of their cluster.
    """
    from scipy.optimize import linear_sum_assignment
    from sklearn import metrics

    table = metrics.cluster.contingency_matrix(classes, labels)
    rows, columns = linear_sum_assignment(table, maximize=True)
    nmi = metrics.normalized_mutual_info_score
    scores = {
        "nmi_geometric": nmi(classes, labels, average_method="geometric"),
        "nmi_arithmetic": nmi(classes, labels, average_method="arithmetic"),
        "ari": metrics.adjusted_rand_score(classes, labels),
        "accuracy": table[rows, columns].sum() / len(classes),
        "purity": table.max(axis=0).sum() / len(classes),
        "homogeneity": metrics.homogeneity_score(classes, labels),
        "completeness": metrics.completeness_score(classes, labels),
        "fowlkes_mallows": metrics.fowlkes_mallows_score(classes, labels),
    }
    return {name: float(score) for name, score in scores.items()}


def standard_error(values: Sequence[float]) -> float:
    """Return the standard error of the mean of n values, two or more: s / sqrt(n), s dividing by n - 1."""
    return float(np.std(values, ddof=1)) / float(len(values) ** 0.5)


def view_agreement(views: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Return the agreement between views, float64 (v, v): symmetric, 1 on the diagonal.

    `views` holds each view's partitions, int (n). The agreement of two views is the geometric NMI, averaged over
    all pairs of a partition of the one and a partition of the other.
    """
    from sklearn.metrics import normalized_mutual_info_score as nmi

    agreement = np.eye(len(views))
    for a, first in enumerate(views):
        for b, second in enumerate(views[:a]):
            pairs = [nmi(one, other, average_method="geometric") for one in first for other in second]
            agreement[a, b] = agreement[b, a] = np.mean(pairs)
    return agreement
