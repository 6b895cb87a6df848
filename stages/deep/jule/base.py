"""What the networks that JULE trains have in common: checks of their parameters, and the run of the periods."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClusterMixin
from torch import Tensor

from stages.clustering.merge_rule import UPDATES, Rule
from stages.clustering.neighbours import numbered
from stages.core.checks import check_choice, check_flag, check_number, check_share
from stages.core.errors import ParameterError
from stages.deep.checkpoint import Checkpoint, load_weights, named, part, take
from stages.deep.clusters import cluster_means, warn_of_sizes
from stages.deep.distributed import Group
from stages.deep.jule.agglomeration import Agglomeration
from stages.deep.jule.periods import PHASES, Period, Recurrence, Schedule, Trainee
from stages.deep.precision import PRECISIONS

# What paper and released code have in common, of JULE on features and on images.
SHARED: dict[str, Any] = {
    "n_neighbors": 20,
    "n_nearest": 5,
    "lead_weight": 1.0,
    "min_cluster_fraction": 0.0,
    "epochs": 20,
    "reruns": 1,
    "train_again": False,
    "batch_size": 100,
    "optimiser": "sgd",
    "learning_rate": 0.01,
    "weight_decay": 5e-5,
    "margin": 0.2,
}
# Where they differ: Yang, Parikh and Batra (2016), and the Torch code, whose gradient leaves positives and
# negatives without one at gamma 1, and whose table of affinities is triangular and lacks the cross terms.
PUBLISHED: dict[str, Any] = {
    "lead_until": 0,
    "one_sided": False,
    "update": "weighted",
    "eta": 0.9,
    "dampening": 0.0,
    "gamma": 2.0,
    "negatives": "nearest",
    "anchors_only": False,
}
RELEASED: dict[str, Any] = {
    "lead_until": 100,
    "one_sided": True,
    "update": "summed",
    "eta": 0.2,
    "dampening": 0.9,
    "gamma": 1.0,
    "negatives": "all",
    "anchors_only": True,
}


class RecurrentClustering(ClusterMixin, BaseEstimator):
    """Base of `JULE`, `DMVC` and `ImageJULE`; `JULE` documents the parameters and attributes."""

    n_clusters: int
    width: int
    n_neighbors: int
    a: float
    n_nearest: int
    lead_weight: float
    lead_until: int
    one_sided: bool
    update: str
    min_cluster_fraction: float
    eta: float
    steps: int
    epochs: int | None
    reruns: int
    train_again: bool
    batch_size: int
    optimiser: str
    learning_rate: float
    dampening: float
    weight_decay: float
    gamma: float
    margin: float
    negatives: str
    anchors_only: bool
    precision: str
    device: str | torch.device
    checkpoint: Checkpoint | None
    progress: Callable[[Period], None] | None
    encoder_: Any

    def _check_parameters(self) -> None:
        for name in ("n_clusters", "width", "n_neighbors", "n_nearest", "steps", "batch_size"):
            check_number(name, getattr(self, name), 1, whole=True)
        for name in ("lead_until", "reruns"):
            check_number(name, getattr(self, name), 0, whole=True)
        for name in ("lead_weight", "learning_rate", "weight_decay", "gamma", "margin"):
            check_number(name, getattr(self, name))
        if self.epochs is not None:
            check_number("epochs", self.epochs, 1, whole=True)
        check_number("a", self.a, 1e-9)
        for name in ("min_cluster_fraction", "eta", "dampening"):
            check_share(name, getattr(self, name))
        if self.eta == 0:
            raise ParameterError("eta is 0, and no cluster would ever be merged; give a share above 0 and below 1")
        check_choice("update", self.update, UPDATES)
        check_choice("optimiser", self.optimiser, ("adam", "sgd"))
        check_choice("negatives", self.negatives, ("all", "nearest"))
        check_choice("precision", self.precision, PRECISIONS)
        for name in ("one_sided", "train_again", "anchors_only"):
            check_flag(name, getattr(self, name))

    def _plan(self) -> None:
        """Set how graphs are built, clusters merged and steps taken."""
        self._agglomeration = Agglomeration(
            self.n_neighbors,
            self.a,
            Rule(self.n_nearest, self.lead_weight, self.lead_until, self.one_sided, self.update),
            self.min_cluster_fraction,
        )
        fields = (name for name in Schedule.__dataclass_fields__ if name != "n_clusters")
        self._schedule = Schedule(self.n_clusters, **{name: getattr(self, name) for name in fields})
        self._group = Group.current()

    def _run(self, trainee: Trainee, seed: int, stage: int, saved: Mapping[str, Tensor]) -> None:
        """Run one training to its end, or what a checkpoint left of it; `stage` numbers the trainings of a fit."""
        wanted = self.n_clusters
        if saved:
            names = np.empty(trainee.n_images, dtype=np.int32)
        else:
            features = trainee.features(self.batch_size, 0)
            graph = self._agglomeration.graph(features, trainee.view_graphs())
            names = self._group.first(self._agglomeration.start(graph, wanted))
            self.initial_labels_ = numbered(names)
        generator = torch.Generator().manual_seed(seed)
        training = Recurrence(trainee, self._agglomeration, self._schedule, names, generator)
        if saved:
            training.load(part(saved, "training"))
        else:
            training.begin_on(graph)
        training.save = lambda: self._save(training, stage)
        while not training.finished:
            period = training.period()
            self.history_.append(period)
            training.save()
            if self.progress is not None:
                self.progress(period)
        assert training.forward_names is not None
        self.forward_labels_ = numbered(training.forward_names)
        self.labels_ = numbered(training.names)

    def _conclude_with(self, embedding: Tensor) -> None:
        """Set what follows from the embedding (n, width) of the trained network."""
        self.embedding_ = embedding.cpu().numpy()
        labels = torch.from_numpy(self.labels_).to(embedding.device)
        self.cluster_centers_ = cluster_means(embedding, labels, self.n_clusters).cpu().numpy()
        warn_of_sizes(self.labels_, self.n_clusters, "ask for fewer clusters")

    def _save(self, training: Recurrence, stage: int) -> None:
        if self.checkpoint is not None and self._group.rank == 0:
            self.checkpoint.save(lambda: self._state_of(training, stage))

    def _state_of(self, training: Recurrence, stage: int) -> dict[str, Tensor]:
        """The state of the fit after some periods."""
        rows = [[PHASES.index(p.phase), p.steps, p.loss, p.clusters, p.changed] for p in self.history_]
        labels = np.array([p.labels for p in self.history_], dtype=np.int32).reshape(len(rows), len(rows) and -1)
        return {
            "stage": torch.tensor(stage),
            "initial": torch.from_numpy(self.initial_labels_),
            "history": torch.tensor(rows, dtype=torch.float64).reshape(-1, 5),
            "history_labels": torch.from_numpy(labels),
            **named(self.encoder_.state_dict(), "encoder"),
            **named(training.state(), "training"),
        }

    def _restored(self, n_images: int) -> dict[str, Tensor]:
        """The state of a checkpoint, or an empty one; weights and history are put back."""
        self.history_: list[Period] = []
        saved = (self.checkpoint.load() if self.checkpoint is not None else None) or {}
        if not saved:
            return {}
        load_weights(self.encoder_, part(saved, "encoder"))
        self.initial_labels_ = take(saved, "initial", torch.empty(n_images, dtype=torch.int32)).numpy()
        count = len(saved.get("history", torch.empty(0)))
        rows = take(saved, "history", torch.empty((count, 5), dtype=torch.float64)).tolist()
        like = torch.empty((count, n_images if count else 0), dtype=torch.int32)
        labels = take(saved, "history_labels", like).numpy()
        for (phase, steps, loss, clusters, changed), own in zip(rows, labels, strict=True):
            self.history_.append(Period(PHASES[int(phase)], int(steps), loss, int(clusters), changed, own))
            if self.progress is not None:
                self.progress(self.history_[-1])
        return saved
