"""Spectral clustering with one scale for all images (SC-NJW).

Ng, Jordan and Weiss, "On spectral clustering: analysis and an algorithm" (NIPS 2001), with the affinity's diagonal
kept and the scale a fraction of the mean distance, as in the comparison of Yang, Parikh and Batra (CVPR 2016).
"""

import numpy as np

from stages.clustering.canonical import CanonicalClusterer, kmeans
from stages.clustering.laplacian import (
    check_spread,
    leading_eigenvectors,
    normalise_affinity,
    require_affinity,
    squared_distances,
    unit_rows,
)
from stages.core.checks import check_number
from stages.core.errors import ParameterError


class SpectralNJW(CanonicalClusterer):
    """K-means on the leading eigenvectors of a normalised Gaussian affinity.

    Parameters
    ----------
    n_clusters : number of clusters.
    scale : the affinity is exp(-d / (scale * mean d)) of the squared distances d, the mean taken over all n * n.
    n_init : starts of the K-means, of which the best is kept.
    random_state : seed of the K-means.

    Attributes
    ----------
    labels_ : int32 (n), numbered from 0 without gaps; fewer than `n_clusters` where embedded images coincide.

    The affinity is dense, float64 (n, n); what would not fit in memory is refused with the figure.
    """

    def __init__(
        self, n_clusters: int = 2, scale: float = 0.05, n_init: int = 10, random_state: int | None = None
    ) -> None:
        self.n_clusters = n_clusters
        self.scale = scale
        self.n_init = n_init
        self.random_state = random_state

    def _check(self, features: np.ndarray) -> None:
        check_number("n_init", self.n_init, least=1, whole=True)
        check_number("scale", self.scale)
        if self.scale == 0:
            raise ParameterError("scale is 0; give a number above 0")

    def _partition(self, features: np.ndarray, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
        return kmeans(self._embed(features, n_clusters), n_clusters, self.n_init, chance)

    def _embed(self, features: np.ndarray, n_clusters: int) -> np.ndarray:
        require_affinity(features, n_clusters)
        affinity = squared_distances(features)
        affinity /= -self.scale * check_spread(float(affinity.mean()))
        np.exp(affinity, out=affinity)
        return unit_rows(leading_eigenvectors(normalise_affinity(affinity), n_clusters))
