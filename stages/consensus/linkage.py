"""Hierarchical clustering of the co-association of images, without its matrix.

The co-association of two images is the share of the partitions that give them the same label: an inner product of
their label histograms. So is, divided by the numbers of images, the mean co-association of two groups, and that is
all that average linkage needs. Images with equal labels are one weighted point.

Where partitions have weights w, each label counts with its partition's. Where labels are missing, an image's
histogram is scaled so that its co-association with itself stays 1: that of two images is then the weight of the
partitions that agree on them over the geometric mean of the weights of those that saw the one and the other.

Ties are broken on the form of `stages.consensus.hypergraph.distinct_rows`, by the lowest row: neither the order of
the images nor the names of the labels matter, as far as labels distinguish the images. Groups that share no label
are joined last, at height 1, the smallest first.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from stages.consensus.hypergraph import check_ensemble, distinct_rows, hypergraph
from stages.core.checks import check_choice
from stages.core.dendrogram import Dendrogram, dendrogram_of
from stages.core.memory import require_memory

# Bytes that a label of an image takes while a dendrogram is built, and an image beside its labels; measured
# upwards.
_BYTES_A_LABEL, _BYTES_AN_IMAGE = 120, 400


class Points(NamedTuple):
    """Distinct rows of labels as sparse vectors, in CSR form.

    starts int64 (r + 1), labels int32 (e), values float64 (e); weights float64 (c), of each label; sizes float64
    (r), the images of each point. The weighted product of two vectors is the co-association times the sum of the
    weights of the partitions.
    """

    starts: np.ndarray
    labels: np.ndarray
    values: np.ndarray
    weights: np.ndarray
    sizes: np.ndarray
    total_weight: float


class Merged(NamedTuple):
    """The merges that a linkage made of r points.

    pairs int32 (q, 2): a point of either of the two groups joined, groups before what they are joined to;
    similarities float64 (q), in the scale of the points' products; roots int32 (r - q): the lowest point of each
    group that is left, as it shares no label with another.
    """

    pairs: np.ndarray
    similarities: np.ndarray
    roots: np.ndarray


def linkage(partitions: np.ndarray, method: str = "average", weights: Any = None) -> Dendrogram:
    """Return the dendrogram of the images of `partitions`, int (n, m), -1 a missing label; heights 1 - similarity.

    `method` is "average" (MVEC), "single" (Fred and Jain's first choice) or "complete". `weights` (m) are the
    partitions'. Average and single linkage take memory for the labels alone; complete linkage needs the
    distances of all distinct rows. Raises `ParameterError` for what cannot be used and for what would not fit
    into memory.
    """
    check_choice("linkage", method, tuple(LINKAGES))
    partitions, column_weights = check_ensemble(partitions, weights)
    n_images, n_partitions = partitions.shape
    require_memory(
        partitions.size * _BYTES_A_LABEL + n_images * _BYTES_AN_IMAGE,
        f"the consensus of {n_images} images in {n_partitions} partitions",
        "cluster fewer images, or combine fewer partitions",
    )
    distinct = distinct_rows(partitions)
    points = _points(distinct.rows, distinct.counts, column_weights)
    return _dendrogram(distinct.inverse, points, LINKAGES[method](points))


def warm_up() -> None:
    """Load the compiled kernels; the first time on a machine, or after a change of them, compile them too."""
    for method in ("average", "single"):
        linkage(np.array([[0, 0], [0, 1], [1, 1]]), method)


def _points(rows: np.ndarray, counts: np.ndarray, weights: np.ndarray) -> Points:
    graph = hypergraph(rows)
    starts = graph.indicator.indptr.astype(np.int64)
    # Exactly 1 where nothing is missing: histograms are then counts, and ties are exact.
    scales = np.sqrt(weights.sum() / ((rows >= 0) @ weights))
    values = np.repeat(scales, np.diff(starts))
    return Points(
        starts, graph.indicator.indices.astype(np.int32), values, weights[graph.partition], counts, weights.sum()
    )


def _average(points: Points) -> Merged:
    from stages.consensus._linkage_kernels import average_merges

    histograms = points.values * np.repeat(points.sizes, np.diff(points.starts))
    most_agreement = points.values.max() ** 2 * points.total_weight
    return Merged(
        *average_merges(points.starts, points.labels, histograms, points.weights, points.sizes, most_agreement)
    )


def _single(points: Points) -> Merged:
    from stages.consensus._linkage_kernels import single_merges

    pairs, similarities = single_merges(*points[:4])
    order = np.argsort(-similarities, kind="stable")
    return Merged(pairs[order], similarities[order], np.zeros(1, dtype=np.int32))


def _complete(points: Points) -> Merged:
    from scipy.cluster.hierarchy import linkage as scipy_linkage
    from scipy.sparse import csr_matrix

    n_points = len(points.sizes)
    require_memory(
        n_points * n_points * 16,  # scipy's condensed distances, twice
        f"complete linkage of {n_points} images with different labels",
        "take linkage 'average', which needs no distances of all pairs",
    )
    root = np.zeros(1, dtype=np.int32)
    if n_points == 1:
        return Merged(np.empty((0, 2), dtype=np.int32), np.empty(0), root)
    vectors = csr_matrix((points.values, points.labels, points.starts))
    weighted = csr_matrix((points.values * points.weights[points.labels], points.labels, points.starts)).T.tocsr()
    rows = ((vectors[point] @ weighted).toarray().ravel()[point + 1 :] for point in range(n_points - 1))
    merges = scipy_linkage(-np.concatenate(list(rows)), "complete")
    lowest = np.arange(2 * n_points - 1, dtype=np.int32)
    sides = merges[:, :2].astype(np.int64)
    for merge, (a, b) in enumerate(sides):
        lowest[n_points + merge] = min(lowest[a], lowest[b])
    return Merged(lowest[sides], -merges[:, 2], root)


LINKAGES: dict[str, Callable[[Points], Merged]] = {"average": _average, "single": _single, "complete": _complete}


def _dendrogram(inverse: np.ndarray, points: Points, merged: Merged) -> Dendrogram:
    """Merge equal images first, then the points by height, then the groups that share no label."""
    order = np.argsort(inverse, kind="stable")
    equal = inverse[order[1:]] == inverse[order[:-1]]
    alike = np.column_stack([order[:-1], order[1:]])[equal]
    image_of = order[np.concatenate([[True], ~equal])]  # the first image of each point

    heights = np.clip(1 - merged.similarities / points.total_weight, 0, 1)
    by_height = np.argsort(heights, kind="stable")
    roots = merged.roots[np.lexsort((merged.roots, _group_sizes(points.sizes, merged)))]
    apart = np.column_stack([roots[:-1], roots[1:]])
    pairs = np.concatenate([alike, image_of[merged.pairs[by_height]], image_of[apart]])
    all_heights = np.concatenate([np.zeros(len(alike)), heights[by_height], np.ones(len(apart))])
    return dendrogram_of(pairs, all_heights)


def _group_sizes(sizes: np.ndarray, merged: Merged) -> np.ndarray:
    """The images of each root's group, float64 (r - q)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    edges = (np.ones(len(merged.pairs), dtype=bool), (merged.pairs[:, 0], merged.pairs[:, 1]))
    group = connected_components(coo_matrix(edges, shape=(len(sizes), len(sizes))), directed=False)[1]
    images: np.ndarray = np.bincount(group, weights=sizes)[group[merged.roots]]
    return images
