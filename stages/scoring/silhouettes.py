"""Silhouettes of many partitions of the same images, from the same distances."""

from collections.abc import Sequence

import numpy as np

from stages.core.seeds import evenly_spaced

MOST = 5000  # images; the silhouette compares all pairs


def silhouettes(views: Sequence[np.ndarray], partitions: Sequence[np.ndarray]) -> list[float | None]:
    """Return the silhouette of each of the partitions, averaged over the views; None where it is not defined.

    `views` are features float32 (n, d_v), `partitions` int (n). Rousseeuw's silhouette compares each image's mean
    distance to its own cluster with that to the nearest other one: from -1 to 1, higher is better. Every method
    is measured on the same views, whatever it was computed from, so that the figures compare. It needs between
    2 and n - 1 clusters. Above 5000 images it is computed on 5000 of them, evenly spaced: the standard error of
    such a mean is that of an image, usually .1 to .2, divided by the root of 5000, so about .002.

    All distances of a view are computed once, and those to clusters summed for one partition after the other.
    """
    if not partitions:
        return []
    from sklearn.metrics import pairwise_distances

    rows = evenly_spaced(len(partitions[0]), MOST)
    samples = [np.unique(labels[rows], return_inverse=True)[1] for labels in partitions]
    # Many runs of an algorithm end alike: each partition is measured once.
    places = {sample.tobytes(): index for index, sample in enumerate(samples)}
    totals = {index: 0.0 for index in places.values() if 1 <= samples[index].max() < len(rows) - 1}
    for view in views if totals else ():
        distances = pairwise_distances(view[rows])
        np.fill_diagonal(distances, 0)  # where rounding leaves a trace
        for index in totals:
            totals[index] += _silhouette(distances, samples[index])
    found = (totals.get(places[sample.tobytes()]) for sample in samples)
    return [None if total is None else float(total / len(views)) for total in found]


def _silhouette(distances: np.ndarray, labels: np.ndarray) -> float:
    """The mean silhouette, from distances (n, n) and labels int (n), 0 to k - 1, each of them used."""
    from scipy.sparse import csr_matrix

    n_images = len(labels)
    order = np.argsort(labels, kind="stable")
    sizes = np.bincount(labels)
    members = csr_matrix(
        (np.ones(n_images, distances.dtype), order, np.concatenate([[0], np.cumsum(sizes)])),
        shape=(len(sizes), n_images),
    )
    sums = members @ distances  # (k, n): of each image to each cluster
    images = np.arange(n_images)
    own = sums[labels, images] / np.maximum(sizes[labels] - 1, 1)
    means = sums / sizes[:, None]
    means[labels, images] = np.inf
    other = means.min(axis=0)
    larger = np.maximum(own, other)
    # An image alone in its cluster counts 0, and so does one that equals all others.
    counts = (sizes[labels] > 1) & (larger > 0)
    return float(np.divide(other - own, larger, out=np.zeros(n_images, distances.dtype), where=counts).mean())
