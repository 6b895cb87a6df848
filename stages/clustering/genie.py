"""Single linkage that keeps clusters from staying tiny."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.clustering.base import check_features
from stages.core.checks import check_n_clusters, check_number
from stages.core.errors import ParameterError
from stages.core.memory import require_memory


@dataclass(eq=False, repr=False)
class Genie(ClusterMixin, BaseEstimator):
    """Gagolewski, Bartoszuk and Cena, "Genie: a new, fast, and outlier-resistant hierarchical clustering" (2016).

    Parameters
    ----------
    n_clusters : number of clusters.
    gini_threshold : from 0 to 1: as soon as the Gini index of the cluster sizes exceeds it, the smallest cluster
        has to take part in the next merge. 1: single linkage.

    Attributes
    ----------
    labels_ : int32 (n), from 0 on.
    n_features_in_ : d.

    The work is done by the package genieclust, an optional one because its licence is the AGPL: it is installed
    with `pip install 'manyviews[genie]'`. One thread does it, so that the cores decide nothing. Where distances
    tie, the order of the images decides.
    """

    n_clusters: int = 2
    gini_threshold: float = 0.3

    def fit(self, X: np.ndarray, y: None = None) -> "Genie":
        """Cluster features float (n, d); raises `ParameterError` for what cannot be, and without genieclust."""
        from threadpoolctl import threadpool_limits

        features = check_features(self, X)
        n_images = len(features)
        n_clusters = check_n_clusters(self.n_clusters, n_images)
        check_number("gini_threshold", self.gini_threshold)
        if self.gini_threshold > 1:
            raise ParameterError(f"gini_threshold is {self.gini_threshold!r}; give a number from 0 to 1")
        try:
            import genieclust
        except ImportError:
            raise ParameterError("genie needs the package genieclust; pip install 'manyviews[genie]'") from None
        require_memory(3 * 8 * features.size, f"Genie of {n_images} images", "cluster fewer images at once")
        if n_clusters in (1, n_images):
            self.labels_ = np.arange(n_images, dtype=np.int32) % n_clusters
            return self
        with threadpool_limits(1):
            wrapped = genieclust.Genie(n_clusters, gini_threshold=float(self.gini_threshold))
            self.labels_ = wrapped.fit_predict(features.astype(np.float64)).astype(np.int32)
        return self
