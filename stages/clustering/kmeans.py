"""K-means for many images: started on a sample and iterated with bounds, or by steps on small random batches."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from stages.clustering.base import (
    CanonicalClusterer,
    check_counts,
    check_features,
    convergence_ignored,
    require_distinct,
)
from stages.clustering.distances import centred_squares, mean_of, row_blocks
from stages.clustering.lloyd import Lloyd, Points, group_number, own_squared_distances, seed_centers
from stages.clustering.preparation import leading_columns
from stages.core.checks import check_n_clusters, check_number
from stages.core.memory import require_memory

_PROJECTED, _SHARE = 2000, 0.8  # images from which on starts see the columns with this share of the variance
_SAMPLE, _SAMPLE_A_CLUSTER = 16384, 64  # images of the sample: at least, and for each cluster


@dataclass(eq=False, repr=False)
class KMeans(ClusterMixin, BaseEstimator):
    """Group images about `n_clusters` means so that the squared distances to them are small.

    Each start is a greedy k-means++ followed by Lloyd's iterations; the best of `n_init` counts. Where there are
    more than twice as many images as the sample needs (16,384, or 64 a cluster), the starts are made and compared
    on a sample, and only the best of them is continued on all images.

    From 2,000 images on the starts are made and compared on the leading columns alone, where at most half of the
    columns hold 80 % of the variance: those of features turned to their principal axes, see `principal_axes`. The
    best is continued on all columns, and after a sample on all images before that.

    Any columns are a projection, and the leading principal ones keep the costs of all partitions best (Cohen,
    Elder, Musco, Musco and Persu, "Dimensionality reduction for k-means clustering and low rank approximation",
    STOC 2015).

    Parameters
    ----------
    n_clusters : number of clusters.
    n_init : number of starts.
    max_iter : iterations at most, of each start and of the continuation.
    tol : stop when the centres' squared movements sum to this part of the mean variance of a feature.
    random_state : seed or generator of the starts.

    Attributes
    ----------
    labels_ : int32 (n), from 0 on.
    cluster_centers_ : (k, d), of the dtype of the features.
    inertia_ : float, the sum of the squared distances of the images to their centres.
    n_iter_ : iterations made on all images.

    What is drawn by chance is drawn from the images in the order of their distances from the mean (ties: as
    given): shuffled, moved or rotated images get the same clusters, up to rounding. One thread does the work, so
    that the cores decide nothing. Memory beside the features: n (k + 4) values, but not much more
    than 1 GiB, half of the features, and at most twice the sample.
    """

    n_clusters: int = 8
    n_init: int = 10
    max_iter: int = 300
    tol: float = 1e-4
    random_state: int | np.random.RandomState | None = None

    def fit(self, X: np.ndarray, y: None = None) -> "KMeans":
        """Cluster features float (n, d).

        Raises `ParameterError` for what cannot be clustered, for more clusters than there are different images,
        and for what would not fit in memory.
        """
        from threadpoolctl import threadpool_limits

        features = check_features(self, X)
        n_images = len(features)
        n_clusters = check_n_clusters(self.n_clusters, n_images)
        check_counts(self, "n_init", "max_iter")
        check_number("tol", self.tol)
        sample = max(_SAMPLE, _SAMPLE_A_CLUSTER * n_clusters)
        require_memory(
            _needed(features, n_clusters, sample), f"K-means of {n_images} images", "give fewer clusters or images"
        )
        mean = mean_of(features)
        squares = centred_squares(features, mean, features.dtype.type)
        _check_distinct(features, squares, n_clusters)
        points = Points(features, mean.astype(features.dtype), squares.astype(features.dtype))
        order = np.argsort(squares, kind="stable")
        chance = check_random_state(self.random_state)
        with threadpool_limits(1, "blas"):  # else the number of cores would decide the last bits
            best = self._best(points, order, n_clusters, sample, chance)
        self.labels_ = best.labels
        self.cluster_centers_ = best.centers.astype(features.dtype)
        self.inertia_ = float(own_squared_distances(features, best.centers, best.labels).sum())
        self.n_iter_ = best.n_iter
        return self

    def _best(
        self, points: Points, order: np.ndarray, n_clusters: int, sample: int, chance: np.random.RandomState
    ) -> Lloyd:
        sampled = len(order) > 2 * sample
        if sampled:
            order = order[np.sort(chance.choice(len(order), sample, replace=False))]
        columns = _start_columns(points.features, order)
        projected = columns < points.features.shape[1]
        some = Points.of(points.features[order, :columns]) if projected else points.subset(order)
        variance = points.squares.mean(dtype=np.float64) / points.features.shape[1]
        best, least = None, np.inf
        for _ in range(self.n_init):
            state = Lloyd(some, seed_centers(some, n_clusters, chance))
            state.run(self.max_iter, self.tol * variance)
            inertia = own_squared_distances(some.features, state.centers, state.labels).sum()
            if best is None or inertia < least:
                best, least = state, inertia
        assert best is not None
        if projected and sampled:  # on all images, but still on few columns
            order = np.arange(len(points.features))
            best = Lloyd(Points.of(np.ascontiguousarray(points.features[:, :columns])), best.centers)
            best.run(self.max_iter, self.tol * variance)
        if projected or sampled:
            centers = _means(points.features, order, best.labels, n_clusters) if projected else best.centers
            del best, state  # and their bounds
            best = Lloyd(points, centers)
            best.run(self.max_iter, self.tol * variance)
        else:
            labels = np.empty_like(best.labels)
            labels[order] = best.labels
            best.labels = labels
        return best

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return for features float (n, d) the nearest centres, int32 (n)."""
        check_is_fitted(self)
        features = validate_data(self, X, dtype=self.cluster_centers_.dtype, order="C", reset=False)
        state = Lloyd(Points.of(features), self.cluster_centers_.astype(np.float64))
        state.run(0, 0)
        return state.labels


