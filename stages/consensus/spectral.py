"""Leading singular vectors of sparse graphs, and K-means on them: what takes the place of a graph partitioner."""

import warnings
from typing import Any

import numpy as np

_DENSE = 3000  # up to this side LAPACK is the faster way, and sure to find eigenvalues that repeat
_NOISE = 1e-10  # eigenvalues below this share of the largest are rounding errors
_STARTS = 10  # of K-means; on real partitions fewer leave the result to the seed


def leading_eigenvectors(matrix: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return up to `count` leading eigenvalues, descending, and eigenvectors (s, count) of `matrix`.

    `matrix` is float64 (s, s), symmetric and positive semi-definite; where its rank is less than `count`, there
    are as many.
    """
    from scipy.linalg import eigh
    from scipy.sparse.linalg import eigsh

    side = len(matrix)
    count = min(count, side)
    if side <= _DENSE or count > side // 3:
        values, vectors = eigh(matrix, subset_by_index=(side - count, side - 1))
    else:
        values, vectors = eigsh(matrix, count, v0=_start(side))
    kept = np.argsort(-values, kind="stable")
    kept = kept[values[kept] > _NOISE * values.max()]
    return values[kept], vectors[:, kept]


def leading_singular_vectors(matrix: Any, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the left (r, count) and right (c, count) singular vectors of a sparse `matrix`, the leading first."""
    from scipy.sparse.linalg import svds

    if matrix.shape[0] < matrix.shape[1]:
        right, left = leading_singular_vectors(matrix.T, count)
        return left, right
    side = matrix.shape[1]
    if side <= _DENSE or count > side // 3:
        squares, right = leading_eigenvectors((matrix.T @ matrix).toarray(), count)
        return matrix @ right / np.sqrt(squares), right
    left, values, right = svds(matrix, count, v0=_start(side))
    kept = np.argsort(-values, kind="stable")
    kept = kept[values[kept] > np.sqrt(_NOISE) * values.max()]
    return left[:, kept], right[kept].T


def singular_memory(shape: tuple[int, int], count: int) -> int:
    """Bytes that `leading_singular_vectors` and K-means on the left ones take."""
    side = min(shape)
    dense = side if side <= _DENSE or count > side // 3 else 3 * count
    return 8 * (4 * count * sum(shape) + 4 * side * dense)


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Scale the rows of `vectors` to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)


def kmeans(points: np.ndarray, weights: np.ndarray, n_clusters: int, random_state: Any) -> np.ndarray:
    """K-means labels, int32 (r), of `points` (r, d) with `weights` (r); fewer clusters where points coincide."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # points that coincide
        clustering = KMeans(min(n_clusters, len(points)), n_init=_STARTS, random_state=random_state)
        labels: np.ndarray = clustering.fit_predict(points, sample_weight=weights)
    return labels


def _start(side: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=side)
