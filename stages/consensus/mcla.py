"""MCLA, the meta-clustering algorithm: clusters of the partitions are clustered, and images follow them.

Strehl and Ghosh, "Cluster ensembles: a knowledge reuse framework for combining multiple partitions" (2002),
section 3.4.
"""

import numpy as np

from stages.consensus.graph_consensus import Ensemble, GraphConsensus, kmeans, leading_eigenvectors, unit_rows
from stages.core.memory import require_memory


class MCLA(GraphConsensus):
    """Meta-clusters of clusters by Jaccard similarity; each image goes to the one that holds it most.

    The paper cuts the graph of clusters by METIS, with clusters weighing as many as they have images. METIS is not
    used here: the graph is cut by normalised spectral clustering, K-means with the same weights on the leading
    eigenvectors of the Jaccard similarity. An image's association with a meta-cluster is the (weighted) share of
    its clusters that hold the image. Ties go to the meta-cluster with more votes for the image, then to that with
    more images in its clusters, where the paper draws lots. A meta-cluster that no image prefers is dropped, and
    the images that agree least with their cluster are set apart instead.

    Parameters
    ----------
    n_clusters : number of clusters.
    weights : m non-negative numbers, one for each partition; a partition of weight 2 counts as one given twice.
        None: all equal.
    random_state : seed of K-means.

    Attributes
    ----------
    labels_, n_features_in_ : as of `GraphConsensus`.
    """

    def _divide(self, ensemble: Ensemble, n_clusters: int) -> np.ndarray:
        n_rows, side = ensemble.graph.indicator.shape
        require_memory(
            8 * (5 * side * side + 4 * n_rows * min(n_clusters, side)),
            f"the similarities of {side} clusters, and {n_clusters} votes of {n_rows} different images,",
            "combine fewer or coarser partitions",
        )
        sizes = ensemble.graph.indicator.T @ ensemble.counts
        meta = kmeans(
            self._embedding(ensemble, sizes, n_clusters),
            ensemble.cluster_weights * sizes,
            n_clusters,
            self.random_state,
        )
        return _strongest(ensemble, meta, sizes)

    @staticmethod
    def _embedding(ensemble: Ensemble, sizes: np.ndarray, n_clusters: int) -> np.ndarray:
        from scipy.sparse import diags

        indicator = ensemble.graph.indicator
        shared = (indicator.T @ diags(ensemble.counts) @ indicator).toarray()
        similarity = shared / (sizes[:, None] + sizes[None, :] - shared)
        roots = np.sqrt(ensemble.cluster_weights)
        similarity *= roots[:, None] * roots[None, :]
        degrees = similarity @ roots / roots  # what a cluster given several times has in every copy
        scale = 1 / np.sqrt(degrees)
        similarity *= scale[:, None] * scale[None, :]
        return unit_rows(leading_eigenvectors(similarity, n_clusters)[1])


def _strongest(ensemble: Ensemble, meta: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The meta-cluster, int (r), with which each row has the strongest association; `meta` is int (c)."""
    from scipy.sparse import csr_matrix

    weights = ensemble.cluster_weights
    member = csr_matrix((weights, (np.arange(len(meta)), meta)))
    votes = (ensemble.graph.indicator @ member).toarray()
    totals = np.asarray(member.sum(axis=0)).reshape(-1)
    # With the meta-clusters in order of images, the first maximum is the one that the rule gives. Rounded, because
    # a third is not always three ninths.
    order = np.argsort(-np.bincount(meta, weights=weights * sizes), kind="stable")
    order = order[totals[order] > 0]
    votes = votes[:, order]
    association = np.round(votes / totals[order], 9)
    tied = association == association.max(axis=1, keepdims=True)
    strongest: np.ndarray = order[np.argmax(np.where(tied, np.round(votes, 9), -1), axis=1)]
    return strongest
