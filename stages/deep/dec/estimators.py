"""DEC and IDEC over many views: from views to clusters through an autoencoder, and on from a checkpoint."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from stages.core.checks import check_number
from stages.core.errors import ParameterError
from stages.deep.checkpoint import history_state, load_weights, named, part, take
from stages.deep.clusters import cluster_means, warn_of_sizes
from stages.deep.dec.autoencoders import Autoencoder, build_autoencoder
from stages.deep.dec.first_clusters import given_labels, kmeans_labels
from stages.deep.dec.parameters import EmbeddedParameters, Epoch
from stages.deep.dec.phases import Clustering, Phase
from stages.deep.dec.pretraining import LayerPretraining, Pretraining
from stages.deep.distributed import Group
from stages.deep.estimator import Presets, read_presets
from stages.deep.networks import first_network, initialise
from stages.deep.view_encoding import embed

_PHASES = (LayerPretraining, Pretraining, Clustering)  # by the number under which a checkpoint knows them


class EmbeddedClustering(EmbeddedParameters):
    """Base of `IDEC` and `DEC`, which differ in the loss of the second phase, the clustering."""

    network_: Autoencoder
    initial_labels_: np.ndarray
    n_iter_: int

    def _loss_weight(self) -> float | None:
        """The weight of the clustering loss beside that of reconstruction; None trains without the latter."""
        return None

    def fit(self, X: Sequence[np.ndarray], y: None = None) -> Self:
        """Train on the views `X`, a list of real arrays (n, d_j) whose rows are the same images.

        Raises `ParameterError` for a parameter, view or checkpoint that cannot be used. Warns (`UserWarning`) when
        a cluster ends empty or holds over half of the images. Where `torch.distributed` has joined several
        processes, each of them must call it with the same arguments: they train together.
        """
        views = self._prepared(X)
        self._group = Group.current()
        random = check_random_state(self.random_state)
        seeds = self._group.first(random.randint(2**31 - 1, size=3))
        weights, pretrain_order, cluster_order = (torch.Generator().manual_seed(int(seed)) for seed in seeds)
        saved = self._saved()
        labels = self._given_clusters(views, random, saved)
        tensors = self._tensors(views)
        del views
        self.network_ = first_network(
            lambda: build_autoencoder(self.network, self.n_features_in_, self.width),
            initialise,
            weights,
            self.device,
        )
        self.encoder_ = self.network_.encoder
        self._restore(saved, len(tensors[0]))
        noise_seed, layer_seed = (int(torch.randint(2**31 - 1, (), generator=weights)) for _ in range(2))
        reached = _PHASES[int(saved.get("phase", 0))]
        if reached is LayerPretraining:
            self._train(LayerPretraining(self.network_, tensors, self, pretrain_order, layer_seed), labels, saved)
            saved = {}
        if reached is not Clustering:
            self._train(Pretraining(self.network_, tensors, self, pretrain_order, noise_seed), labels, saved)
            embedding = embed(self.network_.encoder, tensors, self.batch_size, group=self._group)
            if labels is None:
                rows = embedding.cpu().numpy()
                labels = self._of_first(
                    len(rows), lambda: kmeans_labels(rows, self.n_clusters, self.n_init, random)
                )
            centres = cluster_means(embedding, torch.from_numpy(labels).to(self.device), self.n_clusters)
            saved = {}
        else:  # it holds the centres and the target of the clustering
            width = self.width if isinstance(self.network, str) else self.network[-1]
            centres = torch.zeros((self.n_clusters, width), device=self.device)
        assert labels is not None
        first = torch.from_numpy(labels).to(self.device)
        clustering = Clustering(self.network_, tensors, self, cluster_order, centres, first, self._loss_weight())
        self._train(clustering, labels, saved)
        self._conclude(clustering, labels, tensors)
        return self

    def _given_clusters(
        self, views: list[np.ndarray], random: np.random.RandomState, saved: Mapping[str, Tensor]
    ) -> np.ndarray | None:
        """The first clusters that the checkpoint or `init` gives; bad ones are refused before the training."""
        if "first" in saved:
            labels: np.ndarray = take(saved, "first", torch.empty(len(views[0]), dtype=torch.int64)).numpy()
            return labels
        if isinstance(self.init, str) and self.init == "kmeans":
            return None
        return self._of_first(len(views[0]), lambda: given_labels(self.init, views, self.n_clusters, random))

    def _of_first(self, n_images: int, labels: Callable[[], np.ndarray]) -> np.ndarray:
        """The labels, int64 (n), which the first process computes for all."""
        return self._group.first(labels() if self._group.rank == 0 else np.empty(n_images, np.int64))

    def _train(self, phase: Phase, labels: np.ndarray | None, saved: Mapping[str, Tensor]) -> None:
        """Run a phase from the saved state on, or from its beginning if that is empty."""
        if saved:
            phase.load(part(saved, "training"))
        while not phase.finished:
            epoch = phase.epoch()
            loss = epoch.clustering if np.isnan(epoch.reconstruction) else epoch.reconstruction
            if not np.isfinite(loss):
                name = "learning_rate" if phase.rate == self.learning_rate else "pretrain_learning_rate"
                raise ParameterError(
                    f"the {epoch.phase} loss became {loss} in epoch {len(self.history_) + 1}; "
                    f"lower {name}, which is {phase.rate}"
                )
            self.history_.append(epoch)
            if self._group.rank == 0:
                self._save(lambda: self._state_of(phase, labels))
            self._report(epoch)

    def _state_of(self, phase: Phase, labels: np.ndarray | None) -> dict[str, Tensor]:
        """The state of the fit after an epoch."""
        state = {
            "phase": torch.tensor(_PHASES.index(type(phase))),
            **history_state(self.history_, Epoch),
            **named(self.network_.state_dict(), "network"),
            **named(phase.state(), "training"),
        }
        return state if labels is None else {**state, "first": torch.from_numpy(labels)}

    def _restore(self, saved: Mapping[str, Tensor], n_images: int) -> None:
        """Take weights and history from a state, if it is not empty."""
        if saved:
            take(saved, "phase", torch.tensor(0))
            load_weights(self.network_, part(saved, "network"))
        self._restore_history(saved, Epoch, n_images)

    def _conclude(self, clustering: Clustering, labels: np.ndarray, views: list[Tensor]) -> None:
        self.initial_labels_ = labels.astype(np.int32)
        self.n_iter_ = sum(epoch.phase == "refine" for epoch in self.history_)
        self.cluster_centers_ = clustering.centres.detach().cpu().numpy()
        embedding = embed(self.network_.encoder, views, self.batch_size, group=self._group)
        self.embedding_ = embedding.cpu().numpy()
        self.labels_ = self._nearest(embedding)
        lower = "learning_rate" if self._loss_weight() is None else "gamma"
        warn_of_sizes(self.labels_, self.n_clusters, f"ask for fewer clusters, or lower {lower}")


@dataclass(eq=False, repr=False, kw_only=True)
class IDEC(EmbeddedClustering):
    """Improved deep embedded clustering of a list of views.

    Guo, Gao, Liu and Yin, IJCAI 2017, with the multi-view network of Guerin et al. (2021) as its autoencoder:
    pre-train by reconstruction; find the first clusters; then train on reconstruction + `gamma` * clustering
    loss. The papers' settings are in `PRESETS`: `IDEC(10, **IDEC.PRESETS["released"])`.

    Parameters and attributes are also those of `stages.deep.dec.parameters.EmbeddedParameters`,
    `stages.deep.view_encoding.ViewClustering` and `stages.deep.estimator.NetworkClustering`.

    Parameters
    ----------
    gamma : weight of the clustering loss; the reconstruction loss weighs 1 (0.1).
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "idec")

    gamma: float = 1.0

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number("gamma", self.gamma)

    def _loss_weight(self) -> float | None:
        return self.gamma


@dataclass(eq=False, repr=False, kw_only=True)
class DEC(EmbeddedClustering):
    """Deep embedded clustering of a list of views.

    Xie, Girshick and Farhadi, "Unsupervised deep embedding for clustering analysis", ICML 2016: pre-train an
    autoencoder; drop its decoder; find the first clusters by K-means; then train encoder and centres on the
    clustering loss alone. The paper's settings are in `PRESETS`: `DEC(10, **DEC.PRESETS["released"])`.

    Parameters and attributes are those of `IDEC`, without `gamma`, as there is no reconstruction to weigh against.
    The decoder of `network_` is that of the pre-training.
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "dec")

    pretrain_learning_rate: float | None = 1e-3
    anchor_epochs: int = 0
    optimiser: str = "sgd"
    learning_rate: float = 0.01
