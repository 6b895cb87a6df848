"""What DEC and IDEC have in common: from views to clusters through an autoencoder, and on from a checkpoint."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from torch import Tensor

from stages.core.errors import ParameterError
from stages.deep.checkpoint import Checkpoint, load_weights, named, part, take
from stages.deep.clusters import cluster_means, warn_of_sizes
from stages.deep.dec.autoencoders import Autoencoder, Network, build_autoencoder
from stages.deep.dec.first_clusters import Init, given_labels, kmeans_labels
from stages.deep.dec.parameters import check_parameters
from stages.deep.dec.phases import PHASES, Clustering, Descent, Epoch, Phase, Pretraining
from stages.deep.distributed import Group
from stages.deep.networks import initialise
from stages.deep.view_encoding import EncodesViews, check_count, embed


class EmbeddedClustering(EncodesViews, ClusterMixin, BaseEstimator):
    """Base of `IDEC` and `DEC`: the parameters are theirs, and so is the documentation of the attributes."""

    n_clusters: int
    network: Network
    init: Init
    n_init: int
    scaling: str
    width: int
    pretrain_epochs: int
    pretrain_noise: float
    pretrain_learning_rate: float | None
    anchor_epochs: int
    refine_epochs: int
    update_interval: int | None
    batch_size: int
    shuffle: bool
    optimiser: str
    learning_rate: float
    momentum: float
    reduction: str
    tolerance: float
    precision: str
    device: str | torch.device
    random_state: int | np.random.RandomState | None
    checkpoint: Checkpoint | None
    progress: Callable[[Epoch], None] | None

    _reconstructs: ClassVar[bool]  # while it clusters, too

    def fit(self, X: Sequence[np.ndarray], y: None = None) -> "EmbeddedClustering":
        """Train on the views `X`, a list of real arrays (n, d_j) whose rows are the same images.

        Raises `ParameterError` for a parameter, view or checkpoint that cannot be used. Warns (`UserWarning`) when
        a cluster ends empty or holds over half of the images. Where `torch.distributed` has joined several
        processes, each of them must call it with the same arguments: they train together.
        """
        check_parameters(self)
        views = self._fit_scaling(X)
        check_count(self.n_clusters, views)
        self._group = Group.current()
        random = check_random_state(self.random_state)
        seeds = self._group.first(random.randint(2**31 - 1, size=3))
        weights, pretrain_order, cluster_order = (torch.Generator().manual_seed(int(seed)) for seed in seeds)
        saved = (self.checkpoint.load() if self.checkpoint is not None else None) or {}
        labels = self._given(views, random, saved)
        tensors = self._tensors(views)
        del views
        self.n_features_in_ = [view.shape[1] for view in tensors]
        self.network_ = self._build(weights)
        self.encoder_ = self.network_.encoder
        self.history_: list[Epoch] = []
        clustering = int(take(saved, "phase", torch.tensor(0))) if saved else 0
        self._restore(saved, len(tensors[0]))

        first = Pretraining(
            self.network_,
            tensors,
            self._descent(pretraining=True),
            pretrain_order,
            limit=0 if clustering else self.pretrain_epochs,
            noise=self.pretrain_noise,
            seed=int(torch.randint(2**31 - 1, (), generator=weights)),
        )
        if saved and not clustering:
            first.load(part(saved, "training"))
        self._train(first, labels)
        if clustering:  # centers and target come with the state
            centers = torch.zeros((self.n_clusters, self._embedding_width()), device=self.device)
        else:
            embedding = embed(self.network_.encoder, tensors, self.batch_size, group=self._group)
            if labels is None:
                labels = self._group.first(
                    kmeans_labels(embedding.cpu().numpy(), self.n_clusters, self.n_init, random)
                    if self._group.rank == 0
                    else np.empty(len(embedding), np.int64)
                )
            centers = cluster_means(embedding, torch.from_numpy(labels).to(self.device), self.n_clusters)
        assert labels is not None
        second = Clustering(
            self.network_,
            tensors,
            self._descent(pretraining=False),
            cluster_order,
            centers=centers,
            labels=torch.from_numpy(labels).to(self.device),
            anchor_epochs=self.anchor_epochs,
            refine_epochs=self.refine_epochs,
            update_interval=self.update_interval,
            gamma=getattr(self, "gamma", 1.0),
            tolerance=self.tolerance,
            reconstruct=self._reconstructs,
        )
        if clustering:
            second.load(part(saved, "training"))
        self._train(second, labels)
        self._conclude(second, labels, tensors)
        return self

    def _given(
        self, views: list[np.ndarray], random: np.random.RandomState, saved: Mapping[str, Tensor]
    ) -> np.ndarray | None:
        """The first clusters that the checkpoint or `init` gives, before the training: bad ones cost nothing."""
        if "first" in saved:
            labels: np.ndarray = take(saved, "first", torch.empty(len(views[0]), dtype=torch.int64)).numpy()
            return labels
        if isinstance(self.init, str) and self.init == "kmeans":
            return None
        if self._group.rank > 0:
            return self._group.first(np.empty(len(views[0]), np.int64))
        return self._group.first(given_labels(self.init, views, self.n_clusters, random))

    def _build(self, generator: torch.Generator) -> Autoencoder:
        with torch.device("meta"):  # no memory and no random numbers yet
            network = build_autoencoder(self.network, self.n_features_in_, self.width)
        network.to_empty(device="cpu")
        initialise(network, generator)  # on the CPU, so that every device starts from the same weights
        return network.to(self.device)

    def _embedding_width(self) -> int:
        return self.width if isinstance(self.network, str) else int(self.network[-1])

    def _descent(self, pretraining: bool) -> Descent:
        rate = self.learning_rate
        if pretraining and self.pretrain_learning_rate is not None:
            rate = self.pretrain_learning_rate
        return Descent(
            batch_size=self.batch_size,
            optimiser="adam" if pretraining else self.optimiser,
            learning_rate=rate,
            momentum=self.momentum,
            shuffle=self.shuffle,
            reduction=self.reduction,
            precision=self.precision,
            group=self._group,
        )

    def _train(self, phase: Phase, labels: np.ndarray | None) -> None:
        while not phase.finished:
            epoch = phase.epoch()
            loss = epoch.clustering if np.isnan(epoch.reconstruction) else epoch.reconstruction
            if not np.isfinite(loss):
                rate = phase.descent.learning_rate
                name = "learning_rate" if rate == self.learning_rate else "pretrain_learning_rate"
                raise ParameterError(
                    f"the {epoch.phase} loss became {loss} in epoch {len(self.history_) + 1}; "
                    f"lower {name}, which is {rate}"
                )
            self.history_.append(epoch)
            if self.checkpoint is not None and self._group.rank == 0:
                self.checkpoint.save(lambda: self._checkpointed(phase, labels))
            if self.progress is not None:
                self.progress(epoch)

    def _checkpointed(self, phase: Phase, labels: np.ndarray | None) -> dict[str, Tensor]:
        """The state of the training after an epoch."""
        rows = [[PHASES.index(e.phase), e.reconstruction, e.clustering, e.changed] for e in self.history_]
        seen = [e.labels for e in self.history_ if e.labels is not None]
        state = {
            "phase": torch.tensor(int(isinstance(phase, Clustering))),
            "history": torch.tensor(rows, dtype=torch.float64),
            "seen": torch.from_numpy(np.stack(seen)) if seen else torch.empty((0, 0), dtype=torch.int32),
            **named(self.network_.state_dict(), "network"),
            **named(phase.state(), "training"),
        }
        return state if labels is None else {**state, "first": torch.from_numpy(labels)}

    def _restore(self, saved: Mapping[str, Tensor], n_images: int) -> None:
        """Take weights and history from a checkpoint, and tell `progress` of the epochs that are over."""
        if not saved:
            return
        load_weights(self.network_, part(saved, "network"))
        count = len(saved.get("history", torch.empty(0)))
        rows = take(saved, "history", torch.empty((count, 4), dtype=torch.float64))
        looked = ~rows[:, 3].isnan()
        shape = (int(looked.sum()), n_images if looked.any() else 0)
        labels = iter(take(saved, "seen", torch.empty(shape, dtype=torch.int32)).numpy())
        for (phase, *losses, changed), known in zip(rows.tolist(), looked.tolist(), strict=True):
            seen = next(labels) if known else None
            self.history_.append(Epoch(PHASES[int(phase)], losses[0], losses[1], changed, seen))
            if self.progress is not None:
                self.progress(self.history_[-1])

    def _conclude(self, training: Clustering, labels: np.ndarray, views: list[Tensor]) -> None:
        self.initial_labels_ = labels.astype(np.int32)
        self.n_iter_ = sum(epoch.phase == "refine" for epoch in self.history_)
        self.cluster_centers_ = training.centers.detach().cpu().numpy()
        embedding = embed(self.network_.encoder, views, self.batch_size, group=self._group)
        self.embedding_ = embedding.cpu().numpy()
        self.labels_ = self._nearest(embedding)
        lower = "gamma" if self._reconstructs else "learning_rate"
        warn_of_sizes(self.labels_, self.n_clusters, f"ask for fewer clusters, or lower {lower}")
