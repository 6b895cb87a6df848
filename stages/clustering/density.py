"""Clusters as dense regions, with noise between them: of one density (DBSCAN), or of any (HDBSCAN).

Both find the number of clusters themselves and leave noise: `labels_`, int32 (n), is -1 for images of no cluster.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.clustering.base import check_counts, check_features, check_positive
from stages.core.checks import check_choice, check_number
from stages.core.errors import ParameterError
from stages.core.memory import require_memory

METHODS = ("eom", "leaf")


@dataclass(eq=False, repr=False)
class DBSCAN(ClusterMixin, BaseEstimator):
    """scikit-learn's DBSCAN (Ester, Kriegel, Sander and Xu, "A density-based algorithm", 1996).

    An image within `eps` of two clusters goes to the one whose first image comes first.

    Parameters
    ----------
    eps : the distance up to which images are neighbours, above 0.
    min_samples : neighbours that an image in the core of a cluster has, itself counted.
    """

    eps: float = 0.5
    min_samples: int = 5

    def fit(self, X: np.ndarray, y: None = None) -> "DBSCAN":
        """Cluster features float (n, d); raises `ParameterError` for what cannot be clustered."""
        from sklearn import cluster
        from threadpoolctl import threadpool_limits

        features = check_features(self, X)
        check_positive("eps", self.eps, "give a distance above 0")
        check_counts(self, "min_samples")
        n_images = len(features)
        require_memory(
            8 * (n_images**2 + features.size),  # where eps is wide, all images are neighbours of all
            f"the neighbours of {n_images} images",
            "cluster fewer images, or with hdbscan",
        )
        with threadpool_limits(1):
            wrapped = cluster.DBSCAN(eps=float(self.eps), min_samples=int(self.min_samples))
            self.labels_ = wrapped.fit_predict(features).astype(np.int32)
        return self


@dataclass(eq=False, repr=False)
class HDBSCAN(ClusterMixin, BaseEstimator):
    """scikit-learn's HDBSCAN (Campello, Moulavi and Sander, "Density-based clustering", 2013).

    Parameters
    ----------
    min_cluster_size : images of a cluster at least, 2 or more.
    min_samples : the distance to the neighbour of this number, the image itself counted, says how dense it is
        around an image; None: `min_cluster_size`.
    cluster_selection_method : "eom", the clusters that persist longest, or "leaf", the finest ones.
    allow_single_cluster : whether all images may be one cluster.
    """

    min_cluster_size: int = 5
    min_samples: int | None = None
    cluster_selection_method: str = "eom"
    allow_single_cluster: bool = False

    def fit(self, X: np.ndarray, y: None = None) -> "HDBSCAN":
        """Cluster features float (n, d); raises `ParameterError` for what cannot be clustered."""
        from sklearn import cluster
        from threadpoolctl import threadpool_limits

        features = check_features(self, X)
        n_images = len(features)
        check_number("min_cluster_size", self.min_cluster_size, 2, whole=True)
        if self.min_samples is not None:
            check_counts(self, "min_samples")
        check_choice("cluster_selection_method", self.cluster_selection_method, METHODS)
        if n_images == 1:
            self.labels_ = np.full(1, 0 if self.allow_single_cluster else -1, dtype=np.int32)
            return self
        name = "min_cluster_size" if self.min_samples is None else "min_samples"
        neighbours = getattr(self, name)
        if neighbours > n_images:
            raise ParameterError(f"{name} is {neighbours}, but there are only {n_images} images; give no more")
        require_memory(
            8 * (2 * features.size + n_images * (neighbours + 50)),
            f"HDBSCAN of {n_images} images",
            "cluster fewer images at once",
        )
        wrapped = cluster.HDBSCAN(
            min_cluster_size=self.min_cluster_size,
            min_samples=self.min_samples,
            cluster_selection_method=self.cluster_selection_method,
            allow_single_cluster=self.allow_single_cluster,
            copy=True,
        )
        with threadpool_limits(1):
            self.labels_ = wrapped.fit_predict(features).astype(np.int32)
        return self
