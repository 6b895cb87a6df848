"""Scores of a partition that need no labels."""

from collections.abc import Sequence

import numpy as np

_SAMPLE = 5000  # images; the silhouette compares all pairs
_CURVE_SAMPLE = 2000  # where it is computed for many partitions


def mean_silhouette(views: Sequence[np.ndarray], labels: np.ndarray) -> float | None:
    """Return the silhouette of a partition, averaged over the views; None where it is not defined.

    `views` are features float32 (n, d_v), `labels` int (n). Rousseeuw's silhouette compares each image's mean
    distance to its own cluster with that to the nearest other one: from -1 to 1, higher is better. Every method
    is measured on the same views, whatever it was computed from, so that the figures compare. It needs between
    2 and n - 1 clusters. Above 5000 images it is computed on 5000 of them, evenly spaced.
    """
    from sklearn.metrics import silhouette_score

    rows = _evenly_spaced(len(labels), _SAMPLE)
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
    rows = _evenly_spaced(len(partitions[0]), _CURVE_SAMPLE)
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


def _evenly_spaced(count: int, most: int) -> np.ndarray:
    """At most `most` of `count` rows."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
