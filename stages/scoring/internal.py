"""Scores of a partition that need no labels."""

from collections.abc import Sequence

import numpy as np

_SAMPLE = 5000  # images; the silhouette compares all pairs


def mean_silhouette(views: Sequence[np.ndarray], labels: np.ndarray) -> float | None:
    """Return the silhouette of a partition, averaged over the views; None where it is not defined.

    `views` are features float32 (n, d_v), `labels` int (n). Rousseeuw's silhouette compares each image's mean
    distance to its own cluster with that to the nearest other one: from -1 to 1, higher is better. Every method
    is measured on the same views, whatever it was computed from, so that the figures compare. It needs between
    2 and n - 1 clusters. Above 5000 images it is computed on 5000 of them, evenly spaced.
    """
    from sklearn.metrics import silhouette_score

    rows = np.unique(np.linspace(0, len(labels) - 1, min(len(labels), _SAMPLE)).astype(np.int64))
    sample = labels[rows]
    if not 2 <= len(np.unique(sample)) < len(sample):
        return None
    return float(np.mean([silhouette_score(view[rows], sample) for view in views]))
