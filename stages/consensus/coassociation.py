"""Evidence accumulation: images that many partitions put together belong together.

Fred and Jain, "Combining multiple clusterings using evidence accumulation" (2005); with one partition per
pretrained CNN it is the multi-view ensemble clustering (MVEC) of Guerin et al. (2021), section 4.
"""

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.errors import ParameterError

LINKAGES = ("average", "complete", "single")
_LIMIT = 4 << 30  # bytes that the matrix and its condensed copy may take together


def coassociation(partitions: np.ndarray) -> np.ndarray:
    """Return the co-association matrix, float32 (n, n), of partitions int (n, m).

    Its entry (i, j) is the share of the m partitions in which the images i and j have the same label.
    """
    n_images, n_partitions = partitions.shape
    matrix = np.zeros((n_images, n_images), dtype=np.float32)
    for labels in partitions.T:
        matrix += labels[:, None] == labels[None, :]
    return matrix / np.float32(n_partitions)


def membership_confidence(partitions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return for each image, float64 (n), the mean co-association with the other members of its cluster.

    `partitions` is int (n, m), `labels` int (n) the consensus. 1: every partition keeps the image with all of
    them; 0: none with any, which is also the confidence of an image alone in its cluster. It is computed from
    label counts, in O(n m), without the matrix.
    """
    n_images, n_partitions = partitions.shape
    together = np.zeros(n_images)
    for column in partitions.T:
        # The images which share both the cluster and this partition's label, the image itself left out.
        _, group, counts = np.unique(
            np.column_stack([labels, column]), axis=0, return_inverse=True, return_counts=True
        )
        together += counts[group.reshape(-1)] - 1
    _, cluster, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    others = sizes[cluster] - 1
    confidence: np.ndarray = together / (n_partitions * np.maximum(others, 1))
    return confidence


class CoassociationClustering(ClusterMixin, BaseEstimator):
    """Hierarchical clustering of the co-association matrix, cut at `n_clusters`.

    Parameters
    ----------
    n_clusters : number of clusters to cut at.
    linkage : "average" (MVEC), "single" (Fred and Jain's first choice) or "complete".

    Attributes
    ----------
    labels_ : int32 (n), clusters numbered from 0 by size, the largest first (ties: by their first image).
    merges_ : float64 (n - 1, 4), the dendrogram in scipy's form; heights are 1 - co-association.

    The matrix is dense: sets whose matrix would exceed 4 GiB are refused with the figure.
    """

    def __init__(self, n_clusters: int = 2, linkage: str = "average") -> None:
        self.n_clusters = n_clusters
        self.linkage = linkage

    def fit(self, X: np.ndarray, y: None = None) -> "CoassociationClustering":
        """Combine the partitions `X`, int (n, m), one column a partition."""
        from scipy.cluster.hierarchy import linkage
        from scipy.spatial.distance import squareform

        partitions = np.asarray(X)
        if partitions.ndim != 2 or 0 in partitions.shape:
            raise ParameterError(f"partitions have the shape {partitions.shape}; give (images, partitions)")
        if self.linkage not in LINKAGES:
            raise ParameterError(f"linkage is {self.linkage!r}; give one of {', '.join(LINKAGES)}")
        n_images = len(partitions)
        if not 1 <= self.n_clusters <= n_images:
            raise ParameterError(f"n_clusters is {self.n_clusters}; give a number from 1 to {n_images}")
        needed = n_images * n_images * 20  # float32 matrix, then scipy's two condensed float64 copies
        if needed > _LIMIT:
            raise ParameterError(
                f"the co-association of {n_images} images needs {needed / 2**30:.0f} GiB, "
                f"above the limit of {_LIMIT >> 30} GiB; cluster fewer images at once"
            )
        if n_images == 1:
            self.merges_ = np.zeros((0, 4))
            self.labels_ = np.zeros(1, dtype=np.int32)
            return self
        distances = 1 - coassociation(partitions)
        np.fill_diagonal(distances, 0)
        self.merges_ = linkage(squareform(distances, checks=False), self.linkage)
        self.labels_ = _by_size(_cut(self.merges_, self.n_clusters))
        return self


def _cut(merges: np.ndarray, n_clusters: int) -> np.ndarray:
    """Undo the last merges until exactly `n_clusters` are left; a cut by height gives fewer where heights tie."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n_images = len(merges) + 1
    kept = merges[: n_images - n_clusters, :2].astype(np.int64)
    made = np.repeat(np.arange(n_images, n_images + len(kept)), 2)
    nodes = 2 * n_images
    tree = coo_matrix((np.ones(len(made)), (made, kept.reshape(-1))), shape=(nodes, nodes))
    components: np.ndarray = connected_components(tree, directed=False)[1]
    return components[:n_images]


def _by_size(labels: np.ndarray) -> np.ndarray:
    _, first, inverse, sizes = np.unique(labels, return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(len(sizes), dtype=np.int32)
    rank[np.lexsort((first, -sizes))] = np.arange(len(sizes), dtype=np.int32)
    numbered: np.ndarray = rank[inverse]
    return numbered
