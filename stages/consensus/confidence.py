"""How sure a consensus is of each image."""

from typing import Any

import numpy as np

from stages.consensus.hypergraph import hypergraph
from stages.consensus.validation import check_ensemble


def membership_confidence(partitions: np.ndarray, labels: np.ndarray, weights: Any = None) -> np.ndarray:
    """Return for each image, float64 (n), its mean co-association with the other members of its cluster.

    `partitions` is int (n, m), -1 a missing label, `weights` (m) theirs, `labels` int (n) the consensus. 1:
    every partition keeps the image with all of them; 0: none with any, which is also the confidence of an image
    alone in its cluster. Missing labels count as in `stages.consensus.linkage`. It is computed from label
    counts, in O(n m), without the matrix.
    """
    partitions, column_weights = check_ensemble(partitions, weights)
    graph = hypergraph(partitions)
    entries = np.diff(graph.indicator.indptr)
    column = graph.indicator.indices
    scales = np.sqrt(column_weights.sum() / ((partitions >= 0) @ column_weights))
    clusters, cluster = np.unique(labels, return_inverse=True)
    # The scaled images that share both the cluster and the label of a partition.
    cell = column.astype(np.int64) * len(clusters) + np.repeat(cluster, entries)
    cells, position = np.unique(cell, return_inverse=True)
    shared = np.bincount(position, weights=np.repeat(scales, entries), minlength=len(cells))[position]
    together = scales * np.add.reduceat(
        shared * column_weights[graph.partition[column]], graph.indicator.indptr[:-1]
    )
    others = np.bincount(cluster)[cluster] - 1
    with_others = together / column_weights.sum() - 1  # without the image itself
    confidence: np.ndarray = np.clip(with_others / np.maximum(others, 1), 0, 1)
    return confidence
