"""How many clusters a consensus has: what its dendrogram and its partitions say, without labels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from stages.consensus.linkage import linkage
from stages.consensus.stability import resampling_stability
from stages.consensus.validation import check_weights
from stages.core.dendrogram import Dendrogram

_CURVE = 60  # candidates at most: enough for a curve, few enough to score each one
_SAMPLE = 5000  # images whose stability is measured: each resample builds two dendrograms


def most_clusters(n_images: int) -> int:
    """The most clusters that are looked for among n images: twice the square root, but two if there are two.

    A dendrogram's first merges, of images that nearly all partitions tell apart, can last long and say nothing.
    """
    return min(n_images, max(2, 2 * round(n_images**0.5)))


def longest_lived(dendrogram: Dendrogram) -> int:
    """The number of clusters, from two to `most_clusters`, that lasts longest (Fred and Jain 2005)."""
    return dendrogram.longest_lived(2, most_clusters(dendrogram.n_images))


def candidates(n_images: int, chosen: int) -> list[int]:
    """Numbers of clusters to compare, ascending: from 2 to `most_clusters`, or a little beyond what was `chosen`.

    All of them, or where these were too many, some 60 in growing steps, `chosen` among them.
    """
    most = most_clusters(n_images)
    most = min(n_images - 1, most if chosen <= most else round(1.5 * chosen))
    if most < 2:
        return []
    counts = np.arange(2, most + 1)
    if len(counts) > _CURVE:
        counts = np.geomspace(2, most, _CURVE).round().astype(int)
    return sorted({*counts.tolist(), chosen} - {1, n_images})


def consensus_stability(
    partitions: np.ndarray,
    counts: Sequence[int],
    method: str = "average",
    weights: Any = None,
    random_state: Any = 0,
) -> np.ndarray:
    """Return the `resampling_stability` of a linkage at each of `counts`, float64 (len(counts)).

    Halves of the partitions, int (n, m), are compared, each with its `weights` (m). Above 5000 images it is that
    of 5000 of them, evenly spaced. NaN where a sample has no more images than clusters, and everywhere where
    partitions are too few, or miss images, so that halves of them cannot be compared.
    """
    column_weights = check_weights(weights, partitions.shape[1])
    partitions, column_weights = partitions[:, column_weights > 0], column_weights[column_weights > 0]
    rows = np.unique(np.linspace(0, len(partitions) - 1, min(len(partitions), _SAMPLE)).astype(np.int64))
    sample = partitions[rows]
    stability = np.full(len(counts), np.nan)
    some = [index for index, count in enumerate(counts) if count < len(sample)]
    if some and partitions.shape[1] > 1 and (sample >= 0).all():
        stability[some] = resampling_stability(
            sample,
            lambda half, half_weights: linkage(half, method, half_weights).cut,
            [counts[index] for index in some],
            weights=column_weights,
            random_state=random_state,
        )
    return stability
