"""The first clusters of a network that is trained to cluster."""

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.random import RandomState

from stages.clustering import count_different, find_algorithm
from stages.core.errors import ParameterError

# From the scaled views, float32 (n, d_j), to labels int (n).
Initialiser = Callable[[list[np.ndarray], int, RandomState], np.ndarray]
Init = str | np.ndarray | Sequence[int] | Initialiser


def given_labels(init: Init, views: list[np.ndarray], n_clusters: int, random: RandomState) -> np.ndarray:
    """Return the first labels, int64 (n) in 0..n_clusters-1, every one of them used, without a network.

    `init` is an array of labels, or a function of (views, n_clusters, random). Labels may be any integers; they
    are renumbered in order. Raises `ParameterError` unless they make exactly `n_clusters` clusters of n images.
    """
    if isinstance(init, str):
        raise ParameterError(f"init is {init!r}; give 'kmeans', an array of labels or a function")
    labels = np.asarray(init(views, n_clusters, random) if callable(init) else init)
    n_images = len(views[0])
    if labels.shape != (n_images,) or labels.dtype.kind not in "iu":
        raise ParameterError(
            f"init gives labels of shape {labels.shape} and type {labels.dtype}; "
            f"give one integer for each of the {n_images} images"
        )
    values, numbered = np.unique(labels, return_inverse=True)
    if len(values) != n_clusters:
        raise ParameterError(
            f"init gives {len(values)} different labels but n_clusters is {n_clusters}; "
            "give one label for every cluster, or another n_clusters"
        )
    return numbered


def kmeans_labels(embedding: np.ndarray, n_clusters: int, n_init: int, random: RandomState) -> np.ndarray:
    """Return the labels (n) of the best of `n_init` K-means starts on an embedding (n, width), as DEC and IDEC."""
    from sklearn.cluster import KMeans

    seed = random.randint(2**31 - 1)
    labels: np.ndarray = KMeans(n_clusters, n_init=n_init, random_state=seed).fit_predict(embedding)
    return labels.astype(np.int64)


def overclusterings(
    views: Sequence[np.ndarray],
    n_clusters: int,
    algorithms: Sequence[str],
    shares: Sequence[float],
    overclustering: Sequence[int],
    runs: int,
    random: RandomState,
) -> tuple[np.ndarray, np.ndarray]:
    """Return fine partitions of the views (n, d_j), int32 (n, m), and the weight of each, float64 (m).

    `algorithms` are those of `find_algorithm`. Each clusters every view into its own multiple of `n_clusters`, or
    into each multiple in `overclustering`, of five images or more on average, or into a number that each run
    draws, in so many `runs` of one start unless it says another number. Its runs on a view weigh its share
    together. Fine clusters split classes but seldom mix them, and differ from run to run: such partitions are what
    evidence accumulation combines (Fred and Jain 2005).
    """
    partitions, weights = [], []
    for view in views:
        different = count_different([view])
        for algorithm, share in zip(map(find_algorithm, algorithms), shares, strict=True):
            n_each, factors = algorithm.seeds(runs), algorithm.factors(overclustering)
            for factor, run in product(factors, range(n_each)):
                seed = random.randint(2**31 - 1)
                fine = algorithm.run_n_clusters(factor, n_clusters, len(view), run, n_each, seed)
                partitions.append(algorithm.partition(view, min(fine, different), seed, 1))
                weights.append(share / (n_each * len(factors)))
    return np.column_stack(partitions), np.array(weights)
