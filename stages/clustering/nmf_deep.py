"""Clustering by deep semi-non-negative matrix factorisation (NMF-D).

Trigeorgis et al., "A deep semi-NMF model for learning hidden representations" (ICML 2014), algorithm 1, linear.
Each layer begins as a semi-NMF (Ding, Li and Jordan, "Convex and semi-nonnegative matrix factorizations", PAMI
2010) from the singular vectors of Boutsidis and Gallopoulos, "SVD based initialization" (Pattern Recognition
2008).
"""

from dataclasses import dataclass

import numpy as np

from stages.clustering.base import CanonicalClusterer, check_counts, kmeans
from stages.core.checks import check_number
from stages.core.errors import ParameterError
from stages.core.memory import require_memory

_TINY = 1e-10


@dataclass(eq=False, repr=False)
class DeepSemiNMF(CanonicalClusterer):
    """K-means on the last of several layers of non-negative coefficients; features may have any sign.

    The features X, a row an image, are near H_L Z_L ... Z_1, with H_L not negative.

    Parameters
    ----------
    n_clusters : number of clusters.
    layers : width of each layer, the first next to the features; clipped to the size of what it factorises.
    n_iterations : updates of each layer's start, and of all layers together.
    tol : they end when the error's decrease is at most this share of it (of 1 where the error is below 1).
    n_init : starts of the K-means, of which the best is kept.
    random_state : seed of the K-means; the factorisation has no chance.

    Fewer clusters than asked for come out where coefficients coincide. Features wider than there are images are
    replaced with n coordinates in the space that the images span, in which the factorisation is the same.
    """

    n_clusters: int = 2
    layers: tuple[int, ...] = (160, 160)
    n_iterations: int = 500
    tol: float = 1e-5
    n_init: int = 10
    random_state: int | None = None

    def _check(self, features: np.ndarray) -> None:
        if not isinstance(self.layers, tuple | list) or not self.layers:
            raise ParameterError(f"layers is {self.layers!r}; give the layers' widths, such as (160, 160)")
        for width in self.layers:
            check_number("a width in layers", width, least=1, whole=True)
        check_counts(self, "n_iterations", "n_init")
        check_number("tol", self.tol)

    def _partition(self, features: np.ndarray, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
        n_images, n_features = features.shape
        least = min(n_images, n_features)
        widest = min(max(self.layers), least)
        require_memory(
            8 * (2 * features.size + 4 * least * least + 10 * (n_images + n_features) * widest),
            f"the factorisation of {n_images} images",
            "cluster fewer images at once",
        )
        coefficients = factorise(features.astype(np.float64), tuple(self.layers), self.n_iterations, self.tol)
        return kmeans(coefficients, n_clusters, self.n_init, chance)


def factorise(features: np.ndarray, layers: tuple[int, ...], n_iterations: int, tol: float) -> np.ndarray:
    """Return the last layer's coefficients, float64 (n, width), of features float64 (n, d)."""
    start = nonnegative_start(features, min(layers[0], *features.shape))
    reduced = _spanned(features)
    coefficients, basis = semi_nmf(reduced, start, n_iterations, tol)
    bases = [basis]
    for width in layers[1:]:
        start = nonnegative_start(coefficients, min(width, *coefficients.shape))
        coefficients, basis = semi_nmf(coefficients, start, n_iterations, tol)
        bases.append(basis)
    return _tune(reduced, coefficients, bases, n_iterations, tol)


def _spanned(features: np.ndarray) -> np.ndarray:
    """Return features (n, d), or, where d > n, coordinates (n, n) with the same inner products."""
    n_images, n_features = features.shape
    if n_features <= n_images:
        return features
    values, vectors = np.linalg.eigh(features @ features.T)
    coordinates: np.ndarray = vectors * np.sqrt(np.maximum(values, 0))
    return coordinates


def nonnegative_start(matrix: np.ndarray, width: int) -> np.ndarray:
    """Return the left factor (n, width), not negative, of NNDSVD for the absolute values of matrix (n, d)."""
    from scipy.linalg import eigh

    sizes = np.abs(matrix)
    tall = sizes.shape[0] > sizes.shape[1]
    gram = sizes.T @ sizes if tall else sizes @ sizes.T
    last = len(gram) - 1
    values, vectors = eigh(gram, subset_by_index=(last - width + 1, last), overwrite_a=True)
    singular = np.sqrt(np.maximum(values[::-1], 0))
    found = singular > singular[0] * np.sqrt(np.finfo(float).eps)  # smaller ones are rounding of the products
    singular, vectors = singular[found], vectors[:, ::-1][:, found]
    others = (sizes @ vectors if tall else sizes.T @ vectors) / singular
    left, right = (others, vectors) if tall else (vectors, others)
    # Of each pair of vectors, the parts of one sign that carry more; the first pair has one sign.
    ups = np.maximum(left, 0), np.maximum(right, 0)
    downs = np.maximum(-left, 0), np.maximum(-right, 0)
    up, down = (np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0) for a, b in (ups, downs))
    chosen = np.where(up >= down, ups[0], downs[0])
    lengths = np.linalg.norm(chosen, axis=0)
    start = np.zeros((len(matrix), width))
    sizes = np.sqrt(singular * np.maximum(up, down))
    start[:, : len(singular)] = chosen * sizes / np.where(lengths > 0, lengths, 1)
    return start


