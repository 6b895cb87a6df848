"""What the graph-agglomerative clusterers have in common: checks, the graph, the first clusters, the leftovers."""

from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.clustering._nearest_centroids import join_rest
from stages.clustering.neighbours import Digraph, digraph, nearest_components, numbered
from stages.clustering.validation import check_features
from stages.core.checks import check_n_clusters, check_number

LEAST_WIDTH = 1e-9  # of the factor a: with 0 no image has a neighbour


class GraphAgglomeration(ClusterMixin, BaseEstimator):
    """Merges clusters of a neighbour graph by an affinity, which the heirs define.

    It starts with the components of the nearest-neighbour graph or, where these are fewer than the clusters asked
    for, with every image by itself. When no two clusters are linked any more (the graph has components of its
    own), those with the nearest centroids are merged.
    """

    n_clusters: int
    n_neighbors: int
    a: float

    def fit(self, X: Any, y: Any = None) -> "GraphAgglomeration":
        """Cluster the features `X`, float (n, d); `y` is ignored.

        Raises `ParameterError` for features that are not finite, parameters out of range, more clusters than
        images, and where memory lacks.
        """
        features = check_features(self, X, least=1 if self.n_clusters == 1 else 2)
        n_clusters = check_n_clusters(self.n_clusters, len(features))
        check_number("n_neighbors", self.n_neighbors, 1, whole=True)
        check_number("a", self.a, LEAST_WIDTH)
        self._check_parameters()
        self._require_memory(len(features), min(self.n_neighbors, len(features) - 1))
        graph = digraph(features, self.n_neighbors, self.a)
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
        """Raise `ParameterError` for parameters that only the heir has."""

    @abstractmethod
    def _require_memory(self, n_images: int, k: int) -> None:
        """Refuse what would not fit."""

    @abstractmethod
    def _merge(self, graph: Digraph, names: np.ndarray, n_clusters: int) -> tuple[np.ndarray, np.ndarray]:
        """Merge down to `n_clusters`, or until nothing is linked; return new names and float64 (r, 3) merges.

        `names` is int32 (n), each the lowest image of its cluster. A merge has the names of both, the lower first,
        and their affinity.
        """
