"""The top of a dendrogram: its last merges, which are all that a drawing has room for."""

from typing import NamedTuple

import numpy as np

FEWEST, MOST = (
    60,
    200,
)  # groups that the merges shown start from: FEWEST, or more if the cut makes more, up to MOST
_BELOW = 5  # merges shown below the cut, at least


class Merge(NamedTuple):
    """A merge of two groups, named as in scipy's form.

    `height` is that of the merge; the `images` are of the group made and of both groups joined; `left_cluster` and
    `right_cluster` are the final cluster of all images of a group, None if it has several; `undone` says whether
    the clusters were made by a cut below this merge.
    """

    parent: int
    left: int
    right: int
    height: float
    images: int
    left_images: int
    right_images: int
    left_cluster: int | None
    right_cluster: int | None
    undone: bool


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
    groups = _groups_cut(children, sizes, n_clusters, min_cluster_fraction * n_images / n_clusters)
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


def _groups_cut(children: np.ndarray, sizes: np.ndarray, n_clusters: int, least: float) -> int:
    """The fewest groups of a cut with `n_clusters` of at least `least` images; `n_clusters` if there is none."""
    large = int(sizes[-1] >= least)
    for undone in range(len(children)):
        if large >= n_clusters:
            return undone + 1
        merge = len(children) - 1 - undone
        parent = sizes[len(sizes) - 1 - undone]
        large += int((sizes[children[merge]] >= least).sum()) - int(parent >= least)
    return len(children) + 1 if large >= n_clusters else n_clusters


def _cluster_range(children: np.ndarray, clusters: np.ndarray) -> tuple[list[int], list[int]]:
    """The lowest and the highest number of a cluster among the images of each of the 2 n - 1 groups."""
    lowest, highest = clusters.tolist(), clusters.tolist()
    for left, right in children.tolist():
        lowest.append(min(lowest[left], lowest[right]))
        highest.append(max(highest[left], highest[right]))
    return lowest, highest
