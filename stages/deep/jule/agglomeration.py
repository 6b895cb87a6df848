"""The merging steps of JULE: a neighbour graph of the network's embedding, and clusters on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.clustering.candidates import KeptCandidates
from stages.clustering.gdl import cluster_by_degree
from stages.clustering.merge_rule import Rule
from stages.clustering.neighbours import Digraph, digraph, edge_matrix, mean_digraph, nearest_components, ranked

_SAME = 1e-5  # of rows of length 1: less is rounding


@dataclass(frozen=True)
class Agglomeration:
    """How graphs are built and clusters merged; clusters are int32 (n): for each image the lowest of its cluster.

    n_neighbors, a : of the graph, see `stages.clustering.neighbours.digraph`.
    rule : see `stages.clustering.merge_rule`.
    min_cluster_fraction : see `stages.clustering.small_clusters`; counts where the merging ends.
    """

    n_neighbors: int
    a: float
    rule: Rule
    min_cluster_fraction: float

    def graph(
        self, embedding: np.ndarray, view_graphs: Sequence[Digraph] = (), kept: KeptCandidates | None = None
    ) -> Digraph:
        """Return the graph of an embedding, float (n, d); its mean with those of views, if there are any.

        The views' graphs weigh as much together as the embedding's: their mean. Neighbours are looked for among
        those `kept` of the graph before, if there are many images.
        """
        own = digraph(embedding, self.n_neighbors, self.a, (kept or KeptCandidates()).search)
        if not view_graphs:
            return own
        return mean_digraph([own, *view_graphs], [0.5] + [0.5 / len(view_graphs)] * len(view_graphs))

    def view_graphs(self, codes: Sequence[np.ndarray], kept: Sequence[KeptCandidates]) -> list[Digraph]:
        """Return the graph of every view's codes, float (n, d), but for those that are all alike.

        `kept` are each view's candidates of the time before.
        """
        return [
            digraph(code, self.n_neighbors, self.a, own.search)
            for code, own in zip(codes, kept, strict=True)
            if np.ptp(code, axis=0).max() > _SAME
        ]

    def start(self, graph: Digraph, n_clusters: int) -> np.ndarray:
        """Return the first clusters: images linked by nearest neighbours; each by itself if they are too few."""
        found = nearest_components(graph.indices)
        return found if len(np.unique(found)) >= n_clusters else np.arange(len(found), dtype=np.int32)

    def merge(
        self, graph: Digraph, features: np.ndarray, clusters: np.ndarray, n_clusters: int, last: bool = False
    ) -> np.ndarray:
        """Return `n_clusters` clusters merged from `clusters`, or these if they are no more than that.

        The `last` time, odd images join the clusters that count.
        """
        fraction = self.min_cluster_fraction if last else 0.0
        return cluster_by_degree(
            graph, features, clusters, n_clusters, min_cluster_fraction=fraction, rule=self.rule
        )[0]


def nearest_clusters(graph: Digraph, labels: np.ndarray, n_nearest: int) -> np.ndarray:
    """Return the clusters of the largest affinities to each, int64 (c, n_nearest), -1 where fewer are linked.

    `labels` is int (n) in 0..c-1; affinities are those of graph degree linkage.
    """
    from scipy.sparse import csr_matrix

    edges, sizes = edge_matrix(graph), np.bincount(labels)
    images = np.arange(len(labels))
    member = csr_matrix((np.ones(len(labels)), (labels, images)), (len(sizes), len(labels)))
    totals = (member @ edges).multiply(member @ edges.T) @ member.T
    parts = totals.multiply(1 / sizes[:, None].astype(np.float64) ** 2).tocsr()
    affinity = (parts + parts.T).tocsr()
    affinity.setdiag(0)
    affinity.eliminate_zeros()
    rows, ranks, order = ranked(affinity)
    nearest = np.full((len(sizes), n_nearest), -1, dtype=np.int64)
    within = ranks < n_nearest
    nearest[rows[within], ranks[within]] = affinity.indices[order][within]
    return nearest
