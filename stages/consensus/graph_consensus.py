"""The parts that consensus functions by graph partitioning and factorisation share.

Leading singular vectors of sparse graphs, and K-means on them, take the place of a graph partitioner.
"""

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.consensus.hypergraph import Hypergraph, check_ensemble, distinct_rows, hypergraph
from stages.core.checks import check_n_clusters
from stages.core.dendrogram import number_by_size

_DENSE = 3000  # up to this side LAPACK is the faster way, and sure to find eigenvalues that repeat
_NOISE = 1e-10  # eigenvalues below this share of the largest are rounding errors
_STARTS = 10  # of K-means; on real partitions fewer leave the result to the seed


class Ensemble(NamedTuple):
    """Partitions to combine, images with equal labels as one row.

    graph : the hypergraph of the r rows and their c clusters.
    counts : float64 (r), how many images each row stands for.
    weights : float64 (m), positive, of each partition; 1 in the mean.
    """

    graph: Hypergraph
    counts: np.ndarray
    weights: np.ndarray

    @property
    def cluster_weights(self) -> np.ndarray:
        """The weight of each cluster's partition, float64 (c)."""
        of_clusters: np.ndarray = self.weights[self.graph.partition]
        return of_clusters


@dataclass(eq=False, repr=False)
class GraphConsensus(ClusterMixin, BaseEstimator):
    """Base of the consensus functions: checks, equal images collapsed, as many clusters as asked for, numbered.

    Attributes
    ----------
    labels_ : int32 (n), clusters numbered from 0 by size, the largest first (ties: by their first image). There
        are `n_clusters`, or as many as there are images with different labels, if these are fewer.
    n_features_in_ : m.
    """

    n_clusters: int = 2
    weights: Any = None
    random_state: Any = None

    def fit(self, X: Any, y: None = None) -> "GraphConsensus":
        """Combine the partitions `X`, int (n, m), one column a partition, -1 a missing label.

        Raises `ParameterError` for partitions, weights or a number of clusters that cannot be used, and where the
        memory does not suffice.
        """
        # The limit on threads below holds only for libraries that are loaded by then.
        import scipy.linalg  # noqa: F401
        import sklearn.cluster  # noqa: F401
        from threadpoolctl import threadpool_limits

        partitions, weights = check_ensemble(X, self.weights)
        n_clusters = check_n_clusters(self.n_clusters, len(partitions))
        distinct = distinct_rows(partitions)
        n_rows = len(distinct.rows)
        labels: np.ndarray
        if n_clusters == 1:
            labels = np.zeros(n_rows, dtype=np.int32)
        elif n_clusters >= n_rows:
            labels = np.arange(n_rows)
        else:
            scaled = weights / weights.max()
            ensemble = Ensemble(hypergraph(distinct.rows), distinct.counts, scaled / scaled.mean())
            # Threads add up in any order, and cost more than they save on factors as narrow as these.
            with threadpool_limits(1):
                labels = self._divide(ensemble, n_clusters)
            labels = split_up_to(n_clusters, labels, *ensemble)
        self.labels_ = number_by_size(labels[distinct.inverse])
        self.n_features_in_ = np.shape(X)[1]
        return self

    @abstractmethod
    def _divide(self, ensemble: Ensemble, n_clusters: int) -> np.ndarray:
        """Labels int (r) of the ensemble's rows, from 2 to r - 1 clusters asked for, fewer allowed."""


def split_up_to(
    n_clusters: int, labels: np.ndarray, graph: Hypergraph, counts: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return `labels`, int (r) of the r rows of `graph`, with rows set apart until there are `n_clusters`.

    `counts` (r) weighs the rows, `weights` (m) the partitions. The rows set apart, each a cluster of its own, are
    those that agree least with their cluster (ties: the first of them), and never the last one of a cluster.
    `n_clusters` is r at most.
    """
    clusters, labels, rows_left = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = n_clusters - len(clusters)
    if wanted <= 0:
        return labels
    made = len(clusters)
    for row in np.argsort(_agreement(labels, graph, counts, weights), kind="stable"):
        if rows_left[labels[row]] > 1:
            rows_left[labels[row]] -= 1
            labels[row] = made
            made += 1
            if made == n_clusters:
                break
    return labels


def _agreement(labels: np.ndarray, graph: Hypergraph, counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """For each row, float64 (r), the weighted sum of its co-association with the images of its cluster."""
    n_clusters = int(labels.max()) + 1
    entries_a_row = np.diff(graph.indicator.indptr)
    cell = graph.indicator.indices.astype(np.int64) * n_clusters + np.repeat(labels, entries_a_row)
    cells, position = np.unique(cell, return_inverse=True)
    together = np.bincount(position, weights=np.repeat(counts, entries_a_row))
    share = together / np.bincount(labels, weights=counts)[cells % n_clusters]
    weighted = share[position] * weights[graph.partition[graph.indicator.indices]]
    agreement: np.ndarray = np.add.reduceat(weighted, graph.indicator.indptr[:-1])
    return agreement


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
