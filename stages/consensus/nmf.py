"""Consensus by non-negative factorisation of the co-association matrix.

Li, Ding and Jordan, "Solving consensus and semi-supervised clustering problems using nonnegative matrix
factorization" (2007), section 3.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.consensus.cspa import CSPA
from stages.consensus.graph_consensus import Ensemble, GraphConsensus
from stages.core.checks import check_number
from stages.core.memory import require_memory

_TINY = np.finfo(np.float64).tiny


@dataclass(eq=False, repr=False)
class NMFConsensus(GraphConsensus):
    """The partition nearest to the mean co-association M, relaxed to M ~ Q S Q^T with Q^T Q = I and Q, S >= 0.

    Q (images, clusters) and S (clusters, clusters) follow the paper's multiplicative updates. They need products
    of M with Q only, which come from the hypergraph's indicator: M is never formed. Q starts from the clusters of
    `CSPA`, softened by .2 as Ding et al. do ("Orthogonal nonnegative matrix tri-factorizations for clustering",
    2006, section 3.4). An image goes to its largest entry in Q, with columns scaled to unit length (ties: to the
    first column).

    Parameters
    ----------
    n_clusters : number of clusters.
    weights : m non-negative numbers, one for each partition; a partition of weight 2 counts as one given twice.
        None: all equal.
    max_iter : updates at most.
    tol : it stops when an update changes the squared error by less than this share of the squares of M.
    random_state : seed of the start.

    Attributes
    ----------
    labels_, n_features_in_ : as of `GraphConsensus`.
    n_iter_ : updates made.
    """

    max_iter: int = 50
    tol: float = 1e-5

    def fit(self, X: Any, y: None = None) -> "NMFConsensus":
        """Combine the partitions `X`, int (n, m), one column a partition, -1 a missing label.

        Raises `ParameterError` for partitions, weights or parameters that cannot be used, and where the memory
        does not suffice.
        """
        check_number("max_iter", self.max_iter, least=1, whole=True)
        check_number("tol", self.tol)
        self.n_iter_ = 0
        super().fit(X)
        return self

    def _divide(self, ensemble: Ensemble, n_clusters: int) -> np.ndarray:
        from scipy.sparse import diags

        n_rows, side = ensemble.graph.indicator.shape
        require_memory(
            8 * (6 * n_clusters * (n_rows + side) + side * side),
            f"factors of {n_rows} different images and {n_clusters} clusters",
            "ask for fewer clusters, or cluster fewer images at once",
        )
        start = CSPA(n_clusters, random_state=self.random_state)._divide(ensemble, n_clusters)
        shares = ensemble.cluster_weights / ensemble.weights.sum()
        root = (ensemble.graph.indicator @ diags(np.sqrt(shares))).tocsr()  # M is its product with its transpose
        Q = self._factorise(root, ensemble.counts, _softened(start, ensemble.counts, n_clusters))
        lengths = np.sqrt(ensemble.counts @ Q**2)
        labels: np.ndarray = np.argmax(Q / np.maximum(lengths, _TINY), axis=1)
        return labels

    def _factorise(self, root: Any, counts: np.ndarray, Q: np.ndarray) -> np.ndarray:
        """Update `Q`, float64 (r, k), until the error settles; a row of it stands for `counts` equal images."""
        from scipy.sparse import diags

        squares = ((root.T @ diags(counts) @ root).power(2)).sum()
        A = root.T @ (counts[:, None] * Q)
        inner = A.T @ A  # Q^T M Q
        S = inner.copy()
        error = np.inf
        for iteration in range(1, self.max_iter + 1):
            ratio = root @ (A @ S)  # M Q S
            ratio /= np.maximum(Q @ (inner @ S), _TINY)
            Q *= np.sqrt(ratio, out=ratio)
            weighted = np.multiply(counts[:, None], Q, out=ratio)
            A, gram = root.T @ weighted, Q.T @ weighted
            inner = A.T @ A
            S *= np.sqrt(inner / np.maximum(gram @ S @ gram, _TINY))
            before, error = error, float(squares - 2 * (S * inner).sum() + (S * (gram @ S @ gram)).sum())
            self.n_iter_ = iteration
            if abs(before - error) <= self.tol * squares:
                break
        return Q


def _softened(labels: np.ndarray, counts: np.ndarray, n_clusters: int) -> np.ndarray:
    memberships = np.full((len(labels), n_clusters), 0.2)
    memberships[np.arange(len(labels)), labels] += 1
    softened: np.ndarray = memberships / np.sqrt(counts @ memberships**2)
    return softened
