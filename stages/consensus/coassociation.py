"""Evidence accumulation: images that many partitions put together belong together.

Fred and Jain, "Combining multiple clusterings using evidence accumulation" (2005); with one partition per
pretrained CNN it is the multi-view ensemble clustering (MVEC) of Guerin et al. (2021), section 4.

Average linkage joins images last that no group resembles, so that a cut at K clusters often gives fewer of any
size and some of one to three images. The cut here goes down until there are K clusters of some size; the images
of all others then join that of the K which they agree with most.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.consensus.hypergraph import check_ensemble, check_partitions, hypergraph
from stages.consensus.linkage import LINKAGES, linkage
from stages.core.checks import check_choice, check_n_clusters, check_share
from stages.core.dendrogram import Dendrogram, most_clusters, number_by_size

_BLOCK = 1 << 22  # agreements of images with clusters that are held at once


@dataclass(eq=False, repr=False)
class CoassociationClustering(ClusterMixin, BaseEstimator):
    """Hierarchical clustering of the co-association of images, cut at `n_clusters`.

    Parameters
    ----------
    n_clusters : number of clusters; "auto" for the number that lasts longest, of 2 to twice the root of n
    (Fred and Jain 2005; the pipeline chooses by modularity, see `stages.graphs.cluster_count`).
    linkage : "average" (MVEC), "single" (Fred and Jain's first choice) or "complete".
    weights : a number of at least 0 for each partition; None for equal ones.
    min_cluster_fraction : the size from which a cluster counts, as a fraction of the mean size n / n_clusters, 0
    to below 1: the images of smaller ones join the clusters they agree with most. 0 is the plain cut of the
    literature.

    Attributes
    ----------
    labels_ : int32 (n), clusters numbered from 0 by size, the largest first (ties: by their first image).
    n_clusters_ : the number of clusters.
    dendrogram_ : `Dendrogram`, for other cuts; its heights are 1 - co-association.

    The co-association matrix is never formed: see `stages.consensus.linkage`, also on missing labels and ties.
    """

    n_clusters: int | str = "auto"
    linkage: str = "average"
    weights: Any = None
    min_cluster_fraction: float = 0.2

    def fit(self, X: Any, y: None = None) -> "CoassociationClustering":
        """Combine the partitions `X`, int (n, m), one column a partition, -1 a missing label.

        Raises `ParameterError` for parameters and partitions that cannot be used, and for what would not fit into
        memory.
        """
        check_choice("linkage", self.linkage, tuple(LINKAGES))
        check_share("min_cluster_fraction", self.min_cluster_fraction)
        partitions = check_partitions(X)
        if self.n_clusters != "auto":
            check_n_clusters(self.n_clusters, len(partitions))
        self.dendrogram_ = linkage(partitions, self.linkage, self.weights)
        if self.n_clusters == "auto":
            self.n_clusters_ = self.dendrogram_.longest_lived(2, most_clusters(len(partitions)))
        else:
            self.n_clusters_ = int(self.n_clusters)
        cuts = ConsensusCuts(self.dendrogram_, partitions, self.weights, self.min_cluster_fraction)
        self.labels_ = cuts(self.n_clusters_)
        return self


class ConsensusCuts:
    """The cuts of a consensus into any number of clusters, each of some size.

    `dendrogram` is that of `partitions`, int (n, m), -1 a missing label, with their `weights` (m). A cluster of a
    cut counts from `min_cluster_fraction` of the mean size n / n_clusters on, 0 to below 1; the images of smaller
    ones join the clusters they agree with most. With 0 cuts are plain, as they are where no cut has so many
    clusters of that size.
    """

    def __init__(
        self, dendrogram: Dendrogram, partitions: np.ndarray, weights: Any, min_cluster_fraction: float
    ) -> None:
        self.dendrogram = dendrogram
        self._partitions, self._weights = check_ensemble(partitions, weights)
        self._fraction = min_cluster_fraction

    def __call__(self, n_clusters: int) -> np.ndarray:
        """Return labels int32 (n) of exactly `n_clusters` clusters, numbered by size, the largest first.

        An image of a smaller cluster joins the one with whose images it has the greatest mean co-association
        (ties: the larger).
        """
        dendrogram = self.dendrogram
        least = self._fraction * dendrogram.n_images / n_clusters
        groups = dendrogram.fewest_groups(n_clusters, least)
        if groups is None or groups == n_clusters:
            return dendrogram.cut(n_clusters)
        labels = dendrogram.cut(groups)
        large = np.bincount(labels) >= least  # the first ones, as clusters are numbered by size
        outliers = np.flatnonzero(~large[labels])
        labels[outliers] = self._most_agreeing(labels, outliers, n_clusters)
        return number_by_size(labels)

    @cached_property
    def _votes(self) -> tuple[Any, Any]:
        """The label histograms of the images, CSR (n, c), and the same scaled and weighted, the other side."""
        from scipy.sparse import diags

        graph = hypergraph(self._partitions)
        scales = 1 / np.sqrt((self._partitions >= 0) @ self._weights)
        return graph.indicator, diags(scales) @ graph.indicator @ diags(self._weights[graph.partition])

    def _most_agreeing(self, labels: np.ndarray, outliers: np.ndarray, n_clusters: int) -> np.ndarray:
        """The cluster, int (len(outliers)), of 0 to n_clusters - 1, that each outlier agrees with most."""
        from scipy.sparse import csr_matrix

        indicator, weighted = self._votes
        inside = np.flatnonzero(labels < n_clusters)
        sizes = np.bincount(labels[inside])
        member = csr_matrix((1 / sizes[labels[inside]], (labels[inside], inside)), (n_clusters, len(labels)))
        # How much of each cluster has each label, by the weight of the label's partition: (K, c).
        profile = (member @ weighted).T.tocsr()
        found = np.empty(len(outliers), dtype=np.int64)
        rows = max(1, _BLOCK // n_clusters)
        for start in range(0, len(outliers), rows):
            block = outliers[start : start + rows]
            agreement = (indicator[block] @ profile).toarray()
            # Equal sums of the same figures in another order count as equal.
            found[start : start + rows] = np.argmax(np.round(agreement, 12), axis=1)
        return found


def membership_confidence(partitions: np.ndarray, labels: np.ndarray, weights: Any = None) -> np.ndarray:
    """Return for each image, float64 (n), its mean co-association with the other members of its cluster.

    `partitions` is int (n, m), -1 a missing label, `weights` (m) theirs, `labels` int (n) the consensus. 1:
    every partition keeps the image with all of them; 0: none with any, which is also the confidence of an image
    alone in its cluster. Missing labels count as in `stages.consensus.linkage`. It is computed from label
    counts, in O(n m), without the matrix.
    """
    partitions, column_weights = check_ensemble(partitions, weights)
    graph = hypergraph(partitions)
    entries = np.diff(graph.indicator.indptr)
    column = graph.indicator.indices
    scales = np.sqrt(column_weights.sum() / ((partitions >= 0) @ column_weights))
    clusters, cluster = np.unique(labels, return_inverse=True)
    # The scaled images that share both the cluster and the label of a partition.
    cell = column.astype(np.int64) * len(clusters) + np.repeat(cluster, entries)
    cells, position = np.unique(cell, return_inverse=True)
    shared = np.bincount(position, weights=np.repeat(scales, entries), minlength=len(cells))[position]
    together = scales * np.add.reduceat(
        shared * column_weights[graph.partition[column]], graph.indicator.indptr[:-1]
    )
    others = np.bincount(cluster)[cluster] - 1
    with_others = together / column_weights.sum() - 1  # without the image itself
    confidence: np.ndarray = np.clip(with_others / np.maximum(others, 1), 0, 1)
    return confidence
