"""Cuts whose clusters are worth the name: a few odd images do not use up one of the clusters asked for.

Average linkage joins images last that no group resembles, so that a cut at K clusters often gives fewer of any
size and some of one to three images. The cut here goes down until there are K clusters of some size; the images
of all others then join that of the K which they agree with most.
"""

import numpy as np

from stages.consensus.hypergraph import hypergraph
from stages.consensus.validation import check_ensemble
from stages.core.dendrogram import Dendrogram, number_by_size

_BLOCK = 1 << 22  # agreements of images with clusters that are held at once


def cut_with_outliers(
    dendrogram: Dendrogram,
    n_clusters: int,
    min_cluster_fraction: float,
    partitions: np.ndarray,
    weights: object = None,
) -> np.ndarray:
    """Return labels int32 (n) of exactly `n_clusters` clusters, numbered by size, the largest first.

    A cluster counts from `min_cluster_fraction` of the mean size n / n_clusters on, 0 to below 1; with 0 the
    result is the plain cut, as it is where no cut has so many clusters of that size. An image of a smaller cluster
    joins the one with whose images it has the greatest mean co-association in `partitions`, int (n, m), with their
    `weights` (m) (ties: the larger).
    """
    least = min_cluster_fraction * dendrogram.n_images / n_clusters
    depth = _depth(dendrogram.merges, n_clusters, least)
    if depth is None or depth == n_clusters:
        return dendrogram.cut(n_clusters)
    labels = dendrogram.cut(depth)
    large = np.bincount(labels) >= least  # the first ones, as clusters are numbered by size
    outliers = np.flatnonzero(~large[labels])
    labels[outliers] = _most_agreeing(partitions, weights, labels, outliers, n_clusters)
    return number_by_size(labels)


def _depth(merges: np.ndarray, n_clusters: int, least: float) -> int | None:
    """The fewest clusters of a cut with `n_clusters` of at least `least` images, None if there is no such cut."""
    n_images = len(merges) + 1
    size = np.concatenate([np.ones(n_images), merges[:, 3]])
    children = merges[:, :2].astype(np.int64)
    # Undoing merges from the last on: a large cluster becomes two large ones, one, or none.
    gained = (size[children] >= least).sum(axis=1) - (merges[:, 3] >= least)
    large = int(n_images >= least) + np.concatenate([[0], np.cumsum(gained[::-1])])
    enough = np.flatnonzero(large >= n_clusters)
    return int(enough[0]) + 1 if len(enough) else None


def _most_agreeing(
    partitions: np.ndarray, weights: object, labels: np.ndarray, outliers: np.ndarray, n_clusters: int
) -> np.ndarray:
    """The cluster, int (len(outliers)), of 0 to n_clusters - 1, that each outlier agrees with most."""
    from scipy.sparse import csr_matrix, diags

    partitions, column_weights = check_ensemble(partitions, weights)
    graph = hypergraph(partitions)
    scales = 1 / np.sqrt((partitions >= 0) @ column_weights)
    inside = np.flatnonzero(labels < n_clusters)
    sizes = np.bincount(labels[inside])
    member = csr_matrix(
        (scales[inside] / sizes[labels[inside]], (labels[inside], inside)), (n_clusters, len(labels))
    )
    # How much of each cluster has each label, by the weight of the label's partition: (K, c).
    profile = (member @ graph.indicator @ diags(column_weights[graph.partition])).T.tocsr()
    found = np.empty(len(outliers), dtype=np.int64)
    rows = max(1, _BLOCK // n_clusters)
    for start in range(0, len(outliers), rows):
        block = outliers[start : start + rows]
        agreement = (graph.indicator[block] @ profile).toarray()
        # Equal sums of the same figures in another order count as equal.
        found[start : start + rows] = np.argmax(np.round(agreement, 12), axis=1)
    return found
