"""Scores of partitions: against true classes, without labels, and of views against one another."""

from collections.abc import Sequence

import numpy as np

from stages.core.seeds import evenly_spaced

DIGITS = 6  # decimals of a score in a table: enough for any comparison, few enough for a readable diff
_SAMPLE = 5000  # images; the silhouette compares all pairs
_CURVE_SAMPLE = 2000  # where it is computed for many partitions


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


def mean_silhouette(views: Sequence[np.ndarray], labels: np.ndarray) -> float | None:
    """Return the silhouette of a partition, averaged over the views; None where it is not defined.

    `views` are features float32 (n, d_v), `labels` int (n). Rousseeuw's silhouette compares each image's mean
    distance to its own cluster with that to the nearest other one: from -1 to 1, higher is better. Every method
    is measured on the same views, whatever it was computed from, so that the figures compare. It needs between
    2 and n - 1 clusters. Above 5000 images it is computed on 5000 of them, evenly spaced.
    """
    from sklearn.metrics import silhouette_score

    rows = evenly_spaced(len(labels), _SAMPLE)
    sample = labels[rows]
    if not 2 <= len(np.unique(sample)) < len(sample):
        return None
    return float(np.mean([silhouette_score(view[rows], sample) for view in views]))


def silhouette_curve(views: Sequence[np.ndarray], partitions: Sequence[np.ndarray]) -> list[float | None]:
    """Return the `mean_silhouette` of several partitions of the same images, None where it is not defined.

    Distances are computed once for all; above 2000 images, on 2000 of them, evenly spaced.
    """
    from sklearn.metrics import pairwise_distances, silhouette_score

    if not partitions:
        return []
    rows = evenly_spaced(len(partitions[0]), _CURVE_SAMPLE)
    totals = np.zeros(len(partitions))
    samples = [labels[rows] for labels in partitions]
    defined = [2 <= len(np.unique(sample)) < len(sample) for sample in samples]
    for view in views:
        distances = pairwise_distances(view[rows])
        np.fill_diagonal(distances, 0)  # rounding leaves a trace there, which would be refused
        for index, sample in enumerate(samples):
            if defined[index]:
                totals[index] += silhouette_score(distances, sample, metric="precomputed")
    return [float(total / len(views)) if known else None for total, known in zip(totals, defined, strict=True)]


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
