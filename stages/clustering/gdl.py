"""Graph degree linkage (AC-GDL), exact and accelerated.

Zhang, Wang, Zhao and Tang, "Graph degree linkage: agglomerative clustering on a directed graph" (ECCV 2012),
sections 2.1 to 2.3, and 2.4 for the accelerated one, and the authors' gactoolbox, whose variant GDL-U it is.
"""

from dataclasses import dataclass

import numpy as np

from stages.clustering.base import check_counts
from stages.clustering.graph_agglomeration import GraphAgglomeration, join_rest
from stages.clustering.merge_rule import LARGEST, Rule
from stages.clustering.neighbours import Digraph
from stages.clustering.small_clusters import without_outliers
from stages.core.checks import check_share
from stages.core.memory import require_memory


class _DegreeLinkage(GraphAgglomeration):
    n_candidates = 0  # all

    def _merge(self, graph: Digraph, names: np.ndarray, n_clusters: int) -> tuple[np.ndarray, np.ndarray]:
        return link_by_degree(graph, names, n_clusters, self.n_candidates)

    def _require_memory(self, n_images: int, k: int) -> None:
        from stages.clustering._degree_state import state_bytes

        require_memory(
            state_bytes(n_images, k),
            f"graph degree linkage of {n_images} images with {k} neighbours",
            "cluster fewer images, or lower n_neighbors",
        )


@dataclass(eq=False, repr=False)
class GraphDegreeLinkage(_DegreeLinkage):
    """Agglomerative clustering by the product of the degrees between clusters, exact.

    Each merge is that of the largest affinity of all pairs, A(i, j) = 1' W_ij W_ji 1 / |i|^2 + 1' W_ji W_ij 1 /
    |j|^2, where W_ij are the weights of the edges from cluster i to j. Affinities are held for linked pairs only,
    of which there are no more than edges: O(n k) memory. Of equal affinities (to 41 bits) the pair with fewer
    images is merged; then, if a cluster is named by its lowest image, that with the lowest higher name (the lowest
    column of the affinity matrix), then with the lowest other (the lowest row). Only the last two depend on the
    order of the images.

    Parameters
    ----------
    n_clusters : number of clusters. More than there are components of the nearest-neighbour graph (about a third
        of the images) makes the merging start from single images.
    n_neighbors : edges of each image; with fewer images, to all others. 20 is the literature's; half of it serves
        better where clusters are small.
    a : factor of the width of the weights, 1 in the literature.
    min_cluster_fraction : size from which a cluster counts, as a fraction of the mean size, 0 to below 1; images
        of smaller ones join the clusters that count, see `stages.clustering.small_clusters`. 0 in the literature:
        all count.

    Attributes
    ----------
    labels_ : int32 (n), clusters numbered from 0 by their first images.
    initial_labels_ : int32 (n), the clusters before the first merge.
    merges_ : float64 (r, 3), in order: the lowest images of the two clusters, the lower first, and their affinity;
        0 for clusters that nothing links, which are merged by the distance of their centroids.
    """

    min_cluster_fraction: float = 0.0

    def _check_parameters(self) -> None:
        check_share("min_cluster_fraction", self.min_cluster_fraction)

    def _cluster(
        self, graph: Digraph, features: np.ndarray, names: np.ndarray, n_clusters: int
    ) -> tuple[np.ndarray, np.ndarray]:
        return cluster_by_degree(
            graph, features, names, n_clusters, min_cluster_fraction=self.min_cluster_fraction
        )


@dataclass(eq=False, repr=False)
class AcceleratedGraphDegreeLinkage(_DegreeLinkage):
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
    labels_, initial_labels_, merges_ : as of `GraphDegreeLinkage`.
    """

    n_candidates: int = 10

    def _check_parameters(self) -> None:
        check_counts(self, "n_candidates")


def cluster_by_degree(
    graph: Digraph,
    features: np.ndarray,
    names: np.ndarray,
    n_clusters: int,
    *,
    min_cluster_fraction: float = 0.0,
    rule: Rule = LARGEST,
) -> tuple[np.ndarray, np.ndarray]:
    """Merge clusters by graph degree linkage until `n_clusters` are left, by their centroids if none are linked.

    `features` are float (n, d); the other arguments are those of `link_by_degree` and of `without_outliers`.
    Returns the new names and all merges made, float64 (r, 3), those undone for `min_cluster_fraction` included.
    """
    left, merges = join_rest(features, *link_by_degree(graph, names, n_clusters, rule=rule), n_clusters)
    if min_cluster_fraction > 0:
        left = without_outliers(graph, features, names, merges, n_clusters, min_cluster_fraction)
    return left, merges


def link_by_degree(
    graph: Digraph, names: np.ndarray, n_clusters: int, n_candidates: int = 0, rule: Rule = LARGEST
) -> tuple[np.ndarray, np.ndarray]:
    """Merge clusters by graph degree linkage until `n_clusters` are left or none are linked.

    `names` is int32 (n), the lowest image of each one's cluster; `n_candidates` how many others a cluster keeps as
    candidates, 0 for all; `rule` says which two are merged. Returns the new names and the merges, float64 (r, 3),
    as in `GraphDegreeLinkage.merges_`.
    """
    n_before = len(np.unique(names))
    if n_before <= n_clusters:
        return names, np.zeros((0, 3))
    from stages.clustering._degree_merging import merge_best
    from stages.clustering._degree_state import new_state

    state = new_state(graph.indices, graph.weights, names, rule)
    merges = np.zeros((n_before - n_clusters, 3))
    done = merge_best(state, n_clusters, n_candidates, merges)
    return state.name[state.slot], merges[:done]
