"""Landmark-based spectral clustering (SC-LS), for many images.

Chen and Cai, "Large scale spectral clustering with landmark-based representation" (AAAI 2011): the variant LSC-K,
whose landmarks are K-means centres.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.clustering.base import CanonicalClusterer, check_counts, check_positive, convergence_ignored, kmeans
from stages.clustering.distances import distance_blocks, distances_memory
from stages.clustering.laplacian import check_spread
from stages.clustering.preparation import unit_rows
from stages.core.errors import ParameterError
from stages.core.memory import require_memory

_ITERATIONS = 5  # of the K-means that places the landmarks


@dataclass(eq=False, repr=False)
class SpectralLandmarks(CanonicalClusterer):
    """K-means on the singular vectors of the images' weights on their nearest landmarks.

    Parameters
    ----------
    n_clusters : number of clusters.
    n_landmarks : number p of landmarks, above `n_clusters`; at most one for each image.
    n_nearest : each image is described by its weights on so many landmarks, which sum to 1.
    sigma : the weights are exp(-d / (2 sigma^2)) of the squared distances d; None: the mean of all d, as the
        authors' code has it, which suits rows of length 1.
    n_init : starts of the final K-means, of which the best is kept.
    random_state : seed of both K-means.

    Fewer clusters than asked for come out where embedded images coincide. Time and memory grow with n: beside a
    copy of the features there are `n_nearest` weights and `n_clusters` coordinates an image, and distances to
    the landmarks in blocks.
    """

    n_clusters: int = 2
    n_landmarks: int = 500
    n_nearest: int = 5
    sigma: float | None = None
    n_init: int = 10
    random_state: int | None = None

    def _check(self, features: np.ndarray) -> None:
        check_counts(self, "n_landmarks", "n_nearest", "n_init")
        if self.n_landmarks <= self.n_clusters:
            raise ParameterError(
                f"n_landmarks is {self.n_landmarks}, for {self.n_clusters} clusters; give at least one more"
            )
        if self.sigma is not None:
            check_positive("sigma", self.sigma, "give a number above 0, or None")

    def _partition(self, features: np.ndarray, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
        n_images, n_landmarks = len(features), min(self.n_landmarks, len(features))
        n_nearest = min(self.n_nearest, n_landmarks)
        require_memory(
            features.nbytes  # scikit-learn's K-means centres a copy
            + 8 * n_images * (6 * n_nearest + 4 * n_clusters)
            + 8 * n_landmarks * (3 * n_landmarks + 2 * features.shape[1])
            + distances_memory(features, n_landmarks),
            f"the landmark weights of {n_images} images",
            "cluster fewer images at once",
        )
        landmarks = _landmarks(features, n_landmarks, chance)
        weights = _weights(features, landmarks, n_nearest, self.sigma)
        return kmeans(unit_rows(_singular_vectors(weights, n_clusters)), n_clusters, self.n_init, chance)


def _landmarks(features: np.ndarray, n_landmarks: int, chance: np.random.RandomState) -> np.ndarray:
    from sklearn.cluster import KMeans

    if n_landmarks == len(features):
        return features
    means = KMeans(n_landmarks, init="random", n_init=1, max_iter=_ITERATIONS, random_state=chance)
    with convergence_ignored():
        centres: np.ndarray = means.fit(features).cluster_centers_
    return centres


def _weights(features: np.ndarray, landmarks: np.ndarray, n_nearest: int, sigma: float | None) -> Any:
    """Return the sparse weights (n, p) of the images on their nearest landmarks; each row sums to 1."""
    from scipy.sparse import csr_array

    n_images, n_landmarks = len(features), len(landmarks)
    nearest = np.empty((n_images, n_nearest), dtype=np.int32)
    distances = np.empty((n_images, n_nearest))
    total = 0.0
    for start, block in distance_blocks(features, landmarks):
        total += block.sum()
        chosen = np.argpartition(block, n_nearest - 1, axis=1)[:, :n_nearest]
        nearest[start : start + len(block)] = chosen
        distances[start : start + len(block)] = np.take_along_axis(block, chosen, axis=1)
    width = check_spread(total / (n_images * n_landmarks)) if sigma is None else sigma
    # Without the nearest landmark's distance, which cancels in the division, the sums are at least 1.
    distances -= distances.min(axis=1, keepdims=True)
    with np.errstate(over="ignore"):  # a ratio beyond float64 is a weight of 0
        weights = np.exp(-(distances / width) / (2 * width))
    weights /= weights.sum(axis=1, keepdims=True)
    starts = np.arange(0, n_images * n_nearest + 1, n_nearest)
    return csr_array((weights.reshape(-1), nearest.reshape(-1), starts), shape=(n_images, n_landmarks))


def _singular_vectors(weights: Any, count: int) -> np.ndarray:
    """Return left singular vectors 2 to count + 1, float64 (n, count), once columns are divided by root sums.

    The first, which is the same for all images, is taken out beforehand: where the images fall into groups without
    a common landmark, others have its singular value too, and any mixture of them may come first.
    """
    from scipy.linalg import eigh
    from scipy.sparse import diags_array

    sums = np.asarray(weights.sum(axis=0)).reshape(-1)
    scaled = weights @ diags_array(1 / np.sqrt(np.maximum(sums, 1e-24)))
    last = scaled.shape[1] - 1
    gram = (scaled.T @ scaled).toarray()  # the landmarks' side has p rows only
    gram -= np.sqrt(np.outer(sums, sums)) / sums.sum()
    values, vectors = eigh(gram, subset_by_index=(last - count + 1, last))
    embedding: np.ndarray = (scaled @ vectors) / np.sqrt(np.maximum(values, np.finfo(float).eps))
    return embedding[:, ::-1]
