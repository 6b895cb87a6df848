"""Partitions as a hypergraph: every cluster of every partition is a hyperedge around its images.

Strehl and Ghosh, "Cluster ensembles: a knowledge reuse framework for combining multiple partitions" (2002),
section 3.1.
"""

from typing import Any, NamedTuple

import numpy as np


class Hypergraph(NamedTuple):
    """The clusters of partitions of n images.

    indicator : CSR float64 (n, c), 1 where the image is in the cluster; an image without a label has no entry.
    partition : intp (c), the partition of each cluster; clusters follow one another by partition, then label.
    """

    indicator: Any
    partition: np.ndarray


def hypergraph(partitions: np.ndarray) -> Hypergraph:
    """Return the hypergraph of `partitions`, int (n, m), where -1 is a missing label.

    The indicator's product with its transpose is the co-association (times m), which need not be formed: the
    indicator has n m entries at most.
    """
    from scipy.sparse import csr_matrix

    seen = partitions >= 0
    columns = np.zeros(partitions.shape, dtype=np.int32)
    counts: list[int] = []
    for index in range(partitions.shape[1]):
        labels, position = np.unique(partitions[seen[:, index], index], return_inverse=True)
        columns[seen[:, index], index] = position + sum(counts)
        counts.append(len(labels))
    indices = columns[seen]
    starts = np.concatenate([[0], np.cumsum(seen.sum(axis=1))])
    indicator = csr_matrix((np.ones(len(indices)), indices, starts), shape=(len(partitions), sum(counts)))
    return Hypergraph(indicator, np.repeat(np.arange(len(counts)), counts))
