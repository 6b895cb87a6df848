"""Clustering algorithms by name, each behind the same call."""

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stages.errors import ParameterError


@dataclass(frozen=True)
class Algorithm:
    """A way to cluster: `partition(features, n_clusters, seed, n_init)` gives int labels (n) from 0 on.

    `random` says whether the seed matters; an algorithm without chance runs once however many seeds are asked.
    """

    name: str
    partition: Callable[[np.ndarray, int, int, int], np.ndarray]
    random: bool


def find_algorithm(name: str) -> Algorithm:
    """Return the algorithm called `name`, or raise `ParameterError` with the nearest names."""
    if name in ALGORITHMS:
        return ALGORITHMS[name]
    near = difflib.get_close_matches(name, ALGORITHMS) or list(ALGORITHMS)
    raise ParameterError(f"no clustering algorithm is called {name!r}; did you mean {' or '.join(near)}?")


def _kmeans(features: np.ndarray, n_clusters: int, seed: int, n_init: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    labels: np.ndarray = KMeans(n_clusters, n_init=n_init, random_state=seed).fit_predict(features)
    return labels


def _ward(features: np.ndarray, n_clusters: int, seed: int, n_init: int) -> np.ndarray:
    from sklearn.cluster import AgglomerativeClustering

    if len(features) == 1:  # scikit-learn refuses a single sample
        return np.zeros(1, dtype=np.int64)
    labels: np.ndarray = AgglomerativeClustering(n_clusters, linkage="ward").fit_predict(features)
    return labels


ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (
        Algorithm("kmeans", _kmeans, random=True),
        Algorithm("ward", _ward, random=False),
    )
}