@dataclass(eq=False, repr=False)
class MiniBatchKMeans(CanonicalClusterer):
    """scikit-learn's mini-batch K-means (Sculley, "Web-scale k-means clustering", 2010).

    Parameters
    ----------
    n_clusters : number of clusters.
    batch_size : images of a step.
    n_init : number of starts that are compared on a batch.
    max_iter : passes over all images at most.
    random_state : seed or generator of the starts and the batches.

    Attributes
    ----------
    labels_ : int32 (n), from 0 on without gaps.
    n_iter_ : passes made; 0 where the answer is plain, one cluster or as many as images.

    Clusters that no image is nearest to are left out, so there can be fewer than `n_clusters`.
    """

    n_clusters: int = 8
    batch_size: int = 1024
    n_init: int = 3
    max_iter: int = 100
    random_state: int | np.random.RandomState | None = None

    def _check(self, features: np.ndarray) -> None:
        self.n_iter_ = 0
        check_counts(self, "batch_size", "n_init", "max_iter")

    def _partition(self, features: np.ndarray, n_clusters: int, chance: np.random.RandomState) -> np.ndarray:
        from sklearn.cluster import MiniBatchKMeans as Wrapped

        wrapped = Wrapped(
            n_clusters,
            batch_size=self.batch_size,
            n_init=self.n_init,
            max_iter=self.max_iter,
            random_state=chance,
        )
        with convergence_ignored():
            labels: np.ndarray = wrapped.fit_predict(features)
        self.n_iter_ = wrapped.n_iter_
        return labels


def _start_columns(features: np.ndarray, order: np.ndarray) -> int:
    """Return how many of the first columns the starts are made on: all, unless half of them hold enough."""
    n_images, width = features.shape
    columns = leading_columns(features, _SHARE, order) if n_images >= _PROJECTED else width
    return columns if columns <= width // 2 else width


def _means(features: np.ndarray, images: np.ndarray, labels: np.ndarray, n_clusters: int) -> np.ndarray:
    """Return the means, float64 (k, d), of the `images` of each label; 0 for a label of none."""
    from scipy.sparse import csr_matrix

    sums = np.zeros((n_clusters, features.shape[1]))
    for rows in row_blocks(len(images), features.shape[1]):
        some = labels[rows]
        member = csr_matrix((np.ones(len(some)), (some, np.arange(len(some)))), (n_clusters, len(some)))
        sums += member @ features[images[rows]].astype(np.float64)
    means: np.ndarray = sums / np.maximum(np.bincount(labels, minlength=n_clusters), 1)[:, None]
    return means


def _needed(features: np.ndarray, n_clusters: int, sample: int) -> float:
    n_images, width = features.shape
    copied = n_images if n_images <= 2 * sample else sample
    bounds = sum(number * (group_number(number, n_clusters) + 4) for number in (n_images, copied))
    columns = width // 2 if copied < n_images else 0  # of a copy of all images, if starts are on leading columns
    values = copied * (width + 4 * np.log(n_clusters) + 8) + n_images * columns + bounds
    needed = features.itemsize * values + (128 << 20)
    return float(needed)


def _check_distinct(features: np.ndarray, squares: np.ndarray, n_clusters: int) -> None:
    if len(np.unique(squares)) >= n_clusters:  # images at different distances from the mean differ
        return
    distinct = len({(row + row.dtype.type(0)).tobytes() for row in features})  # + 0: -0 equals 0
    require_distinct(n_clusters, distinct, len(features))
