"""The parts that graph-agglomerative clusterers share: checks, the graph, the first clusters, leftovers."""

from abc import abstractmethod
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.clustering.base import check_counts, check_features
from stages.clustering.candidates import nearest_among
from stages.clustering.neighbours import Digraph, digraph, nearest_components, nearest_neighbours, numbered
from stages.core.checks import check_n_clusters, check_number

LEAST_WIDTH = 1e-9  # of the factor a: with 0 no image has a neighbour


@dataclass(eq=False, repr=False)
class GraphAgglomeration(ClusterMixin, BaseEstimator):
    """Merges clusters of a neighbour graph by an affinity, which subclasses define.

    It starts with the components of the nearest-neighbour graph or, where these are fewer than the clusters asked
    for, with every image by itself. When no two clusters are linked any more (the graph has components of its
    own), those with the nearest centroids are merged.
    """

    n_clusters: int = 2
    n_neighbors: int = 20
    a: float = 1.0

    def fit(self, X: Any, y: Any = None, *, candidates: np.ndarray | None = None) -> "GraphAgglomeration":
        """Cluster the features `X`, float (n, d); `y` is ignored.

        Neighbours are looked for among each image's `candidates`, int32 (n, c), if given, and else among all.
        Raises `ParameterError` for features that are not finite, parameters out of range, more clusters than
        images, and where memory lacks.
        """
        features = check_features(self, X, least=1 if self.n_clusters == 1 else 2)
        n_clusters = check_n_clusters(self.n_clusters, len(features))
        check_counts(self, "n_neighbors")
        check_number("a", self.a, LEAST_WIDTH)
        self._check_parameters()
        self._require_memory(len(features), min(self.n_neighbors, len(features) - 1))
        search = nearest_neighbours if candidates is None else partial(nearest_among, candidates)
        graph = digraph(features, self.n_neighbors, self.a, search)
        names = nearest_components(graph.indices)
        if len(np.unique(names)) < n_clusters:
            names = np.arange(len(features), dtype=np.int32)
        self.initial_labels_ = numbered(names)
        names, self.merges_ = self._cluster(graph, features, names, n_clusters)
        self.labels_ = numbered(names)
        return self

    def _cluster(
        self, graph: Digraph, features: np.ndarray, names: np.ndarray, n_clusters: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Merge down to `n_clusters`, linked or not; return as `_merge` does."""
        return join_rest(features, *self._merge(graph, names, n_clusters), n_clusters)

    def _check_parameters(self) -> None:
        """Raise `ParameterError` for parameters that only the subclass has."""

    @abstractmethod
    def _require_memory(self, n_images: int, k: int) -> None:
        """Refuse what would not fit."""

    @abstractmethod
    def _merge(self, graph: Digraph, names: np.ndarray, n_clusters: int) -> tuple[np.ndarray, np.ndarray]:
        """Merge down to `n_clusters`, or until nothing is linked; return new names and float64 (r, 3) merges.

        `names` is int32 (n), each the lowest image of its cluster. A merge has the names of both, the lower first,
        and their affinity.
        """


def join_rest(
    features: np.ndarray, names: np.ndarray, merges: np.ndarray, n_clusters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Merge what `merges` have left apart until `n_clusters` are left; return the new names and all merges."""
    if len(np.unique(names)) <= n_clusters:
        return names, merges
    names, more = join_nearest_centroids(features, names, n_clusters)
    return names, np.concatenate([merges, more])


def join_nearest_centroids(
    features: np.ndarray, names: np.ndarray, n_clusters: int
) -> tuple[np.ndarray, np.ndarray]:
    """Merge the two clusters with the nearest centroids until `n_clusters` are left.

    `features` is (n, d), `names` int32 (n) the lowest image of each one's cluster. Returns the new names, and the
    merges, float64 (r, 3): the names of the two clusters, the lower first, and 0, the affinity of clusters that
    nothing links. A centroid is the mean of all its images. Ties: the lowest column (the higher name of a pair),
    then the lowest row. It takes O(c d) memory and O(c^2 d) time for c clusters.
    """
    left, cluster = np.unique(names, return_inverse=True)
    sizes = np.bincount(cluster).astype(np.float64)
    centroids = np.zeros((len(left), features.shape[1]))
    for image, own in enumerate(cluster):
        centroids[own] += features[image]
    centroids /= sizes[:, None]
    merged_into = np.arange(len(left))
    merges = np.zeros((len(left) - n_clusters, 3))
    indices, distances = nearest_neighbours(centroids, 1)
    nearest, apart = indices[:, 0].astype(np.int64), distances[:, 0].copy()
    for merge in merges:
        ends = np.flatnonzero(apart == apart.min())
        rows, columns = np.minimum(ends, nearest[ends]), np.maximum(ends, nearest[ends])
        first = np.lexsort((rows, columns))[0]
        row, column = int(rows[first]), int(columns[first])
        merge[:2] = left[row], left[column]
        weights = sizes[[row, column]]
        centroids[row] = weights @ centroids[[row, column]] / weights.sum()
        sizes[row] += sizes[column]
        centroids[column] = apart[column] = np.inf
        merged_into[merged_into == column] = row
        _look_again(centroids, nearest, apart, row, column)
    return left[merged_into[cluster]].astype(np.int32), merges


def _look_again(centroids: np.ndarray, nearest: np.ndarray, apart: np.ndarray, row: int, column: int) -> None:
    """Bring up to date whom the merging of `column` into `row` concerns; centroids at infinity are gone."""
    alive = np.isfinite(centroids[:, 0])
    concerned = alive & ((nearest == row) | (nearest == column))
    concerned[row] = True
    for one in np.flatnonzero(concerned):
        distances = ((centroids[alive] - centroids[one]) ** 2).sum(axis=1)
        others = np.flatnonzero(alive)
        distances[others == one] = np.inf
        nearest[one], apart[one] = others[distances.argmin()], distances.min()
        if one == row:
            closer = (distances < apart[others]) | ((distances == apart[others]) & (row < nearest[others]))
            closer &= others != row
            nearest[others[closer]], apart[others[closer]] = row, distances[closer]
