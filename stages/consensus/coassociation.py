"""Evidence accumulation: images that many partitions put together belong together.

Fred and Jain, "Combining multiple clusterings using evidence accumulation" (2005); with one partition per
pretrained CNN it is the multi-view ensemble clustering (MVEC) of Guerin et al. (2021), section 4.
"""

from typing import Any

from sklearn.base import BaseEstimator, ClusterMixin

from stages.consensus.linkage import LINKAGES, linkage
from stages.consensus.outliers import cut_with_outliers
from stages.consensus.selection import longest_lived
from stages.consensus.validation import check_partitions
from stages.core.checks import check_choice, check_n_clusters, check_share


class CoassociationClustering(ClusterMixin, BaseEstimator):
    """Hierarchical clustering of the co-association of images, cut at `n_clusters`.

    Parameters
    ----------
    n_clusters : number of clusters; "auto" for the number that lasts longest, of 2 to twice the root of n.
    linkage : "average" (MVEC), "single" (Fred and Jain's first choice) or "complete".
    weights : a number of at least 0 for each partition; None for equal ones.
    min_cluster_fraction : the size from which a cluster counts, as a share of the mean size n / n_clusters, 0 to
    below 1: the images of smaller ones join the clusters they agree with most. 0 is the plain cut of the
    literature.

    Attributes
    ----------
    labels_ : int32 (n), clusters numbered from 0 by size, the largest first (ties: by their first image).
    n_clusters_ : the number of clusters.
    dendrogram_ : `Dendrogram`, for other cuts; its heights are 1 - co-association.

    The co-association matrix is never formed: see `stages.consensus.linkage`, also on missing labels and ties.
    """

    def __init__(
        self,
        n_clusters: int | str = "auto",
        linkage: str = "average",
        weights: Any = None,
        min_cluster_fraction: float = 0.2,
    ) -> None:
        self.n_clusters = n_clusters
        self.linkage = linkage
        self.weights = weights
        self.min_cluster_fraction = min_cluster_fraction

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
        self.n_clusters_ = longest_lived(self.dendrogram_) if self.n_clusters == "auto" else int(self.n_clusters)
        self.labels_ = cut_with_outliers(
            self.dendrogram_, self.n_clusters_, self.min_cluster_fraction, partitions, self.weights
        )
        return self
