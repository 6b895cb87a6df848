"""What the consensus functions by graph partitioning and factorisation share."""

from abc import abstractmethod
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.consensus.canonical import distinct_rows
from stages.consensus.hypergraph import Hypergraph, hypergraph
from stages.consensus.numbering import split_up_to
from stages.consensus.validation import check_ensemble
from stages.core.checks import check_n_clusters
from stages.core.dendrogram import number_by_size


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
        return self.weights[self.graph.partition]


class GraphConsensus(ClusterMixin, BaseEstimator):
    """Base of the consensus functions: checks, equal images collapsed, as many clusters as asked for, numbered."""

    def __init__(self, n_clusters: int = 2, weights: Any = None, random_state: Any = None) -> None:
        self.n_clusters = n_clusters
        self.weights = weights
        self.random_state = random_state

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
