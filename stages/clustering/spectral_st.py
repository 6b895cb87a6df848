"""Spectral clustering with a scale of its own for each image (SC-ST).

Zelnik-Manor and Perona, "Self-tuning spectral clustering" (NIPS 2004), section 2, with the groups found by K-means
and the settings of the comparison of Yang, Parikh and Batra (CVPR 2016).
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


class SpectralSelfTuning(CanonicalClusterer):
    """K-means on the leading eigenvectors of a normalised affinity with local scaling.

    Parameters
    ----------
    n_clusters : number of clusters.
    neighbour : the scale s of an image is its squared distance to this nearest neighbour, itself not counted; to
        the last one where there are fewer images.
    floor : the affinity is exp(-d_ij / sqrt(s_i s_j)), with no root below `floor`, so that identical images do not
        get a scale of 0. It suits rows of length 1.
    n_init : starts of the K-means, of which the best is kept.
    random_state : seed of the K-means.

    Attributes
    ----------
    labels_ : int32 (n), numbered from 0 without gaps; fewer than `n_clusters` where embedded images coincide.

    The affinity is dense, float64 (n, n), its diagonal 0; what would not fit in memory is refused with the figure.
    """

    def __init__(
        self,
        n_clusters: int = 2,
        neighbour: int = 75,
        floor: float = 0.004,
        n_init: int = 10,
        random_state: int | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.neighbour = neighbour
        self.floor = floor
        self.n_init = n_init
        self.random_state = random_state

    def _check(self, features: np.ndarray) -> None:
        check_number("neighbour", self.neighbour, least=1, whole=True)
        check_number("n_init", self.n_init, least=1, whole=True)
        check_number("floor", self.floor)
        if self.floor == 0:
            raise ParameterError("floor is 0, by which identical images would divide; give a number above 0")

    def _partition(self, features: np.ndarray, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
        return kmeans(self._embed(features, n_clusters), n_clusters, self.n_init, chance)

    def _embed(self, features: np.ndarray, n_clusters: int) -> np.ndarray:
        require_affinity(features, n_clusters)
        affinity = squared_distances(features)
        check_spread(float(affinity.max()))
        rank = min(self.neighbour, len(features) - 1)
        roots = np.sqrt([np.partition(row, rank)[rank] for row in affinity])  # the image itself has rank 0
        for row, root in zip(affinity, roots, strict=True):
            row /= -np.maximum(root * roots, self.floor)
        np.exp(affinity, out=affinity)
        np.fill_diagonal(affinity, 0)
        return unit_rows(leading_eigenvectors(normalise_affinity(affinity), n_clusters))
