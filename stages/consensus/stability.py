"""How well numbers of clusters stand the loss of half of the partitions.

After Ben-Hur, Elisseeff and Guyon, "A stability based method for discovering structure in clustered data" (2002),
who resample images; a consensus has partitions to resample.
"""

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from stages.consensus.validation import MISSING, check_partitions, check_weights
from stages.core.checks import check_number
from stages.core.errors import ParameterError

Cutter = Callable[[int], np.ndarray]  # a number of clusters k -> labels int (n)


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
    partitions that read none of the others.

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
        raise ParameterError("there are no candidates; give at least one number of clusters")
    for count in candidates:
        if not isinstance(count, Integral) or not 2 <= count < n_images:
            raise ParameterError(
                f"candidates hold {count!r}; give whole numbers from 2 to {n_images - 1}, one less than the images"
            )
