"""Joining the clusters that a neighbour graph leaves apart."""

import numpy as np

from stages.clustering.neighbours import nearest_neighbours


def join_rest(
    features: np.ndarray, names: np.ndarray, merges: np.ndarray, n_clusters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Merge what `merges` have left apart until `n_clusters` are left; return the new names and all merges."""
    if len(np.unique(names)) <= n_clusters:
        return names, merges
    names, more = join_nearest_centroids(features, names, n_clusters)
    return names, np.concatenate([merges, more])


def join_nearest_centroids(
    features: np.ndarray, names: np.ndarray, n_clusters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Merge the two clusters with the nearest centroids until `n_clusters` are left.

    `features` is (n, d), `names` int32 (n) the lowest image of each one's cluster. Returns the new names, and the
    merges, float64 (r, 3): the names of the two clusters, the lower first, and 0, the affinity of clusters that
    nothing links. A centroid is the mean of all its images. Ties: the lowest column (the higher name of a pair),
    then the lowest row. It takes O(c d) memory and O(c^2 d) time for c clusters.
    """
    left, cluster = np.unique(names, return_inverse=True)
    sizes = np.bincount(cluster).astype(np.float64)
    centroids = np.zeros((len(left), features.shape[1]))
    for image, own in enumerate(cluster):
        centroids[own] += features[image]
    centroids /= sizes[:, None]
    merged_into = np.arange(len(left))
    merges = np.zeros((len(left) - n_clusters, 3))
    indices, distances = nearest_neighbours(centroids, 1)
    nearest, apart = indices[:, 0].astype(np.int64), distances[:, 0].copy()
    for merge in merges:
        row, column = _nearest_pair(nearest, apart)
        merge[:2] = left[row], left[column]
        weights = sizes[[row, column]]
        centroids[row] = weights @ centroids[[row, column]] / weights.sum()
        sizes[row] += sizes[column]
        centroids[column] = apart[column] = np.inf
        merged_into[merged_into == column] = row
        _look_again(centroids, nearest, apart, row, column)
    return left[merged_into[cluster]].astype(np.int32), merges


def _nearest_pair(nearest: np.ndarray, apart: np.ndarray) -> tuple[int, int]:
    ends = np.flatnonzero(apart == apart.min())
    rows, columns = np.minimum(ends, nearest[ends]), np.maximum(ends, nearest[ends])
    first = np.lexsort((rows, columns))[0]
    return int(rows[first]), int(columns[first])


def _look_again(centroids: np.ndarray, nearest: np.ndarray, apart: np.ndarray, row: int, column: int) -> None:
    """Bring up to date whom the merging of `column` into `row` concerns; centroids at infinity are gone."""
    alive = np.isfinite(centroids[:, 0])
    concerned = alive & ((nearest == row) | (nearest == column))
    concerned[row] = True
    for one in np.flatnonzero(concerned):
        distances = ((centroids[alive] - centroids[one]) ** 2).sum(axis=1)
        others = np.flatnonzero(alive)
        distances[others == one] = np.inf
        nearest[one], apart[one] = others[distances.argmin()], distances.min()
        if one == row:
            closer = (distances < apart[others]) | ((distances == apart[others]) & (row < nearest[others]))
            closer &= others != row
            nearest[others[closer]], apart[others[closer]] = row, distances[closer]
