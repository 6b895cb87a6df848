"""The tree of merges that a linkage gives, and where to cut it."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stages.core.checks import check_n_clusters


@dataclass(frozen=True)
class Dendrogram:
    """All merges of n images, from n groups to one.

    merges : float64 (n - 1, 4), in scipy's form: the two groups joined (an image is named by its number, the
    group of merge i by n + i), the height, which never decreases, and the number of images joined.
    """

    merges: np.ndarray

    @property
    def n_images(self) -> int:
        return len(self.merges) + 1

    def cut(self, n_clusters: int) -> np.ndarray:
        """Return labels int32 (n) of exactly `n_clusters` clusters, numbered by size, the largest first.

        The last n_clusters - 1 merges are undone, whatever their heights: a cut at a height would give fewer
        clusters where heights tie. Raises `ParameterError` unless `n_clusters` is from 1 to n.
        """
        from scipy.sparse import coo_matrix
        from scipy.sparse.csgraph import connected_components

        n_images = self.n_images
        check_n_clusters(n_clusters, n_images)
        kept = self.merges[: n_images - n_clusters, :2].astype(np.int64)
        made = np.repeat(np.arange(n_images, n_images + len(kept)), 2)
        nodes = n_images + len(kept)
        tree = coo_matrix((np.ones(len(made), dtype=bool), (made, kept.reshape(-1))), shape=(nodes, nodes))
        return number_by_size(connected_components(tree, directed=False)[1][:n_images])

    def fewest_groups(self, n_clusters: int, least: float) -> int | None:
        """Return the fewest groups of a cut in which `n_clusters` have `least` images; None if there is none."""
        sizes = np.concatenate([np.ones(self.n_images), self.merges[:, 3]])
        children = self.merges[:, :2].astype(np.int64)
        # Undoing merges from the last on: a large group becomes two large ones, one, or none.
        gained = (sizes[children] >= least).sum(axis=1) - (self.merges[:, 3] >= least)
        large = int(self.n_images >= least) + np.concatenate([[0], np.cumsum(gained[::-1])])
        enough = np.flatnonzero(large >= n_clusters)
        return int(enough[0]) + 1 if len(enough) else None

    def lifetimes(self) -> np.ndarray:
        """Return how long each number of clusters lasts, float64 (n + 1): entry k is k's, entry 0 is 0.

        The lifetime of k clusters is the range of heights at which a cut gives k of them (Fred and Jain,
        "Combining multiple clusterings using evidence accumulation", 2005, section 3.3); heights range from 0 to
        1.
        """
        heights = np.concatenate([[0.0], self.merges[:, 2], [1.0]])
        lifetimes = np.zeros(self.n_images + 1)
        lifetimes[1:] = np.diff(heights)[::-1]
        return np.maximum(lifetimes, 0)

    def longest_lived(self, least: int = 2, most: int | None = None) -> int:
        """Return the number of clusters from `least` to `most` (all) that lasts longest (ties: the fewest).

        One image has one cluster, two have `least` but no more than two.
        """
        most = min(self.n_images, most or self.n_images)
        least = min(least, most)
        return least + int(np.argmax(self.lifetimes()[least : most + 1]))


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


def most_clusters(n_images: int) -> int:
    """The most clusters that are looked for among n images: twice the square root, but two if there are two.

    A dendrogram's first merges, of images that nearly all partitions separate, can last long and say nothing.
    """
    root: float = n_images**0.5
    return min(n_images, max(2, 2 * round(root)))


def dendrogram_of(pairs: np.ndarray, heights: np.ndarray) -> Dendrogram:
    """Return the dendrogram of n images from merges in the order of joining.

    `pairs` is int (n - 1, 2): any image of each of the two groups joined; `heights` float (n - 1) never decrease.
    """
    from stages.core._merge_names import named_merges

    names, sizes = named_merges(pairs.astype(np.int32), len(pairs) + 1)
    return Dendrogram(np.column_stack([names.astype(np.float64), heights, sizes.astype(np.float64)]))


def number_by_size(labels: np.ndarray) -> np.ndarray:
    """Renumber `labels`, int (n), from 0 by size, the largest first (ties: by their first image); int32 (n)."""
    _, first, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), dtype=np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes), dtype=np.int32)
    numbered: np.ndarray = rank[inverse]
    return numbered
