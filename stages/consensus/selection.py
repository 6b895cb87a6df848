"""How many clusters a consensus has: what its dendrogram and its partitions say, without labels.

The stability is after Ben-Hur, Elisseeff and Guyon, "A stability based method for discovering structure in
clustered data" (2002), who resample images; a consensus has partitions to resample.
"""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from stages.consensus.hypergraph import MISSING, check_partitions, check_weights
from stages.consensus.linkage import linkage
from stages.core.checks import check_number
from stages.core.dendrogram import Dendrogram
from stages.core.errors import ParameterError
from stages.core.seeds import evenly_spaced

Cutter = Callable[[int], np.ndarray]  # a number of clusters k -> labels int (n)
_CURVE = 60  # candidates at most: enough for a curve, few enough to score each one
_SAMPLE = 5000  # images whose stability is measured: each resample builds two dendrograms


def most_clusters(n_images: int) -> int:
    """The most clusters that are looked for among n images: twice the square root, but two if there are two.

    A dendrogram's first merges, of images that nearly all partitions separate, can last long and say nothing.
    """
    root: float = n_images**0.5
    return min(n_images, max(2, 2 * round(root)))


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
    sample = partitions[evenly_spaced(len(partitions), _SAMPLE)]
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


def resampling_stability(
    partitions: np.ndarray,
    cluster: Callable[[np.ndarray, np.ndarray], Cutter],
    candidates: Sequence[int],
    n_resamples: int = 10,
    weights: Any = None,
    random_state: Any = None,
) -> np.ndarray:
    """Return how stable the consensus is with each number of clusters, float64 (len(candidates)).

    `partitions` is int (n, m), -1 a missing label. `cluster` gets some of its columns, int32 (n, m'), with their
    `weights`, float64 (m'), 1 each unless given, and returns a function that cuts their dendrogram: from a
    number of clusters to labels int (n). It is called twice for each of the `n_resamples`, whatever the number
    of candidates.

    Each resample deals the partitions into two halves at random (one is left out where m is odd), and compares
    their consensus by the adjusted Rand index: 1 for the same partition, 0 for what chance gives; the result is
    the mean. Halves, because two bootstrap samples of few partitions share many of them, which makes any number of
    clusters look stable. Images without a label in one of the halves are left out of that resample, and
    partitions without a label for any of the others.

    Candidates are 2 to n - 1: one cluster, and one for each image, are always the same. Raises `ParameterError`
    for other candidates and for none, for fewer than two partitions, and where the halves have too few images in
    common.
    """
    from sklearn.metrics import adjusted_rand_score
    from sklearn.utils import check_random_state

    partitions = check_partitions(partitions)
    n_images, n_partitions = partitions.shape
    values = check_weights(weights, n_partitions)
    _check_candidates(candidates, n_images)
    check_number("n_resamples", n_resamples, least=1, whole=True)
    if n_partitions < 2:
        raise ParameterError("one partition has no halves to compare; give at least 2")
    rng = check_random_state(random_state)
    half = n_partitions // 2
    scores = np.empty((n_resamples, len(candidates)))
    for resample in range(n_resamples):
        order = rng.permutation(n_partitions)
        halves = [np.sort(order[:half]), np.sort(order[half : 2 * half])]
        seen = [(partitions[:, columns] != MISSING).any(axis=1) for columns in halves]
        common = seen[0] & seen[1]
        if common.sum() <= max(candidates):
            raise ParameterError(
                f"only {common.sum()} images have labels in both halves of the partitions, too few for "
                f"{max(candidates)} clusters; leave out partitions that miss many images, or give fewer clusters"
            )
        rows = partitions[common]
        cuts = []
        for columns in halves:
            labelled = columns[(rows[:, columns] != MISSING).any(axis=0)]
            cuts.append(cluster(np.ascontiguousarray(rows[:, labelled]), values[labelled]))
        scores[resample] = [adjusted_rand_score(cuts[0](count), cuts[1](count)) for count in candidates]
    means: np.ndarray = scores.mean(axis=0)
    return means


def _check_candidates(candidates: Sequence[int], n_images: int) -> None:
    if len(candidates) == 0:
        raise ParameterError("candidates are missing; give at least one number of clusters")
    for count in candidates:
        if not isinstance(count, Integral) or not 2 <= count < n_images:
            raise ParameterError(
                f"candidates hold {count!r}; give whole numbers from 2 to {n_images - 1}, one less than the images"
            )
