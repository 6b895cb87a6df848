"""Clusters as regions of at least one density, with noise between them."""

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.clustering.validation import check_features
from stages.core.checks import check_number
from stages.core.errors import ParameterError
from stages.core.memory import require_memory


class DBSCAN(ClusterMixin, BaseEstimator):
    """scikit-learn's DBSCAN (Ester, Kriegel, Sander and Xu, "A density-based algorithm", 1996).

    It finds the number of clusters itself and leaves noise: images that belong to no cluster have the label -1. An
    image within `eps` of two clusters goes to the one whose first image comes first.

    Parameters
    ----------
    eps : the distance up to which images are neighbours, above 0.
    min_samples : neighbours that an image in the core of a cluster has, itself counted.

    Attributes
    ----------
    labels_ : int32 (n), clusters from 0 on, -1 for noise.
    n_features_in_ : d.
    """

    def __init__(self, eps: float = 0.5, min_samples: int = 5) -> None:
        self.eps = eps
        self.min_samples = min_samples

    def fit(self, X: np.ndarray, y: None = None) -> "DBSCAN":
        """Cluster features float (n, d); raises `ParameterError` for what cannot be clustered."""
        from sklearn import cluster
        from threadpoolctl import threadpool_limits

        features = check_features(self, X)
        check_number("eps", self.eps)
        if self.eps == 0:
            raise ParameterError(f"eps is {self.eps!r}; give a distance above 0")
        check_number("min_samples", self.min_samples, 1, whole=True)
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
