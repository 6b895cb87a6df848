"""The merging steps of JULE: a neighbour graph of what the network makes of the images, and clusters on it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.clustering.gdl import cluster_by_degree
from stages.clustering.merge_rule import Rule
from stages.clustering.neighbours import Digraph, digraph, mean_digraph, nearest_components

_SAME = 1e-5  # of rows of length 1: less is rounding


@dataclass(frozen=True)
class Agglomeration:
    """How graphs are built and clusters merged; clusters are names int32 (n), each its lowest image.

    n_neighbors, a : of the graph, see `stages.clustering.neighbours.digraph`.
    rule : see `stages.clustering.merge_rule`.
    least_share : see `stages.clustering.outliers`; counts where the merging ends.
    """

    n_neighbors: int
    a: float
    rule: Rule
    least_share: float

    def graph(self, spaces: Sequence[np.ndarray]) -> Digraph:
        """Return the graph of the first space, float (n, d); its mean with that of the others, if there are any.

        The others, the codes of single views, weigh as much together as the first: their mean. Those that do not
        tell the images apart have no say.
        """
        telling = [space for space in spaces[1:] if np.ptp(space, axis=0).max() > _SAME]
        graphs = [digraph(space, self.n_neighbors, self.a) for space in (spaces[0], *telling)]
        if len(graphs) == 1:
            return graphs[0]
        return mean_digraph(graphs, [0.5] + [0.5 / (len(graphs) - 1)] * (len(graphs) - 1))

    def start(self, graph: Digraph, n_clusters: int) -> np.ndarray:
        """Return the first clusters: images linked by nearest neighbours; each by itself if they are too few."""
        names = nearest_components(graph.indices)
        return names if len(np.unique(names)) >= n_clusters else np.arange(len(names), dtype=np.int32)

    def merge(self, graph: Digraph, features: np.ndarray, names: np.ndarray, n_clusters: int) -> np.ndarray:
        """Return `n_clusters` clusters merged from `names`, or `names` if they are no more than that."""
        return cluster_by_degree(graph, features, names, n_clusters, rule=self.rule)[0]

    def finish(self, graph: Digraph, features: np.ndarray, names: np.ndarray, n_clusters: int) -> np.ndarray:
        """Return the final `n_clusters` clusters merged from `names`; odd images join those that count."""
        return cluster_by_degree(graph, features, names, n_clusters, least_share=self.least_share, rule=self.rule)[
            0
        ]


def nearest_clusters(graph: Digraph, labels: np.ndarray, n_nearest: int) -> np.ndarray:
    """Return the clusters of the largest affinities to each, int64 (c, n_nearest), -1 where fewer are linked.

    `labels` is int (n) in 0..c-1; affinities are those of graph degree linkage.
    """
    from scipy.sparse import csr_matrix

    n_images, k = graph.indices.shape
    sizes = np.bincount(labels)
    ends = np.arange(0, n_images * k + 1, k) if k else np.zeros(n_images + 1, dtype=np.int64)
    edges = csr_matrix((graph.weights.reshape(-1), graph.indices.reshape(-1), ends), (n_images, n_images))
    member = csr_matrix((np.ones(n_images), (labels, np.arange(n_images))), (len(sizes), n_images))
    totals = (member @ edges).multiply(member @ edges.T) @ member.T
    parts = totals.multiply(1 / sizes[:, None].astype(np.float64) ** 2).tocsr()
    affinity = (parts + parts.T).tocsr()
    affinity.setdiag(0)
    affinity.eliminate_zeros()
    rows = np.repeat(np.arange(len(sizes)), np.diff(affinity.indptr))
    order = np.lexsort((affinity.indices, -affinity.data, rows))
    place = np.arange(len(rows)) - affinity.indptr[rows]
    nearest = np.full((len(sizes), n_nearest), -1, dtype=np.int64)
    within = place < n_nearest
    nearest[rows[within], place[within]] = affinity.indices[order][within]
    return nearest
