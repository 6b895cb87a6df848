"""Clusters as dense regions of any density, with noise between them."""

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.clustering.validation import check_features
from stages.core.checks import check_choice, check_number
from stages.core.errors import ParameterError
from stages.core.memory import require_memory

METHODS = ("eom", "leaf")


class HDBSCAN(ClusterMixin, BaseEstimator):
    """scikit-learn's HDBSCAN (Campello, Moulavi and Sander, "Density-based clustering", 2013).

    It finds the number of clusters itself and leaves noise: images that belong to no cluster have the label -1.

    Parameters
    ----------
    min_cluster_size : images of a cluster at least, 2 or more.
    min_samples : the distance to the neighbour of this number, the image itself counted, tells how dense it is
        around an image; None: `min_cluster_size`.
    cluster_selection_method : "eom", the clusters that persist longest, or "leaf", the finest ones.
    allow_single_cluster : whether all images may be one cluster.

    Attributes
    ----------
    labels_ : int32 (n), clusters from 0 on, -1 for noise.
    n_features_in_ : d.
    """

    def __init__(
        self,
        min_cluster_size: int = 5,
        min_samples: int | None = None,
        cluster_selection_method: str = "eom",
        allow_single_cluster: bool = False,
    ) -> None:
        self.min_cluster_size = min_cluster_size
        self.min_samples = min_samples
        self.cluster_selection_method = cluster_selection_method
        self.allow_single_cluster = allow_single_cluster

    def fit(self, X: np.ndarray, y: None = None) -> "HDBSCAN":
        """Cluster features float (n, d); raises `ParameterError` for what cannot be clustered."""
        from sklearn import cluster
        from threadpoolctl import threadpool_limits

        features = check_features(self, X)
        n_images = len(features)
        check_number("min_cluster_size", self.min_cluster_size, 2, whole=True)
        if self.min_samples is not None:
            check_number("min_samples", self.min_samples, 1, whole=True)
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
