"""What spectral clusterings share: distances, the normalised affinity, its eigenvectors, rows of length 1."""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from stages.clustering._centred import centred, centred_squares, mean_of
from stages.core.errors import ParameterError
from stages.core.memory import require_memory

DENSE = 1500  # up to so many images, all eigenvectors by LAPACK are as fast as a few by Lanczos iterations
_SHIFT = 1e-6  # far above the rounding of a factorisation, about as wide as the gaps between eigenvalues
_BLOCK = 1 << 25  # bytes of a block of distances


def distance_blocks(features: np.ndarray, others: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield squared Euclidean distances between features (n, d) and others (m, d), float64, in blocks of rows.

    Each item is the index of the first row and the block (b, m), which the caller may overwrite. Raises
    `ParameterError` for features whose squares overflow.
    """
    mean = mean_of(others)
    squares = centred_squares(features, mean)
    everything = slice(None)
    others = centred(others, mean, everything, everything)
    other_squares = np.einsum("ij,ij->i", others, others)
    step = max(1, _BLOCK // (8 * len(others)))
    for start in range(0, len(features), step):
        rows = slice(start, min(start + step, len(features)))
        block = centred(features, mean, rows, everything) @ others.T
        block *= -2
        block += squares[rows, None]
        block += other_squares
        np.maximum(block, 0, out=block)
        yield start, block


def distances_memory(features: np.ndarray, n_others: int) -> int:
    """Bytes that `distance_blocks` to `n_others` takes, with a few copies of a block that its caller may make."""
    n_images, width = features.shape
    rows = min(n_images, max(1, _BLOCK // (8 * n_others)))
    return 8 * width * (n_others + rows) + 32 * rows * n_others + min(16 * features.size, 1 << 25)


def squared_distances(features: np.ndarray) -> np.ndarray:
    """Return the squared Euclidean distances between the rows of features (n, d), float64 (n, n), diagonal 0."""
    n_images = len(features)
    distances = np.empty((n_images, n_images))
    for start, block in distance_blocks(features, features):
        distances[start : start + len(block)] = block
    np.fill_diagonal(distances, 0)
    return distances


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


def unit_rows(vectors: np.ndarray) -> np.ndarray:
    """Return vectors (n, k) with rows of length 1; rows of zeros stay as they are."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows: np.ndarray = vectors / np.where(lengths > 0, lengths, 1)
    return rows
