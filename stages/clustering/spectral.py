"""Spectral clustering, with one scale for all images (SC-NJW) or one for each (SC-ST).

Both have the settings of the comparison of Yang, Parikh and Batra (CVPR 2016).
"""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from stages.clustering.base import CanonicalClusterer, check_counts, check_positive, kmeans
from stages.clustering.distances import squared_distances
from stages.clustering.laplacian import check_spread, leading_eigenvectors, normalise_affinity, require_affinity
from stages.clustering.preparation import unit_rows


class _Spectral(CanonicalClusterer):
    """K-means on the leading eigenvectors of a normalised affinity."""

    n_init: int

    def _partition(self, features: np.ndarray, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
        return kmeans(self._embed(features, n_clusters), n_clusters, self.n_init, chance)

    def _embed(self, features: np.ndarray, n_clusters: int) -> np.ndarray:
        require_affinity(features, n_clusters)
        affinity = self._affinity(squared_distances(features))
        return unit_rows(leading_eigenvectors(normalise_affinity(affinity), n_clusters))

    @abstractmethod
    def _affinity(self, distances: np.ndarray) -> np.ndarray:
        """Return the affinity float64 (n, n) from the squared distances, which may be overwritten."""


@dataclass(eq=False, repr=False)
class SpectralNJW(_Spectral):
    """K-means on the leading eigenvectors of a normalised Gaussian affinity.

    Ng, Jordan and Weiss, "On spectral clustering: analysis and an algorithm" (NIPS 2001), with the affinity's
    diagonal kept and the scale a fraction of the mean distance.

    Parameters
    ----------
    n_clusters : number of clusters.
    scale : the affinity is exp(-d / (scale * mean d)) of the squared distances d, the mean taken over all n * n.
    n_init : starts of the K-means, of which the best is kept.
    random_state : seed of the K-means.

    Fewer clusters than asked for come out where embedded images coincide. The affinity is dense, float64 (n, n);
    what would not fit in memory is refused with the figure.
    """

    n_clusters: int = 2
    scale: float = 0.05
    n_init: int = 10
    random_state: int | None = None

    def _check(self, features: np.ndarray) -> None:
        check_counts(self, "n_init")
        check_positive("scale", self.scale)

    def _affinity(self, distances: np.ndarray) -> np.ndarray:
        distances /= -self.scale * check_spread(float(distances.mean()))
        affinity: np.ndarray = np.exp(distances, out=distances)
        return affinity


@dataclass(eq=False, repr=False)
class SpectralSelfTuning(_Spectral):
    """K-means on the leading eigenvectors of a normalised affinity with local scaling.

    Zelnik-Manor and Perona, "Self-tuning spectral clustering" (NIPS 2004), section 2, with the groups found by
    K-means.

    Parameters
    ----------
    n_clusters : number of clusters.
    neighbour : the scale s of an image is its squared distance to this nearest neighbour, itself not counted; to
        the last one where there are fewer images.
    floor : the affinity is exp(-d_ij / sqrt(s_i s_j)), with no root below `floor`, so that identical images do not
        get a scale of 0. It suits rows of length 1.
    n_init : starts of the K-means, of which the best is kept.
    random_state : seed of the K-means.

    Fewer clusters than asked for come out where embedded images coincide. The affinity is dense, float64 (n, n),
    its diagonal 0; what would not fit in memory is refused with the figure.
    """

    n_clusters: int = 2
    neighbour: int = 75
    floor: float = 0.004
    n_init: int = 10
    random_state: int | None = None

    def _check(self, features: np.ndarray) -> None:
        check_counts(self, "neighbour", "n_init")
        check_positive("floor", self.floor, "give a number above 0, as identical images divide by it")

    def _affinity(self, distances: np.ndarray) -> np.ndarray:
        check_spread(float(distances.max()))
        rank = min(self.neighbour, len(distances) - 1)
        roots = np.sqrt([np.partition(row, rank)[rank] for row in distances])  # the image itself has rank 0
        for row, root in zip(distances, roots, strict=True):
            row /= -np.maximum(root * roots, self.floor)
        np.exp(distances, out=distances)
        np.fill_diagonal(distances, 0)
        return distances
