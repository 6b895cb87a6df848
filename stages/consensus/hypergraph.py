"""Partitions that are combined: checked, as a hypergraph, and in one form for all ways to write the same ones.

Every cluster of every partition is a hyperedge around its images (Strehl and Ghosh, "Cluster ensembles: a
knowledge reuse framework for combining multiple partitions", 2002, section 3.1).

Sums of floats and random starts depend on the order of what they are given. The consensus functions therefore
compute on `distinct_rows`, where images with equal labels are one weighted row, whatever the order of the images
and the names of labels.
"""

from typing import Any, NamedTuple

import numpy as np

from stages.core.errors import ParameterError

MISSING = -1  # the label of an image that a view could not read
_LARGEST = np.iinfo(np.int32).max
_ROUNDS = 8  # of refining signatures


def check_partitions(X: Any) -> np.ndarray:
    """Return the partitions `X` as int32 (n, m), C-contiguous: one row an image, one column a partition.

    Labels are whole numbers from 0, as integers or floats; they need not follow one another, and -1 says that the
    view could not read the image. Raises `ParameterError` for another shape, for any other value, naming the
    first of them, and for images or partitions without a single label.
    """
    try:
        values = np.asarray(X)
    except ValueError:  # rows of different lengths
        raise ParameterError("partitions have rows of different lengths; give (images, partitions)") from None
    if values.ndim != 2 or 0 in values.shape:
        raise ParameterError(f"partitions have the shape {values.shape}; give (images, partitions)")
    if values.dtype.kind not in "iuf":
        raise ParameterError(f"partitions have the type {values.dtype}; give whole numbers")
    if values.dtype.kind == "f":
        _refuse(values, values != np.trunc(values), "give whole numbers, and -1 for an image without a label")
    if values.dtype.kind != "u":
        _refuse(values, values < MISSING, "number clusters from 0, and give -1 only for an image without a label")
    _refuse(values, values > _LARGEST, f"number clusters from 0 to {_LARGEST}")
    partitions = np.ascontiguousarray(values, dtype=np.int32)
    empty = (partitions == MISSING).all(axis=0)
    if empty.any():
        raise ParameterError(f"partition {np.argmax(empty)} has no label for any image; leave that partition out")
    _refuse_unlabelled(partitions, "any partition")
    return partitions


def check_weights(weights: Any, n_partitions: int) -> np.ndarray:
    """Return `weights` as float64 (m), one for each partition; None gives each the weight 1.

    Raises `ParameterError` for another number of them, for what is negative or not finite, and for zeros only.
    """
    if weights is None:
        return np.ones(n_partitions)
    try:
        values = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"weights are {weights!r}; give {n_partitions} numbers of at least 0") from None
    if values.shape != (n_partitions,):
        raise ParameterError(
            f"weights have the shape {values.shape}; give ({n_partitions},), a number for each partition"
        )
    wrong = ~((values >= 0) & np.isfinite(values))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ParameterError(f"weights hold {values[first]} for partition {first}; give numbers of at least 0")
    if not values.any():
        raise ParameterError("weights are all 0; give one partition at least a greater one")
    return values


def check_ensemble(X: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the partitions of `X` whose weight is not 0, int32 (n, m'), and their weights, float64 (m').

    Raises what `check_partitions` and `check_weights` raise, and `ParameterError` where only partitions without
    weight could read an image.
    """
    partitions = check_partitions(X)
    values = check_weights(weights, partitions.shape[1])
    if values.all():
        return partitions, values
    used = values > 0
    partitions = np.ascontiguousarray(partitions[:, used])
    _refuse_unlabelled(partitions, "any partition with a weight above 0")
    return partitions, values[used]


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
    of a graph to canonical form", 1968). Only clusters which this cannot distinguish are named by first image.
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
    """Spread uint64 `values` over all 64 bits, so that sums of them distinguish sets (splitmix64, Steele 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: np.ndarray = mixed ^ (mixed >> np.uint64(31))
    return result


def _refuse(values: np.ndarray, wrong: np.ndarray, way_out: str) -> None:
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ParameterError(f"partitions hold {values[row, column]} in row {row}, column {column}; {way_out}")


def _refuse_unlabelled(partitions: np.ndarray, where: str) -> None:
    unlabelled = (partitions == MISSING).all(axis=1)
    if unlabelled.any():
        raise ParameterError(f"image {np.argmax(unlabelled)} has no label in {where}; leave that image out")
