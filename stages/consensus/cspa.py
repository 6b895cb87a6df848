"""CSPA, the cluster-based similarity partitioning algorithm: images are alike that many partitions put together.

Strehl and Ghosh, "Cluster ensembles: a knowledge reuse framework for combining multiple partitions" (2002),
section 3.2.
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


class CSPA(GraphConsensus):
    """Spectral partitioning of the graph of images whose edges are their co-association.

    The paper partitions this graph by METIS, into clusters of about equal size. METIS is not used here: the graph
    is cut by normalised spectral clustering (Ng, Jordan and Weiss, "On spectral clustering", 2001), which does not
    balance sizes. The similarity S = H H^T of the hypergraph's indicator H is never formed: with D its row sums,
    the leading eigenvectors of D^-1/2 S D^-1/2 are the left singular vectors of D^-1/2 H.

    Parameters
    ----------
    n_clusters : number of clusters.
    weights : m non-negative numbers, one for each partition; a partition of weight 2 counts as one given twice.
        None: all equal.
    random_state : seed of K-means on the eigenvectors.

    Attributes
    ----------
    labels_, n_features_in_ : as of `GraphConsensus`.
    """

    def _divide(self, ensemble: Ensemble, n_clusters: int) -> np.ndarray:
        points = spectral_embedding(ensemble, n_clusters)
        return kmeans(points, ensemble.counts, n_clusters, self.random_state)


def spectral_embedding(ensemble: Ensemble, dimensions: int) -> np.ndarray:
    """Rows of unit length, float64 (r, up to `dimensions`), from the co-association's leading eigenvectors.

    A row that stands for several images is scaled by the root of their number, which makes the eigenvectors those
    of the graph of all images.
    """
    from scipy.sparse import diags

    require_memory(
        singular_memory(ensemble.graph.indicator.shape, dimensions),
        f"{dimensions} eigenvectors for {len(ensemble.counts)} different images",
        "ask for fewer clusters, or cluster fewer images at once",
    )
    scaled = ensemble.graph.indicator @ diags(np.sqrt(ensemble.cluster_weights))
    degrees = scaled @ (scaled.T @ ensemble.counts)
    left, _ = leading_singular_vectors((diags(np.sqrt(ensemble.counts / degrees)) @ scaled).tocsr(), dimensions)
    return unit_rows(left)
