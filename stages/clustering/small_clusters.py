"""Small clusters of odd images, which agglomeration merges last: they must not use up the clusters asked for.

A cut at K clusters often gives fewer of any size, and some of one to three images. Here the merging is undone to
where K clusters are of some size, and the images of all others join the one of the K that they are linked to most.
"""

import numpy as np

from stages.clustering.neighbours import Digraph, edge_matrix


def without_outliers(
    graph: Digraph,
    features: np.ndarray,
    start: np.ndarray,
    merges: np.ndarray,
    n_clusters: int,
    min_cluster_fraction: float,
) -> np.ndarray:
    """Return names int32 (n), each the lowest image of its cluster, of exactly `n_clusters` clusters.

    `start` int32 (n) are the names before the first of `merges`, float64 (r, 3), which end at `n_clusters`
    clusters. A cluster counts from `min_cluster_fraction` of the mean size n / n_clusters on, 0 to below 1. With 0
    all merges hold, as they do where never so many clusters count. An image of a cluster that does not count joins
    the counting one to which its edges, in and out, weigh most, divided by that cluster's size (ties: the larger
    cluster, then the one with the lower first image); without such an edge, the one with the nearest centroid of
    its `features`, float (n, d).
    """
    least = min_cluster_fraction * len(start) / n_clusters
    kept = _depth(start, merges, n_clusters, least)
    names = _replayed(start, merges[: len(merges) if kept is None else kept])
    unique, labels, sizes = np.unique(names, return_inverse=True, return_counts=True)
    if kept is None or len(unique) == n_clusters:
        return names
    counting = np.flatnonzero(sizes >= least)
    counting = counting[np.lexsort((unique[counting], -sizes[counting]))]
    outliers = np.flatnonzero(sizes[labels] < least)
    labels[outliers] = counting[_most_linked(graph, features, labels, outliers, counting, sizes)]
    lowest = np.full(len(unique), len(names))
    np.minimum.at(lowest, labels, np.arange(len(names)))
    joined: np.ndarray = lowest[labels].astype(np.int32)
    return joined


def _depth(start: np.ndarray, merges: np.ndarray, n_clusters: int, least: float) -> int | None:
    """The most merges after which exactly `n_clusters` clusters have `least` images; None if there never are."""
    names, counts = np.unique(start, return_counts=True)
    size = dict(zip(names.tolist(), counts.tolist(), strict=True))
    counting = int((counts >= least).sum())
    depth = 0 if counting == n_clusters else None
    for number, (i, j) in enumerate(merges[:, :2].astype(np.int64).tolist(), start=1):
        a, b = size[i], size.pop(j)
        size[i] = a + b
        counting += int(a + b >= least) - int(a >= least) - int(b >= least)
        if counting == n_clusters:
            depth = number
    return depth


def _replayed(start: np.ndarray, merges: np.ndarray) -> np.ndarray:
    """The names after the merges, of which each gives the lower name to both clusters."""
    into = np.arange(len(start), dtype=np.int32)
    for i, j in merges[::-1, :2].astype(np.int64).tolist():  # the last first: what i became is then known
        into[j] = into[i]
    renamed: np.ndarray = into[start]
    return renamed


def _most_linked(
    graph: Digraph,
    features: np.ndarray,
    labels: np.ndarray,
    outliers: np.ndarray,
    counting: np.ndarray,
    sizes: np.ndarray,
) -> np.ndarray:
    """For each outlier the number, in `counting`, of the cluster that it joins."""
    from scipy.sparse import csr_matrix

    edges = edge_matrix(graph)
    place = np.full(len(sizes), -1)
    place[counting] = np.arange(len(counting))
    inside = np.flatnonzero(place[labels] >= 0)
    column = place[labels[inside]]
    member = csr_matrix((1 / sizes[counting][column], (inside, column)), (len(labels), len(counting)))
    links = ((edges[outliers] + edges.T.tocsr()[outliers]) @ member).toarray()
    # Equal sums of the same figures in another order count as equal.
    found: np.ndarray = np.argmax(np.round(links, 12), axis=1)
    apart = np.flatnonzero(links.max(axis=1) == 0)
    if len(apart):
        centroids = np.asarray(member.T @ features)
        for one in apart:
            found[one] = np.argmin(((centroids - features[outliers[one]]) ** 2).sum(axis=1))
    return found
