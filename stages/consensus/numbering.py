"""Numbers of clusters: how they are numbered, and that there are as many as asked for."""

import numpy as np

from stages.consensus.hypergraph import Hypergraph


def split_up_to(
    n_clusters: int, labels: np.ndarray, graph: Hypergraph, counts: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Return `labels`, int (r) of the r rows of `graph`, with rows set apart until there are `n_clusters`.

    `counts` (r) weighs the rows, `weights` (m) the partitions. The rows set apart, each a cluster of its own, are
    those that agree least with their cluster (ties: the first of them), and never the last one of a cluster.
    `n_clusters` is r at most.
    """
    clusters, labels, rows_left = np.unique(labels, return_inverse=True, return_counts=True)
    wanted = n_clusters - len(clusters)
    if wanted <= 0:
        return labels
    made = len(clusters)
    for row in np.argsort(_agreement(labels, graph, counts, weights), kind="stable"):
        if rows_left[labels[row]] > 1:
            rows_left[labels[row]] -= 1
            labels[row] = made
            made += 1
            if made == n_clusters:
                break
    return labels


def _agreement(labels: np.ndarray, graph: Hypergraph, counts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """For each row, float64 (r), the weighted sum of its co-association with the images of its cluster."""
    n_clusters = int(labels.max()) + 1
    entries_a_row = np.diff(graph.indicator.indptr)
    cell = graph.indicator.indices.astype(np.int64) * n_clusters + np.repeat(labels, entries_a_row)
    cells, position = np.unique(cell, return_inverse=True)
    together = np.bincount(position, weights=np.repeat(counts, entries_a_row))
    share = together / np.bincount(labels, weights=counts)[cells % n_clusters]
    weighted = share[position] * weights[graph.partition[graph.indicator.indices]]
    agreement: np.ndarray = np.add.reduceat(weighted, graph.indicator.indptr[:-1])
    return agreement
