"""Hierarchical clustering of images by Ward's criterion, average, complete or single linkage, and by Genie.

Ward, "Hierarchical grouping to optimize an objective function" (1963); Murtagh, "A survey of recent advances in
hierarchical clustering algorithms" (1983), section 3, for the nearest-neighbour chain; Lance and Williams, "A
general theory of classificatory sorting strategies" (1967), for the distances of joined groups.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin

from stages.clustering.base import check_features
from stages.clustering.distances import condensed_distances, working_memory
from stages.clustering.representatives import REPRESENTED, centroids, micro_clusters
from stages.core.checks import check_choice, check_n_clusters, check_number
from stages.core.dendrogram import Dendrogram, dendrogram_of, number_by_size
from stages.core.errors import ParameterError
from stages.core.memory import require_memory

LINKAGES = ("ward", "average", "complete", "single")


@dataclass(eq=False, repr=False)
class Agglomerative(ClusterMixin, BaseEstimator):
    """Join the two nearest groups of images until `n_clusters` are left; distances are Euclidean.

    Average linkage on rows of length 1 is the AC-Link of the literature.

    Parameters
    ----------
    n_clusters : number of clusters to cut at; whatever distances tie, exactly as many are returned.
    linkage : "ward", "average", "complete" or "single".

    Attributes
    ----------
    labels_ : int32 (n), clusters numbered from 0 by size, the largest first (ties: by their first image).
    merges_ : float64 (n - 1, 4), the dendrogram in scipy's form; of the representatives, if there are some.

    The result is exact: that of scipy and scikit-learn, whose distances are those here to within rounding. Where
    distances tie, the order of the images decides. The distances take 4 n^2 bytes, and are merged without a copy.

    Above 20,000 images, Ward's method merges representatives: the means of at least 20,000 micro-clusters, four
    for each cluster wanted, which weigh as much as they have images; see `stages.clustering.representatives`. An
    image gets the label of its own.
    """

    n_clusters: int = 2
    linkage: str = "ward"

    def fit(self, X: np.ndarray, y: None = None) -> "Agglomerative":
        """Cluster features float (n, d). Raises `ParameterError` for what cannot be clustered or does not fit."""
        features = check_features(self, X)
        check_choice("linkage", self.linkage, LINKAGES)
        n_images = len(features)
        n_clusters = check_n_clusters(self.n_clusters, n_images)
        number = max(REPRESENTED, 4 * n_clusters) if self.linkage == "ward" else n_images
        own, sizes = np.arange(n_images), np.ones(n_images)
        _require_distances(min(number, n_images), features)
        if number < n_images:
            own = micro_clusters(features, number, lambda some, share: Agglomerative(share).fit(some).labels_)
            features, sizes = centroids(features, own), np.bincount(own).astype(np.float64)
            _require_distances(len(sizes), features)  # cells' shares are rounded up
        dendrogram = _merge(features, sizes, self.linkage)
        self.merges_ = dendrogram.merges
        labels = dendrogram.cut(n_clusters)[own]
        self.labels_ = labels if len(sizes) == n_images else number_by_size(labels)
        return self


def _require_distances(number: int, features: np.ndarray) -> None:
    require_memory(
        4 * number**2 + 200 * number + working_memory(features),
        f"the distances of {number} images",
        "cluster fewer images, or with kmeans or minibatch_kmeans",
    )


def _merge(features: np.ndarray, sizes: np.ndarray, linkage: str) -> Dendrogram:
    from stages.clustering._agglomerative_kernels import chain_merges

    n_images = len(features)
    if n_images == 1:
        return Dendrogram(np.zeros((0, 4)))
    ward = linkage == "ward"  # whose recurrence is one of squared distances
    distances = condensed_distances(features, squared=ward)
    if (sizes != 1).any():
        start = 0
        for i in range(n_images - 1):  # Ward's distance of two groups: that of their means, by their harmonic mean
            later = sizes[i + 1 :]
            distances[start : start + len(later)] *= 2 * sizes[i] * later / (sizes[i] + later)
            start += len(later)
    pairs, heights = chain_merges(distances, sizes, LINKAGES.index(linkage))
    by_height = np.argsort(heights, kind="stable")
    heights = heights[by_height]
    return dendrogram_of(pairs[by_height], np.sqrt(heights) if ward else heights)


@dataclass(eq=False, repr=False)
class Genie(ClusterMixin, BaseEstimator):
    """Single linkage that keeps clusters from staying tiny.

    Gagolewski, Bartoszuk and Cena, "Genie: a new, fast, and outlier-resistant hierarchical clustering" (2016).

    Parameters
    ----------
    n_clusters : number of clusters.
    gini_threshold : from 0 to 1: as soon as the Gini index of the cluster sizes exceeds it, the smallest cluster
        has to take part in the next merge. 1: single linkage.

    The work is done by the package genieclust, an optional one because its licence is the AGPL: it is installed
    with `pip install 'manyviews[genie]'`. One thread does it, so that the cores decide nothing. Where distances
    tie, the order of the images decides.
    """

    n_clusters: int = 2
    gini_threshold: float = 0.3

    def fit(self, X: np.ndarray, y: None = None) -> "Genie":
        """Cluster features float (n, d); raises `ParameterError` for what cannot be, and without genieclust."""
        from threadpoolctl import threadpool_limits

        features = check_features(self, X)
        n_images = len(features)
        n_clusters = check_n_clusters(self.n_clusters, n_images)
        check_number("gini_threshold", self.gini_threshold)
        if self.gini_threshold > 1:
            raise ParameterError(f"gini_threshold is {self.gini_threshold!r}; give a number from 0 to 1")
        try:
            import genieclust
        except ImportError:
            raise ParameterError("genie needs the package genieclust; pip install 'manyviews[genie]'") from None
        require_memory(3 * 8 * features.size, f"Genie of {n_images} images", "cluster fewer images at once")
        if n_clusters in (1, n_images):
            self.labels_ = np.arange(n_images, dtype=np.int32) % n_clusters
            return self
        with threadpool_limits(1):
            wrapped = genieclust.Genie(n_clusters, gini_threshold=float(self.gini_threshold))
            self.labels_ = wrapped.fit_predict(features.astype(np.float64)).astype(np.int32)
        return self
