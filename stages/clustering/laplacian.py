"""The parts that spectral clusterings share: the normalised affinity and its eigenvectors."""

import inspect
from typing import Any

import numpy as np

from stages.clustering.distances import distances_memory
from stages.core.errors import ParameterError
from stages.core.memory import require_memory

DENSE = 1500  # up to so many images, all eigenvectors by LAPACK are as fast as a few by Lanczos iterations
_SHIFT = 1e-6  # far above the rounding of a factorisation, about as wide as the gaps between eigenvalues


def require_affinity(features: np.ndarray, count: int) -> None:
    """Raise `ParameterError` unless a dense affinity of features (n, d) and `count` eigenvectors fit in memory."""
    n_images = len(features)
    copies = 3 if n_images <= DENSE else 1  # LAPACK's driver works on more
    require_memory(
        8 * n_images * (copies * n_images + 6 * count) + distances_memory(features, n_images),
        f"the affinity of {n_images} images",
        "cluster fewer images at once, or by their landmarks (SpectralLandmarks)",
    )


def check_spread(spread: float) -> float:
    """Return `spread`, a mean or largest squared distance, unless it has vanished in rounding."""
    if spread <= 0:
        raise ParameterError(
            "the images differ so little that their squared distances vanish in rounding; scale the features up"
        )
    return spread


def normalise_affinity(affinity: np.ndarray) -> np.ndarray:
    """Divide an affinity (n, n) in place by the roots of both images' degrees; images without a degree stay 0."""
    degrees = affinity.sum(axis=1)
    roots = np.zeros(len(degrees))
    np.divide(1, np.sqrt(degrees), out=roots, where=degrees > 0)
    affinity *= roots[:, None]
    affinity *= roots
    return affinity


def leading_eigenvectors(matrix: Any, count: int) -> np.ndarray:
    """Return the eigenvectors of the `count` largest eigenvalues, float64 (n, count), the largest first.

    `matrix` is symmetric, an array or a sparse matrix (n, n), has no eigenvalue above 1, as normalised affinities
    have, and may be overwritten.
    """
    n_rows = matrix.shape[0]
    if n_rows <= max(DENSE, count + 1):
        from scipy.linalg import eigh

        dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
        vectors: np.ndarray = eigh(dense, subset_by_index=(n_rows - count, n_rows - 1), overwrite_a=True)[1]
        return vectors[:, ::-1]
    from scipy.sparse.linalg import eigsh

    operator = _inverse_near_one(matrix) if isinstance(matrix, np.ndarray) else matrix
    # Restarts after a breakdown draw at random, in releases of scipy that let one say from which seed.
    seed = {"rng": 0} if "rng" in inspect.signature(eigsh).parameters else {}
    start = np.random.RandomState(0).uniform(0.5, 1, n_rows)
    values, vectors = eigsh(operator, count, which="LA", v0=start, **seed)
    return vectors[:, np.argsort(-values, kind="stable")]


def _inverse_near_one(matrix: np.ndarray) -> Any:
    """Return (s I - matrix)^-1 with s just above 1, which has the same eigenvectors in the same order.

    A narrow affinity has its leading eigenvalues within 1e-5 of each other, where Lanczos iterations take
    thousands of products. The inverse sets them apart: a factorisation and some dozen products are enough.
    """
    from scipy.linalg import cho_factor, cho_solve
    from scipy.sparse.linalg import LinearOperator

    matrix *= -1
    matrix[np.diag_indices_from(matrix)] += 1 + _SHIFT
    factor = cho_factor(matrix.T, lower=True, overwrite_a=True, check_finite=False)
    return LinearOperator(
        matrix.shape, matvec=lambda vector: cho_solve(factor, vector, check_finite=False), dtype=matrix.dtype
    )
