"""Clustering by non-negative matrix factorisation (NMF-LP).

Cai et al., "Locality preserving nonnegative matrix factorization" (IJCAI 2009), with the locality's weight 0 as in
the comparison of Yang, Parikh and Batra (CVPR 2016): what is left is the factorisation of Lee and Seung (Nature
1999) under the Kullback-Leibler divergence, the images weighted as in the normalised cut (Xu, Liu and Gong,
"Document clustering based on non-negative matrix factorization", SIGIR 2003).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.clustering.base import CanonicalClusterer, check_counts, kmeans
from stages.core.errors import ParameterError
from stages.core.memory import require_memory


@dataclass(eq=False, repr=False)
class NMFLP(CanonicalClusterer):
    """K-means on the images' coefficients in a few non-negative parts.

    Parameters
    ----------
    n_clusters : number of clusters.
    rank : number of parts, whatever the number of clusters.
    n_iterations : multiplicative updates of each start.
    n_starts : starts, uniform between 0 and 1, of which the one with the smallest divergence is kept.
    n_init : starts of the K-means, of which the best is kept.
    random_state : seed of all starts.

    Fewer clusters than asked for come out where coefficients coincide. Features must not be negative. Seven
    arrays as large as they are fit beside them, or they are refused.
    """

    n_clusters: int = 2
    rank: int = 10
    n_iterations: int = 50
    n_starts: int = 10
    n_init: int = 10
    random_state: int | None = None

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        return tags

    def _check(self, features: np.ndarray) -> None:
        check_counts(self, "rank", "n_iterations", "n_starts", "n_init")
        lowest = features.min()
        if lowest < 0:
            row, column = np.unravel_index(features.argmin(), features.shape)
            raise ParameterError(
                f"Negative values in data passed to NMF: {lowest:.6g} in row {row}, column {column}; "
                "take features that are not negative, or DeepSemiNMF"
            )

    def _partition(self, features: np.ndarray, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
        require_memory(
            7 * features.nbytes + 48 * self.rank * sum(features.shape),
            f"the factorisation of {len(features)} images",
            "cluster fewer images at once",
        )
        weighted, weights = _weighted(features)
        starts = (self._factorise(weighted, chance) for _ in range(self.n_starts))
        _, coefficients = min(starts, key=lambda pair: pair[0])
        return kmeans(coefficients / weights[:, None], n_clusters, self.n_init, chance)

    def _factorise(self, features: np.ndarray, chance: np.random.RandomState) -> tuple[float, np.ndarray]:
        """Return the divergence that is left, and the coefficients (n, rank) of parts of length 1."""
        from sklearn.decomposition import NMF

        n_images, n_features = features.shape
        coefficients, parts = (
            chance.uniform(size=shape).astype(features.dtype)
            for shape in ((n_images, self.rank), (self.rank, n_features))
        )
        model = NMF(
            self.rank,
            init="custom",
            solver="mu",
            beta_loss="kullback-leibler",
            max_iter=self.n_iterations,
            tol=0,  # all iterations: nothing is spent on knowing whether they are enough
        )
        coefficients = model.fit_transform(features, W=coefficients, H=parts)
        return float(model.reconstruction_err_), coefficients * np.linalg.norm(model.components_, axis=1)


def _weighted(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return features times their images' weights, the mean of all entries 1, and the weights (n).

    An image's weight is one over its summed inner products with all. The divergence is homogeneous, so that a
    factorisation of weighted rows is a weighted factorisation, with coefficients that are weighted too.
    """
    scaled = features / features.max()
    degrees = scaled @ scaled.sum(axis=0)
    weights = np.where(degrees > 0, 1 / np.where(degrees > 0, degrees, 1), 1)
    scaled *= weights[:, None]
    mean = scaled.mean(dtype=np.float64)
    scaled /= scaled.dtype.type(mean)  # scikit-learn takes what is below the type's precision for 0
    return scaled, weights / mean
