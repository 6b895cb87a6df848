"""Normalised cuts (N-Cuts) with the discretisation of Yu and Shi.

Shi and Malik, "Normalized cuts and image segmentation" (PAMI 2000); Yu and Shi, "Multiclass spectral clustering"
(ICCV 2003). The degrees' offset and the thresholds are those of the authors' code, version 9.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.clustering.base import CanonicalClusterer, check_counts, check_positive
from stages.clustering.distances import distance_blocks, distances_memory
from stages.clustering.laplacian import DENSE, check_spread, leading_eigenvectors
from stages.clustering.preparation import unit_rows
from stages.core.memory import require_memory

_LEAST_WEIGHT = 1e-6  # smaller ones are dropped from the graph
_OFFSET = 0.5  # half is added to each diagonal entry, twice as much to each degree: damps weakly linked images
_ITERATIONS = 20


@dataclass(eq=False, repr=False)
class NormalisedCuts(CanonicalClusterer):
    """The partition nearest to the leading eigenvectors of a sparse, normalised affinity.

    Parameters
    ----------
    n_clusters : number of clusters.
    scale : the affinity is exp(-(d / (scale * max d))^2) of the squared distances d; below 1e-6 it is 0.
    n_init : starts of the discretisation, of which the one nearest to the eigenvectors is kept.
    random_state : seed of the discretisation.

    Fewer clusters than asked for come out where the discretisation leaves one empty. The affinity is sparse: how
    much memory it takes is counted before, and refused if it would not fit.
    """

    n_clusters: int = 2
    scale: float = 0.05
    n_init: int = 10
    random_state: int | None = None

    def _check(self, features: np.ndarray) -> None:
        check_counts(self, "n_init")
        check_positive("scale", self.scale)

    def _partition(self, features: np.ndarray, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
        from scipy.sparse import diags_array

        affinity = _affinity(features, self.scale)
        degrees = affinity.sum(axis=1) + 2 * _OFFSET
        roots = 1 / np.sqrt(degrees)
        matrix = (affinity + diags_array(np.full(len(features), _OFFSET))).tocsr()
        matrix.data *= np.repeat(roots, np.diff(matrix.indptr))
        matrix.data *= roots[matrix.indices]
        vectors = leading_eigenvectors(matrix, n_clusters) * roots[:, None]
        rows = unit_rows(vectors / np.linalg.norm(vectors, axis=0))
        found = [_discretise(rows, chance) for _ in range(self.n_init)]
        return max(found, key=lambda pair: pair[0])[1]


def _affinity(features: np.ndarray, scale: float) -> Any:
    """Return the affinity as a sparse float64 matrix (n, n)."""
    from scipy.sparse import csr_array

    n_images = len(features)
    distances = distances_memory(features, n_images)
    require_memory(distances, f"the distances of {n_images} images", "cluster fewer images at once")
    width = scale * check_spread(max(float(block.max()) for _, block in distance_blocks(features, features)))
    furthest = width * np.sqrt(-np.log(_LEAST_WEIGHT))
    counts = np.zeros(n_images + 1, dtype=np.int64)
    for start, block in distance_blocks(features, features):
        counts[start + 1 : start + 1 + len(block)] = (block <= furthest).sum(axis=1)
    starts = counts.cumsum()
    dense = 3 * 8 * n_images * n_images if n_images <= DENSE else 0
    require_memory(
        distances + dense + 40 * int(starts[-1]),  # of each weight its index, and both once more to add the offset
        f"the affinity of {n_images} images",
        "give a smaller scale, or cluster by landmarks (SpectralLandmarks)",
    )
    indices = np.empty(starts[-1], dtype=np.int32 if starts[-1] < 2**31 else np.int64)
    weights = np.empty(starts[-1])
    for start, block in distance_blocks(features, features):
        for row, line in enumerate(block, start):
            kept = np.flatnonzero(line <= furthest)
            indices[starts[row] : starts[row + 1]] = kept
            weights[starts[row] : starts[row + 1]] = np.exp(-((line[kept] / width) ** 2))
    return csr_array((weights, indices, starts), shape=(n_images, n_images))


def _discretise(rows: np.ndarray, chance: np.random.RandomState) -> tuple[float, np.ndarray]:
    """Turn rows (n, k) of length 1 towards the axes; return how near they come, and the axis of each, int (n)."""
    from scipy.sparse import csr_array

    n_images, n_clusters = rows.shape
    rotation = np.empty((n_clusters, n_clusters))
    rotation[:, 0] = rows[chance.randint(n_images)]
    shared = np.zeros(n_images)
    for axis in range(1, n_clusters):  # begins with rows that are as orthogonal to one another as can be
        shared += np.abs(rows @ rotation[:, axis - 1])
        rotation[:, axis] = rows[np.argmin(shared)]
    before = 0.0
    for _ in range(_ITERATIONS):
        labels = (rows @ rotation).argmax(axis=1)
        indicator = csr_array((np.ones(n_images), labels, np.arange(n_images + 1)), shape=(n_images, n_clusters))
        left, values, right = np.linalg.svd(indicator.T @ rows)
        nearness = float(values.sum())
        if abs(nearness - before) <= np.finfo(float).eps * nearness:
            break
        before = nearness
        rotation = right.T @ left.T
    return nearness, labels
