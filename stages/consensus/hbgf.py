"""HBGF, the hybrid bipartite graph formulation: images and clusters are partitioned together.

Fern and Brodley, "Solving cluster ensemble problems by bipartite graph partitioning" (2004), section 4.
"""

import numpy as np

from stages.consensus.graph_consensus import (
    Ensemble,
    GraphConsensus,
    kmeans,
    leading_singular_vectors,
    singular_memory,
    unit_rows,
)
from stages.core.memory import require_memory


class HBGF(GraphConsensus):
    """Spectral partitioning of the graph with an edge between each image and each cluster that holds it.

    Of the paper's two ways to cut the graph, METIS and spectral partitioning, this is the second: K-means on the
    leading singular vectors of the normalised indicator, left ones for images, right ones for clusters, rows of
    unit length. An image keeps to the others through their clusters only, and clusters with common images are
    alike.

    Parameters
    ----------
    n_clusters : number of clusters.
    weights : m non-negative numbers, the edges' weights in each partition. None: all equal.
    random_state : seed of K-means.

    Attributes
    ----------
    labels_, n_features_in_ : as of `GraphConsensus`.
    """

    def _divide(self, ensemble: Ensemble, n_clusters: int) -> np.ndarray:
        from scipy.sparse import diags

        indicator, weights = ensemble.graph.indicator, ensemble.cluster_weights
        require_memory(
            2 * singular_memory(indicator.shape, n_clusters),
            f"{n_clusters} singular vectors for {indicator.shape[0]} different images",
            "ask for fewer clusters, or cluster fewer images at once",
        )
        of_images = indicator @ weights
        of_clusters = weights * (indicator.T @ ensemble.counts)
        scaled = diags(np.sqrt(ensemble.counts / of_images)) @ indicator @ diags(weights / np.sqrt(of_clusters))
        left, right = leading_singular_vectors(scaled.tocsr(), n_clusters)
        vertices = unit_rows(np.concatenate([left, right]))
        labels = kmeans(vertices, np.concatenate([ensemble.counts, weights]), n_clusters, self.random_state)
        return labels[: len(left)]
