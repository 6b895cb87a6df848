"""Exact nearest neighbours of features, and the weighted digraph that the graph-agglomerative methods share.

The digraph and the first clusters are those of Zhang, Wang, Zhao and Tang, "Graph degree linkage: agglomerative
clustering on a directed graph" (ECCV 2012), section 2.1, and of Zhang, Zhao and Wang, "Agglomerative clustering
via maximum incremental path integral" (Pattern Recognition 2013), sections 3.1 and 3.4, with the two safeguards of
the authors' gactoolbox: at least three neighbours in the width, which is doubled until all have a neighbour in
reach.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from stages.core.errors import ParameterError
from stages.core.memory import require_memory

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_BLOCK = 64 << 20  # bytes of inner products at once
_LARGEST = 1e150  # squares of larger features overflow
_WIDTH_NEIGHBOURS = 3  # at least, whose distances give the width
_IN_REACH = 1e-5  # the least weight that the nearest neighbour may have


class Digraph(NamedTuple):
    """Each image's edges to its nearest neighbours, the nearest first; no edge from an image to itself.

    indices : int32 (n, k), weights : float64 (n, k) within [0, 1].
    """

    indices: np.ndarray
    weights: np.ndarray


def nearest_neighbours(
    features: np.ndarray, k: int, n_searched: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the `k` nearest other images of each, int32 (n, k), and their squared distances, float64 (n, k).

    `features` is float32 or float64 (n, d), finite. With `n_searched`, only the neighbours of so many images, the
    first ones, are looked for, among all. Rows are in order of distance, ties in order of index; with less than
    k + 1 images there are n - 1 columns. Distances are Euclidean, squared, summed in float64 from the
    differences: copies have the distance 0, and d(i, j) is d(j, i) to the bit. The search is exact: matrix
    products in float32 only say which may be near, with a bound on their rounding. Memory: a float32 copy of the
    features and 64 MiB, besides the result. Raises `ParameterError` for values whose squares overflow, and where
    memory lacks.
    """
    n_images, n_features = features.shape
    n_searched = n_images if n_searched is None else min(n_searched, n_images)
    k = min(k, n_images - 1)
    rows = int(min(max(_BLOCK // (4 * n_images), 1), n_images))
    needed = 4 * n_images * n_features + 4 * rows * n_images + 12 * n_searched * k + 32 * n_images
    require_memory(needed, f"the neighbours of {n_images} images", "cluster fewer images, or narrower features")
    indices = np.empty((n_searched, k), dtype=np.int32)
    distances = np.empty((n_searched, k))
    if k == 0:
        return indices, distances
    from stages.clustering._neighbour_kernels import select_nearest

    rough = _centred(features)
    squares = np.einsum("ij,ij->i", rough, rough, dtype=np.float64)
    # With rounding to u, an inner product of d terms errs by less than about d u |x| |y|, and all else by a few
    # u (|x| + |y|)^2; both are bounded by multiples of |x|^2 + |y|^2, so that each image bears its own part.
    error = 1.1 * (n_features + 32) * 2.0**-24
    tiny = 1e-30  # products of features this far below the largest vanish
    low = (squares * (1 - error) - tiny).astype(np.float32)
    high = (squares * (1 + error) + tiny).astype(np.float32)
    slack = (squares * 2 * error).astype(np.float32)
    for first in range(0, n_searched, rows):
        block = slice(first, min(first + rows, n_searched))
        products = (2 * rough[block]) @ rough.T
        select_nearest(products, low, high, slack[block], features, first, indices, distances)
    return indices, distances


def _centred(features: np.ndarray) -> np.ndarray:
    """The features float32, with mean 0 and none larger than 1, which keeps their inner products small."""
    centre = features.mean(axis=0, dtype=np.float64)
    blocks = [slice(start, start + 4096) for start in range(0, len(features), 4096)]
    peak = max(float(np.abs(features[block]).max()) for block in blocks)
    if peak > _LARGEST:
        raise ParameterError(
            f"features reach {peak:.0e}, and their squares overflow; divide them by their largest"
        )
    scale = max(float(np.abs(features[block] - centre).max()) for block in blocks) or 1.0
    rough = np.empty(features.shape, dtype=np.float32)
    for block in blocks:
        rough[block] = (features[block] - centre) / scale
    return rough


def digraph(
    features: np.ndarray,
    n_neighbors: int,
    a: float,
    search: Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]] = nearest_neighbours,
) -> Digraph:
    """Return the neighbour graph of `features` (n, d), with weights exp(-d / s) of the squared distances d.

    The width s is `a` times the mean squared distance to the `n_neighbors` nearest, or to three of them where
    fewer are asked for; it is doubled until exp(-d / s) is at least 1e-5 for every image and its nearest
    neighbour. Where all distances are 0, all weights are 1. Images fewer than neighbours: every image is a
    neighbour. `search` finds them, exactly by default.
    """
    indices, distances = search(features, max(n_neighbors, _WIDTH_NEIGHBOURS))
    if indices.shape[1] == 0:
        return Digraph(indices, distances)
    width = max(a * float(distances.mean()), np.finfo(np.float64).tiny)
    while np.exp(-distances[:, 0].max() / width) < _IN_REACH:
        width *= 2
    weights = np.exp(-distances[:, :n_neighbors] / width)
    return Digraph(np.ascontiguousarray(indices[:, :n_neighbors]), weights)


def edge_matrix(graph: Digraph) -> "csr_matrix":
    """Return the weights of the graph's edges as a sparse matrix (n, n)."""
    from scipy.sparse import csr_matrix

    n_images, k = graph.indices.shape
    ends = np.arange(n_images + 1) * k
    return csr_matrix((graph.weights.reshape(-1), graph.indices.reshape(-1), ends), (n_images, n_images))


def ranked(matrix: "csr_matrix") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the entries of a sparse matrix, row by row and the largest first (ties: the lower column).

    These are their rows and their ranks from 0 on, int (e), and where they stand in the matrix's data, int (e).
    """
    counts = np.diff(matrix.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((matrix.indices, -matrix.data, rows))
    return rows, np.arange(len(rows)) - np.repeat(matrix.indptr[:-1], counts), order


def mean_digraph(graphs: Sequence[Digraph], shares: Sequence[float]) -> Digraph:
    """Return the graph whose weights are the sum of those of `graphs` (n, k_j), times their `shares`.

    It has the edges of all of them, k being the most of an image, in order of weight (ties: of index); images with
    fewer have edges of weight 0 to fill up.
    """
    first, *others = (share * edge_matrix(graph) for graph, share in zip(graphs, shares, strict=True))
    total = sum(others, start=first)
    rows, ranks, order = ranked(total)
    indices = np.zeros((len(graphs[0].indices), ranks.max(initial=-1) + 1), dtype=np.int32)
    weights = np.zeros(indices.shape)
    indices[rows, ranks] = total.indices[order]
    weights[rows, ranks] = total.data[order]
    return Digraph(indices, weights)


def numbered(names: np.ndarray) -> np.ndarray:
    """Number clusters, int (n) names that are their lowest images, from 0 in the order of these; int32 (n)."""
    return np.unique(names, return_inverse=True)[1].astype(np.int32)


def nearest_components(indices: np.ndarray) -> np.ndarray:
    """Return the clusters to start from, int32 (n), each named by its lowest image.

    They are the weakly connected components of the graph in which every image points at its nearest neighbour,
    the first column of `indices` (n, k).
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    n_images = len(indices)
    if indices.shape[1] == 0:
        return np.arange(n_images, dtype=np.int32)
    images = np.arange(n_images)
    edges = coo_matrix((np.ones(n_images), (images, indices[:, 0])), shape=(n_images, n_images))
    _, component = connected_components(edges, directed=False)
    _, first, inverse = np.unique(component, return_index=True, return_inverse=True)
    return first[inverse].astype(np.int32)
