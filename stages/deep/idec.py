"""IDEC over many views: an autoencoder whose embedding is pulled towards cluster centers."""

import warnings
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from torch import Tensor

from stages.clustering import count_different
from stages.deep.autoencoders import MVautoencoder
from stages.deep.centers import Init, given_labels, kmeans_labels
from stages.deep.networks import initialise
from stages.deep.training import Epoch, assign, cluster, embed, pretrain
from stages.deep.views import check_views, scale
from stages.errors import ParameterError

_AT_LEAST = {
    "n_clusters": 1,
    "width": 1,
    "pretrain_epochs": 0,
    "anchor_epochs": 0,
    "refine_epochs": 0,
    "batch_size": 1,
    "n_init": 1,
}
_NOT_NEGATIVE = ("learning_rate", "gamma", "tolerance")


class IDEC(ClusterMixin, BaseEstimator):
    """Improved deep embedded clustering of a list of views.

    Guo, Gao, Liu and Yin, IJCAI 2017, with the multi-view network of Guerin et al. (2021) as its autoencoder:
    pre-train by reconstruction; find the first clusters; then train on reconstruction + `gamma` * clustering
    loss. The published settings are init="kmeans", anchor_epochs=0, gamma=0.1, scaling="l2".

    Parameters
    ----------
    n_clusters : number of clusters.
    init : the clusters to start from: "kmeans" on the embedding (as published), an array of labels (n), or a
        function of (views, n_clusters, RandomState) to labels, given the scaled views, float32 (n, d_j).
        Centers start as the means of these clusters in the embedding.
    n_init : K-means starts of init="kmeans" (IDEC: 20).
    scaling : "sqrt" or "l2", see `stages.deep.views.scale`.
    width : units of every hidden layer, code and embedding (Guerin et al.: 160).
    pretrain_epochs : passes over the images that learn to reconstruct.
    anchor_epochs : passes that learn the first clusters; see `stages.deep.training.cluster`.
    refine_epochs : passes, at most, whose target is the sharpened assignments.
    batch_size : images in one gradient step (IDEC: 256).
    learning_rate : of Adam (IDEC: 0.001).
    gamma : weight of the clustering loss; the reconstruction loss weighs 1 (IDEC: 0.1).
    tolerance : refinement stops when an epoch changes the cluster of a smaller share of images (IDEC: 0.001).
    device : torch device to compute on, e.g. "cpu" or "cuda".
    random_state : int, RandomState or None, as everywhere in scikit-learn.
    progress : called with an `Epoch` after every epoch, or None.

    Attributes
    ----------
    labels_ : int32 (n), the clusters, 0..n_clusters-1.
    initial_labels_ : int32 (n), the clusters that training started from.
    embedding_ : float32 (n, width).
    cluster_centers_ : float32 (n_clusters, width).
    network_ : `MVautoencoder`, trained.
    n_iter_ : epochs of refinement run.
    history_ : list of `Epoch`, of all phases in order.
    n_features_in_ : list of the views' widths.
    """

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        init: Init = "kmeans",
        n_init: int = 20,
        scaling: str = "sqrt",
        width: int = 160,
        pretrain_epochs: int = 50,
        anchor_epochs: int = 20,
        refine_epochs: int = 100,
        batch_size: int = 256,
        learning_rate: float = 1e-3,
        gamma: float = 1.0,
        tolerance: float = 1e-3,
        device: str | torch.device = "cpu",
        random_state: int | np.random.RandomState | None = None,
        progress: Callable[[Epoch], None] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.scaling = scaling
        self.width = width
        self.pretrain_epochs = pretrain_epochs
        self.anchor_epochs = anchor_epochs
        self.refine_epochs = refine_epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.gamma = gamma
        self.tolerance = tolerance
        self.device = device
        self.random_state = random_state
        self.progress = progress

    def fit(self, X: Sequence[np.ndarray], y: None = None) -> "IDEC":
        """Train on the views `X`, a list of real arrays (n, d_j) whose rows are the same images.

        Raises `ParameterError` for a parameter or view that cannot be used. Warns (`UserWarning`) when a cluster
        ends empty or holds over half of the images.
        """
        self._check_parameters()
        views = self._scaled(X)
        _check_count(self.n_clusters, views)
        random = check_random_state(self.random_state)
        weights, pretrain_order, cluster_order = (
            torch.Generator().manual_seed(int(seed)) for seed in random.randint(2**31 - 1, size=3)
        )
        by_kmeans = isinstance(self.init, str) and self.init == "kmeans"
        if not by_kmeans:  # before the training: labels that cannot be used should not cost it
            labels = given_labels(self.init, views, self.n_clusters, random)
        tensors = self._tensors(views)
        self.n_features_in_ = [view.shape[1] for view in views]
        with torch.device("meta"):  # no memory and no random numbers yet
            network = MVautoencoder(self.n_features_in_, self.width)
        network.to_empty(device="cpu")
        initialise(network, weights)  # on the CPU, so that every device starts from the same weights
        self.network_ = network.to(self.device)
        self.history_: list[Epoch] = []
        self._record(
            pretrain(
                network,
                tensors,
                epochs=self.pretrain_epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                generator=pretrain_order,
            )
        )
        embedding = embed(network, tensors, self.batch_size)
        if by_kmeans:
            labels = kmeans_labels(embedding.cpu().numpy(), self.n_clusters, self.n_init, random)
        self.initial_labels_ = labels.astype(np.int32)
        start = torch.from_numpy(labels).to(self.device)
        centers = torch.stack([embedding[start == label].mean(dim=0) for label in range(self.n_clusters)])
        self._record(
            cluster(
                network,
                centers,
                tensors,
                start,
                anchor_epochs=self.anchor_epochs,
                refine_epochs=self.refine_epochs,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
                gamma=self.gamma,
                tolerance=self.tolerance,
                generator=cluster_order,
            )
        )
        self.n_iter_ = sum(epoch.phase == "refine" for epoch in self.history_)
        self.cluster_centers_ = centers.detach().cpu().numpy()
        embedding = embed(network, tensors, self.batch_size)
        self.embedding_ = embedding.cpu().numpy()
        self.labels_ = self._nearest(embedding)
        _warn_of_sizes(self.labels_, self.n_clusters)
        return self

    def transform(self, X: Sequence[np.ndarray]) -> np.ndarray:
        """Return the embedding, float32 (m, width), of the views `X` of any m images."""
        return self._embed(X).cpu().numpy()

    def predict(self, X: Sequence[np.ndarray]) -> np.ndarray:
        """Return the clusters, int32 (m), of the views `X` of any m images."""
        return self._nearest(self._embed(X))

    def state(self) -> dict[str, Tensor]:
        """Return the trained weights by name and, as "centers", the cluster centers, all on the CPU."""
        weights = {name: value.detach().cpu().contiguous() for name, value in self.network_.state_dict().items()}
        return {**weights, "centers": torch.from_numpy(self.cluster_centers_)}

    def _scaled(self, X: Sequence[np.ndarray]) -> list[np.ndarray]:
        return [scale(view, self.scaling) for view in check_views(X)]

    def _tensors(self, views: list[np.ndarray]) -> list[Tensor]:
        return [torch.from_numpy(view).to(self.device) for view in views]

    def _record(self, epochs: Iterable[Epoch]) -> None:
        for epoch in epochs:
            if not np.isfinite(epoch.reconstruction):
                raise ParameterError(
                    f"the {epoch.phase} loss became {epoch.reconstruction} in epoch {len(self.history_) + 1}; "
                    f"lower learning_rate, which is {self.learning_rate}"
                )
            self.history_.append(epoch)
            if self.progress is not None:
                self.progress(epoch)

    def _embed(self, X: Sequence[np.ndarray]) -> Tensor:
        views = self._scaled(X)
        widths = [view.shape[1] for view in views]
        if widths != self.n_features_in_:
            raise ParameterError(f"the views have widths {widths} but {self.n_features_in_} were trained on")
        return embed(self.network_, self._tensors(views), self.batch_size)

    def _nearest(self, embedding: Tensor) -> np.ndarray:
        centers = torch.from_numpy(self.cluster_centers_).to(self.device)
        assignments = assign(embedding, centers, self.batch_size)
        return assignments.argmax(dim=1).cpu().numpy().astype(np.int32)

    def _check_parameters(self) -> None:
        for name, least in _AT_LEAST.items():
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < least:
                raise ParameterError(f"{name} is {value!r}; give a whole number from {least} on")
        for name in _NOT_NEGATIVE:
            value = getattr(self, name)
            if not np.isfinite(value) or value < 0:
                raise ParameterError(f"{name} is {value!r}; give a number from 0 on")


def _check_count(n_clusters: int, views: list[np.ndarray]) -> None:
    """Refuse more clusters than there are images that differ in at least one view."""
    n_images = len(views[0])
    if n_clusters > n_images:
        raise ParameterError(
            f"n_clusters is {n_clusters} but there are {n_images} images; give a number from 1 to {n_images}"
        )
    different = count_different(views)
    if n_clusters > different:
        raise ParameterError(
            f"n_clusters is {n_clusters} but the views tell only {different} of the {n_images} images apart; "
            f"give at most {different} clusters, or views that differ between images"
        )


def _warn_of_sizes(labels: np.ndarray, n_clusters: int) -> None:
    sizes = np.bincount(labels, minlength=n_clusters)
    empty, largest = int((sizes == 0).sum()), int(sizes.max())
    if empty:
        warnings.warn(
            f"{empty} of {n_clusters} clusters are empty; ask for fewer clusters, or lower gamma", stacklevel=3
        )
    if n_clusters > 2 and 2 * largest > len(labels):
        warnings.warn(
            f"one cluster holds {largest} of {len(labels)} images; the views may not tell these images apart",
            stacklevel=3,
        )
