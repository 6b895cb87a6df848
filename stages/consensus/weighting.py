"""Base partitions weighed by their quality, so that collapsed ones do not decide.

Graph linkage with a few neighbours can end in one giant cluster and crumbs, K-means cannot, and nobody knows which
will on the next set. Huang, Wang and Lai, "Locally weighted ensemble clustering" (IEEE Trans. Cybernetics 2018),
weigh clusters by the entropy of the others within them; here a partition is weighed as a whole, by a score that
another source than the partitions gives: the modularity on the views' neighbour graph.
"""

from typing import NamedTuple

import numpy as np

POWER = 2  # of the quality; docs/results/ensemble-settings.md compares 0, 1, 2 and 4, and other ways to weigh
_POOR, _GIANT = 0.5, 0.5  # of the best quality of the view, and of the images


class Weighted(NamedTuple):
    """The `weights` of base partitions, float64 (m), and which of them are `collapsed`, bool (m)."""

    weights: np.ndarray
    collapsed: np.ndarray


def weigh_by_quality(
    partitions: np.ndarray, weights: np.ndarray, views: np.ndarray, quality: np.ndarray
) -> Weighted:
    """Return the weights of base partitions times the square of their quality.

    `partitions` int (n, m) have `weights` float64 (m) so far, `views` int (m) is the view of each, `quality`
    float64 (m) at most 1. A view's partitions together weigh as much as before; a view without any positive
    quality keeps its weights. Collapsed partitions count nothing: those with more than half of the images in one
    cluster, and less than half the best quality of their view. Fine partitions have a low quality, too, and are
    not collapsed. Partitions without a weight take no part.
    """
    found, collapsed = weights.astype(np.float64), np.zeros(len(weights), dtype=bool)
    largest = np.array([np.bincount(labels[labels >= 0]).max() for labels in partitions.T])
    giant, used = largest > _GIANT * len(partitions), weights > 0
    for view in np.unique(views[used]):
        own = np.flatnonzero(used & (views == view))
        best = quality[own].max()
        if best <= 0:
            continue
        collapsed[own] = giant[own] & (quality[own] < _POOR * best)
        scaled = np.where(collapsed[own], 0.0, weights[own] * np.maximum(quality[own] / best, 0.0) ** POWER)
        found[own] = scaled * (weights[own].sum() / scaled.sum())
    return Weighted(found, collapsed)
