"""The top of a dendrogram: its last merges, which are all that a drawing has room for."""

import numpy as np

from stages.core.csvtext import csv_text
from stages.core.dendrogram import Dendrogram, Merge
from stages.scoring.scores import DIGITS

# Groups that the merges shown start from: FEWEST, or more if the cut makes more, up to MOST.
FEWEST, MOST = 60, 200
_BELOW = 5  # merges shown below the cut, at least


def last_merges(merges: np.ndarray, clusters: np.ndarray, min_cluster_fraction: float = 0.0) -> list[Merge]:
    """Return the last merges of a dendrogram, in their order, at least as many as a cut into clusters undoes.

    merges : float64 (n - 1, 4) in scipy's form.
    clusters : int (n), the clusters that a cut gave.
    min_cluster_fraction : the cut went down until so many groups as there are clusters had this share of the mean
        size of a cluster (smaller groups then joined others); 0 is a plain cut.
    """
    n_images = len(clusters)
    n_clusters = len(np.unique(clusters))
    children = merges[:, :2].astype(np.int64)
    sizes = np.concatenate([np.ones(n_images, dtype=np.int64), merges[:, 3].astype(np.int64)])
    least = min_cluster_fraction * n_images / n_clusters
    groups = Dendrogram(merges).fewest_groups(n_clusters, least) or n_clusters
    shown = min(n_images, MOST, max(FEWEST, groups + _BELOW)) - 1
    lowest, highest = _cluster_range(children, clusters)

    def cluster(node: int) -> int | None:
        return int(lowest[node]) if lowest[node] == highest[node] else None

    return [
        Merge(
            n_images + row,
            int(left),
            int(right),
            float(merges[row, 2]),
            int(sizes[n_images + row]),
            int(sizes[left]),
            int(sizes[right]),
            cluster(left),
            cluster(right),
            row >= n_images - groups,
        )
        for row, (left, right) in enumerate(children[n_images - 1 - shown :], n_images - 1 - shown)
    ]


def dendrogram_csv(merges: np.ndarray, clusters: np.ndarray, min_cluster_fraction: float) -> str:
    """A row for each of the `last_merges`."""
    last = last_merges(merges, clusters, min_cluster_fraction)
    rows = ((*merge[:3], round(merge.height, DIGITS), *merge[4:-1], int(merge.undone)) for merge in last)
    return csv_text(Merge._fields, rows)


def _cluster_range(children: np.ndarray, clusters: np.ndarray) -> tuple[list[int], list[int]]:
    """The lowest and the highest number of a cluster among the images of each of the 2 n - 1 groups."""
    lowest, highest = clusters.tolist(), clusters.tolist()
    for left, right in children.tolist():
        lowest.append(min(lowest[left], lowest[right]))
        highest.append(max(highest[left], highest[right]))
    return lowest, highest
