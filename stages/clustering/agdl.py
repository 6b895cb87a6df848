"""Accelerated graph degree linkage (AGDL).

Zhang, Wang, Zhao and Tang, "Graph degree linkage: agglomerative clustering on a directed graph" (ECCV 2012),
section 2.4, and the authors' gactoolbox.
"""

import numpy as np

from stages.clustering._graph_agglomeration import GraphAgglomeration
from stages.clustering.gdl import link_by_degree, require_linkage_memory
from stages.clustering.neighbours import Digraph
from stages.core.checks import check_number


class AcceleratedGraphDegreeLinkage(GraphAgglomeration):
    """Graph degree linkage in which every cluster keeps its few best others only as candidates.

    The best pair of all candidates is merged. The candidates of the new cluster are sought among those that either
    part was a candidate of, or had; a cluster left with none looks at all that it is linked to. Once no more than
    1.2 `n_candidates` clusters are left, all pairs count. Ties are broken as in `GraphDegreeLinkage`.

    Parameters
    ----------
    n_clusters, n_neighbors, a : as of `GraphDegreeLinkage`.
    n_candidates : others that a cluster keeps, 10 in the literature.

    Attributes
    ----------
    labels_, initial_labels_, merges_, n_features_in_ : as of `GraphDegreeLinkage`.
    """

    def __init__(self, n_clusters: int = 2, n_neighbors: int = 20, a: float = 1.0, n_candidates: int = 10) -> None:
        self.n_clusters = n_clusters
        self.n_neighbors = n_neighbors
        self.a = a
        self.n_candidates = n_candidates

    def _check_parameters(self) -> None:
        check_number("n_candidates", self.n_candidates, 1, whole=True)

    def _require_memory(self, n_images: int, k: int) -> None:
        require_linkage_memory(n_images, k)

    def _merge(self, graph: Digraph, names: np.ndarray, n_clusters: int) -> tuple[np.ndarray, np.ndarray]:
        return link_by_degree(graph, names, n_clusters, self.n_candidates)