def semi_nmf(
    features: np.ndarray, coefficients: np.ndarray, n_iterations: int, tol: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients H (n, k), not negative, and a basis Z (k, d) so that features (n, d) are near H Z."""
    before = np.inf
    for iteration in range(1, n_iterations + 1):
        basis = _left_inverse(coefficients) @ features
        coefficients = _updated(coefficients, features @ basis.T, basis @ basis.T)
        if iteration % 10 == 9:
            before = float(np.linalg.norm(features - coefficients @ basis))
        elif iteration % 10 == 0:
            error = float(np.linalg.norm(features - coefficients @ basis))
            if before - error <= tol * max(1, before):
                break
    return coefficients, basis


def _tune(
    features: np.ndarray, coefficients: np.ndarray, bases: list[np.ndarray], n_iterations: int, tol: float
) -> np.ndarray:
    """Update all bases and the last layer's coefficients (n, k) in turn, and return the coefficients."""
    before = float(np.linalg.norm(features - coefficients @ _product(bases)))
    for _ in range(n_iterations):
        inner = [coefficients]  # of each layer, what the layers behind it say its coefficients are
        for basis in bases[:0:-1]:
            inner.append(inner[-1] @ basis)
        product = np.empty((0, 0))
        for layer, behind in enumerate(reversed(inner)):
            basis = _left_inverse(behind) @ features
            if layer == 0:
                product = bases[0] = basis
            else:
                bases[layer] = basis @ _left_inverse(product.T).T
                product = bases[layer] @ product
        coefficients = _updated(coefficients, features @ product.T, product @ product.T)
        error = float(np.linalg.norm(features - coefficients @ product))
        if before - error <= tol * max(1, before):
            break
        before = error
    return coefficients


def _product(bases: list[np.ndarray]) -> np.ndarray:
    product = bases[0]
    for basis in bases[1:]:
        product = basis @ product
    return product


def _left_inverse(matrix: np.ndarray) -> np.ndarray:
    """Return the pseudoinverse (k, n) of a matrix (n, k) that has few columns."""
    gram = matrix.T @ matrix
    inverse: np.ndarray = np.linalg.pinv(gram, rcond=len(gram) * np.finfo(float).eps, hermitian=True) @ matrix.T
    return inverse


def _updated(coefficients: np.ndarray, target: np.ndarray, gram: np.ndarray) -> np.ndarray:
    """The multiplicative update of Ding, Li and Jordan, equation 11, in which what is 0 stays 0."""
    gain = np.maximum(target, 0) + coefficients @ np.maximum(-gram, 0)
    loss = np.maximum(-target, 0) + coefficients @ np.maximum(gram, 0)
    updated: np.ndarray = coefficients * np.sqrt(gain / np.maximum(loss, _TINY))
    return updated
