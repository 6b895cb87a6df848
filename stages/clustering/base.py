"""The parts that clusterers share: checks of features and parameters, and a base for those with chance.

Estimators are dataclasses: scikit-learn asks that `__init__` only stores, which is what a dataclass generates.
"""

import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from stages.clustering.preparation import check_finite
from stages.core.checks import check_n_clusters, check_number
from stages.core.errors import ParameterError
from stages.core.memory import require_memory

_ROWS = 4096  # compared at a time: a mask of a wide layer would be as large as a copy


def check_features(estimator: BaseEstimator, X: Any, least: int = 1) -> np.ndarray:
    """Return `X` as float32 or float64 (n, d), C-contiguous, and set `n_features_in_` of the estimator.

    Raises `ParameterError` for fewer than `least` rows, for what has not two dimensions, and for values that are
    not finite, naming the first of them; `TypeError` for sparse matrices.
    """
    try:
        features: np.ndarray = validate_data(
            estimator,
            X,
            dtype=[np.float64, np.float32],
            order="C",
            ensure_all_finite=False,
            ensure_min_samples=least,
        )
    except ValueError as error:  # of scikit-learn's messages, some have several lines
        raise ParameterError(" ".join(str(error).split())) from None
    check_finite(features)
    return features


def check_counts(estimator: BaseEstimator, *names: str) -> None:
    """Raise `ParameterError` unless each of the named parameters is a whole number of at least 1."""
    for name in names:
        check_number(name, getattr(estimator, name), 1, whole=True)


def check_positive(name: str, value: Any, way_out: str = "give a number above 0") -> None:
    """Raise `ParameterError` unless `value` is a finite number above 0."""
    check_number(name, value)
    if value == 0:
        raise ParameterError(f"{name} is {value!r}; {way_out}")


def require_distinct(n_clusters: int, n_distinct: int, n_images: int) -> None:
    """Raise `ParameterError` for more clusters than there are different images."""
    if n_clusters > n_distinct:
        raise ParameterError(
            f"n_clusters is {n_clusters}, but only {n_distinct} of the {n_images} images differ; "
            f"give at most {n_distinct}"
        )


@contextmanager
def convergence_ignored() -> Iterator[None]:
    """Silence scikit-learn's warnings of iterations that end early, and of fewer clusters as points coincide."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield


class CanonicalClusterer(ClusterMixin, BaseEstimator):
    """Base of clusterers that work on the images in the order of their content.

    What is drawn at random, a start of K-means say, is drawn by position. Here the position is the image's rank
    by content, so that shuffled images get the same clusters to the last bit. Identical images are
    interchangeable: which of them comes first is the only thing that the given order decides. All work is done by
    one thread, and so the number of cores decides nothing either. A subclass has `n_clusters` and `random_state`,
    the seed of all that is drawn, among its parameters and implements `_check` and `_partition`.
    """

    n_clusters: int
    random_state: int | np.random.RandomState | None

    def fit(self, X: np.ndarray, y: None = None) -> "CanonicalClusterer":
        """Cluster the images `X`, float (n, d), and set `labels_`, int32 (n), numbered from 0 without gaps.

        Raises `ParameterError` for features that are not finite, for parameters that make no sense, for more
        clusters than there are different images, and for what would not fit in memory.
        """
        from threadpoolctl import threadpool_limits

        features = check_features(self, X, least=1 if self.n_clusters == 1 else 2)
        n_clusters = check_n_clusters(self.n_clusters, len(features))
        self._check(features)
        require_memory(2 * features.nbytes, f"sorting {len(features)} images", "cluster fewer images at once")
        order, ordered = _by_content(features)
        new = _differs_from_previous(ordered)
        n_distinct = int(new.sum())
        require_distinct(n_clusters, n_distinct, len(features))
        if n_clusters == 1:
            found = np.zeros(len(features), dtype=np.int32)
        elif n_clusters == n_distinct:
            found = new.cumsum() - 1
        else:
            # With several threads, the order in which they add up their sums decides the last bits.
            with threadpool_limits(1):
                found = self._partition(ordered, n_clusters, check_random_state(self.random_state))
        self.labels_ = np.empty(len(features), dtype=np.int32)
        self.labels_[order] = np.unique(found, return_inverse=True)[1].reshape(-1)
        return self

    @abstractmethod
    def _check(self, features: np.ndarray) -> None:
        """Raise `ParameterError` for a parameter that makes no sense, or for features it makes none with."""

    @abstractmethod
    def _partition(self, features: np.ndarray, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
        """Return int labels (n) of features (n, d) that hold more different rows than `n_clusters`, at least 2."""


def kmeans(points: np.ndarray, n_clusters: int, n_init: int, chance: np.random.RandomState) -> np.ndarray:
    """Return int labels (n) of points (n, d): the best of `n_init` starts of K-means.

    Where fewer than `n_clusters` points differ, there are only as many clusters.
    """
    from sklearn.cluster import KMeans

    with convergence_ignored():
        labels: np.ndarray = KMeans(n_clusters, n_init=n_init, random_state=chance).fit_predict(points)
    return labels


def _by_content(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return an order, int (n), that depends on what the rows hold alone, and the rows in this order."""
    rows = features + features.dtype.type(0)  # makes -0 and 0, which are equal, the same bytes
    keys = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).reshape(-1)
    order = keys.argsort(kind="stable")
    return order, rows[order]


def _differs_from_previous(rows: np.ndarray) -> np.ndarray:
    new = np.ones(len(rows), dtype=bool)
    for start in range(1, len(rows), _ROWS):
        stop = min(start + _ROWS, len(rows))
        new[start:stop] = (rows[start:stop] != rows[start - 1 : stop - 1]).any(axis=1)
    return new
