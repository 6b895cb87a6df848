"""Clusters as the parts of a mixture of Gaussians."""

from dataclasses import dataclass

import numpy as np

from stages.clustering.base import CanonicalClusterer, check_counts, convergence_ignored
from stages.core.checks import check_choice, check_number
from stages.core.memory import require_memory

COVARIANCES = ("diag", "spherical", "tied", "full")


@dataclass(eq=False, repr=False)
class GaussianMixture(CanonicalClusterer):
    """scikit-learn's mixture of Gaussians, fitted by expectation maximisation (Dempster, Laird and Rubin 1977).

    Parameters
    ----------
    n_clusters : number of Gaussians.
    covariance_type : "diag", "spherical", "tied" or "full". A full covariance of d features has d (d + 1) / 2
        values: CNN features are wider than a cluster has images, and then it is singular but for `reg_covar`, and
        slow. The default therefore takes features as independent within a cluster.
    n_init : number of starts, of which the likeliest counts; each starts from one K-means.
    max_iter, tol : iterations at most, and the gain of the mean log-likelihood below which they stop.
    reg_covar : added to variances, which keeps duplicates and constant features from making them 0.
    random_state : seed or generator of the starts.

    Attributes
    ----------
    labels_ : int32 (n), from 0 on without gaps; a Gaussian that is no image's likeliest is left out.
    n_iter_ : iterations made; 0 where the answer is plain, one cluster or as many as images.
    """

    n_clusters: int = 2
    covariance_type: str = "diag"
    n_init: int = 1
    max_iter: int = 100
    tol: float = 1e-3
    reg_covar: float = 1e-6
    random_state: int | np.random.RandomState | None = None

    def _check(self, features: np.ndarray) -> None:
        self.n_iter_ = 0
        check_choice("covariance_type", self.covariance_type, COVARIANCES)
        check_counts(self, "n_init", "max_iter")
        check_number("tol", self.tol)
        check_number("reg_covar", self.reg_covar)
        n_images, width = features.shape
        matrices = {"full": self.n_clusters, "tied": 1}.get(self.covariance_type, 0)
        require_memory(
            8 * (4 * matrices * width**2 + 4 * n_images * width + 4 * n_images * self.n_clusters),
            f"a mixture of {self.n_clusters} Gaussians over {n_images} images of {width} features",
            "take covariance_type 'diag', fewer clusters or fewer features",
        )

    def _partition(self, features: np.ndarray, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
        from sklearn.mixture import GaussianMixture as Wrapped

        wrapped = Wrapped(
            n_clusters,
            covariance_type=self.covariance_type,
            n_init=self.n_init,
            max_iter=self.max_iter,
            tol=self.tol,
            reg_covar=self.reg_covar,
            random_state=chance,
        )
        with convergence_ignored():
            # In float64: in float32 the variances of features with a large mean cancel.
            labels: np.ndarray = wrapped.fit_predict(features.astype(np.float64))
        self.n_iter_ = wrapped.n_iter_
        return labels
