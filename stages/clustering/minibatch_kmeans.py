"""K-means by steps on small random batches: for more images than full iterations can take."""

from dataclasses import dataclass

import numpy as np

from stages.clustering.base import CanonicalClusterer, check_counts, convergence_ignored


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
    n_features_in_ : d.

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
