"""Compiled kernel of single linkage: imported only where it runs, as numba takes a second to load."""

import numba
import numpy as np


@numba.njit(cache=True)
def single_merges(starts, labels, values, weights):  # type: ignore[no-untyped-def]
    """A spanning tree of r points with the greatest similarities (Prim 1957): all that single linkage depends on.

    The histograms are those of `average_merges`, each point for one image. Returns (pairs int32 (r - 1, 2),
    similarities float64 (r - 1)); points that share no label have the similarity 0.
    """
    n_points, n_labels = len(starts) - 1, len(weights)
    first = np.zeros(n_labels + 1, dtype=np.int64)
    for entry in range(len(labels)):
        first[labels[entry] + 1] += 1
    first = np.cumsum(first)
    filled = np.zeros(n_labels, dtype=np.int64)
    owner = np.empty(len(labels), dtype=np.int32)
    value = np.empty(len(labels), dtype=np.float64)
    for point in range(n_points):
        for entry in range(starts[point], starts[point + 1]):
            at = first[labels[entry]] + filled[labels[entry]]
            filled[labels[entry]] += 1
            owner[at], value[at] = point, values[entry]
    pairs = np.empty((max(n_points - 1, 0), 2), dtype=np.int32)
    similarities = np.empty(max(n_points - 1, 0), dtype=np.float64)
    outside = np.arange(n_points).astype(np.int32)
    best = np.zeros(n_points, dtype=np.float64)
    inside = np.zeros(n_points, dtype=np.int32)  # point of the tree that `best` leads to
    total = np.zeros(n_points, dtype=np.float64)
    added = np.int32(0)
    n_outside = n_points - 1
    outside[0] = outside[n_outside]
    for step in range(n_points - 1):
        for entry in range(starts[added], starts[added + 1]):
            label = labels[entry]
            factor = values[entry] * weights[label]
            for at in range(first[label], first[label + 1]):
                total[owner[at]] += factor * value[at]
        found = 0
        for index in range(n_outside):
            point = outside[index]
            if total[point] > best[point]:
                best[point], inside[point] = total[point], added
            leader = outside[found]
            if best[point] > best[leader] or (best[point] == best[leader] and point < leader):
                found = index
        total[:] = 0.0
        point = outside[found]
        pairs[step, 0], pairs[step, 1] = min(point, inside[point]), max(point, inside[point])
        similarities[step] = best[point]
        n_outside -= 1
        outside[found] = outside[n_outside]
        added = point
    return pairs, similarities
