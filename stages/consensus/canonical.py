"""One form for all ways to write the same partitions, whatever the order of the images and the names of labels.

Sums of floats and random starts depend on the order of what they are given. The consensus functions therefore
compute on this form, where images with equal labels are one weighted row.
"""

from typing import NamedTuple

import numpy as np

from stages.consensus.hypergraph import hypergraph

_ROUNDS = 8


class DistinctRows(NamedTuple):
    """The different rows of partitions int (n, m).

    rows : int32 (r, m), in ascending order; -1 stays a missing label.
    counts : float64 (r), how many images have the row.
    inverse : intp (n), the row of each image.
    """

    rows: np.ndarray
    counts: np.ndarray
    inverse: np.ndarray


def distinct_rows(partitions: np.ndarray) -> DistinctRows:
    """Name the clusters of `partitions`, int (n, m), by what they hold, and collapse equal rows.

    In each partition clusters are named by size, the largest first; of equal size, by a signature of the clusters
    that they meet in other partitions, refined as colours are in the test of Weisfeiler and Leman ("The reduction
    of a graph to canonical form", 1968). Only clusters which this cannot tell apart are named by first image.
    """
    named = _named_by_content(partitions)
    order = np.lexsort(named.T[::-1])
    rows = named[order]
    starts = np.ones(len(rows), dtype=bool)
    starts[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    group = np.cumsum(starts) - 1
    inverse = np.empty(len(rows), dtype=np.intp)
    inverse[order] = group
    return DistinctRows(rows[starts], np.bincount(group).astype(np.float64), inverse)


def _named_by_content(partitions: np.ndarray) -> np.ndarray:
    indicator, partition = hypergraph(partitions)
    by_cluster = indicator.tocsc()
    sizes = np.diff(by_cluster.indptr)
    signature = _mixed(partition.astype(np.uint64) << np.uint64(40) | sizes.astype(np.uint64))
    for _ in range(_ROUNDS):
        images = _mixed(np.add.reduceat(signature[indicator.indices], indicator.indptr[:-1]))
        signature = _mixed(signature + np.add.reduceat(images[by_cluster.indices], by_cluster.indptr[:-1]))
        if len(np.unique(signature)) == len(signature):
            break
    first = by_cluster.indices[by_cluster.indptr[:-1]]
    name = np.empty(len(partition), dtype=np.int32)
    name[np.lexsort((first, signature, -sizes, partition))] = np.arange(len(partition), dtype=np.int32)
    named = np.full(partitions.shape, -1, dtype=np.int32)
    named[partitions >= 0] = name[indicator.indices]
    offsets = np.searchsorted(partition, np.arange(partitions.shape[1])).astype(np.int32)
    return np.where(named >= 0, named - offsets, np.int32(-1))


def _mixed(values: np.ndarray) -> np.ndarray:
    """Spread uint64 `values` over all 64 bits, so that sums of them tell sets apart (splitmix64, Steele 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return result
