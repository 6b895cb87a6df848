"""Base partitions weighed by their quality, so that collapsed ones do not decide.

Graph linkage with a few neighbours can end in one giant cluster and crumbs, K-means cannot, and nobody knows which
will on the next set. Huang, Wang and Lai, "Locally weighted ensemble clustering" (IEEE Trans. Cybernetics 2018),
weigh clusters by the entropy of the others within them; here a partition is weighed as a whole, by a score that
another source than the partitions gives: the modularity on the views' neighbour graph.
"""

from typing import NamedTuple

import numpy as np

POWER = 2  # of the quality; docs/results.md compares 0, 1, 2 and 4, and other ways to weigh
_COLLAPSED = 0.5  # of the best quality of the view: below it a partition counts nothing


class Weighted(NamedTuple):
    """The `weights` of base partitions, float64 (m), and which of them are `collapsed`, bool (m)."""

    weights: np.ndarray
    collapsed: np.ndarray


def weigh_by_quality(weights: np.ndarray, views: np.ndarray, quality: np.ndarray) -> Weighted:
    """Return the weights of base partitions times the square of their quality.

    `weights` float64 (m) are those they would have, `views` int (m) the view of each, `quality` float64 (m) at
    most 1. A view's partitions together weigh as much as before. Those with less than half the best quality of
    their view count nothing; a view without any positive quality keeps its weights. Partitions without a weight
    take no part.
    """
    found, collapsed = weights.astype(np.float64), np.zeros(len(weights), dtype=bool)
    used = weights > 0
    for view in np.unique(views[used]):
        own = np.flatnonzero(used & (views == view))
        best = quality[own].max()
        if best <= 0:
            continue
        collapsed[own] = quality[own] < _COLLAPSED * best
        scaled = np.where(collapsed[own], 0.0, weights[own] * (quality[own] / best) ** POWER)
        found[own] = scaled * (weights[own].sum() / scaled.sum())
    return Weighted(found, collapsed)
