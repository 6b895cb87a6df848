"""What the networks that JULE trains have in common: parameters, their checks, and the run of the periods."""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClusterMixin
from torch import Tensor, nn

from stages.checks import check_choice, check_number, check_share
from stages.clustering.merge_rule import UPDATES, Rule
from stages.clustering.neighbours import numbered
from stages.deep.agglomeration import Agglomeration
from stages.deep.checkpoint import Checkpoint
from stages.deep.clusters import cluster_means
from stages.deep.distributed import Group
from stages.deep.encoding import EncodesViews
from stages.deep.networks import MLP, MVnet, initialise
from stages.deep.parameters import check_count
from stages.deep.principal import start_as_projection
from stages.deep.recurrence import PHASES, Period, Recurrence, Schedule, Trainee
from stages.deep.resume import load_weights, named, part, take
from stages.deep.sizes import warn_of_sizes
from stages.deep.training import PRECISIONS, embed
from stages.errors import ParameterError

Network = TypeVar("Network", MLP, MVnet)

STARTS = ("projection", "xavier")

# Where paper and released code differ. "published": Yang, Parikh and Batra (2016) and, for the network and what is
# left open, Guerin et al. (2021), section 6.1. "released": JULE's Torch code; its gradient leaves positives and
# negatives without one at gamma 1, its table of affinities is triangular and updated without the cross terms.
_SHARED: dict[str, Any] = {
    "start": "xavier",
    "view_graphs": False,
    "n_neighbors": 20,
    "n_nearest": 5,
    "lead_weight": 1.0,
    "least_share": 0.0,
    "epochs": 20,
    "reruns": 1,
    "train_again": False,
    "batch_size": 100,
    "optimiser": "sgd",
    "learning_rate": 0.01,
    "weight_decay": 5e-5,
    "margin": 0.2,
}
PRESETS: dict[str, dict[str, Any]] = {
    "published": {
        **_SHARED,
        "lead_until": 0,
        "one_sided": False,
        "update": "weighted",
        "eta": 0.9,
        "dampening": 0.0,
        "gamma": 2.0,
        "negatives": "nearest",
        "anchors_only": False,
    },
    "released": {
        **_SHARED,
        "lead_until": 100,
        "one_sided": True,
        "update": "summed",
        "eta": 0.2,
        "dampening": 0.9,
        "gamma": 1.0,
        "negatives": "all",
        "anchors_only": True,
    },
}


class RecurrentClustering(EncodesViews, ClusterMixin, BaseEstimator):
    """Base of `JULE` and `DMVC`, whose parameters and attributes `JULE` documents."""

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        scaling: str = "sqrt",
        width: int = 160,
        start: str = "projection",
        view_graphs: bool = True,
        n_neighbors: int = 8,
        a: float = 1.0,
        n_nearest: int = 5,
        lead_weight: float = 1.0,
        lead_until: int = 0,
        one_sided: bool = False,
        update: str = "exact",
        least_share: float = 0.2,
        eta: float = 0.5,
        steps: int = 40,
        epochs: int | None = None,
        reruns: int = 2,
        train_again: bool = True,
        batch_size: int = 256,
        optimiser: str = "adam",
        learning_rate: float = 5e-5,
        dampening: float = 0.0,
        weight_decay: float = 5e-5,
        gamma: float = 1.0,
        margin: float = 0.2,
        negatives: str = "all",
        anchors_only: bool = False,
        precision: str = "float32",
        device: str | torch.device = "cpu",
        random_state: int | np.random.RandomState | None = None,
        checkpoint: Checkpoint | None = None,
        progress: Callable[[Period], None] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.scaling = scaling
        self.width = width
        self.start = start
        self.view_graphs = view_graphs
        self.n_neighbors = n_neighbors
        self.a = a
        self.n_nearest = n_nearest
        self.lead_weight = lead_weight
        self.lead_until = lead_until
        self.one_sided = one_sided
        self.update = update
        self.least_share = least_share
        self.eta = eta
        self.steps = steps
        self.epochs = epochs
        self.reruns = reruns
        self.train_again = train_again
        self.batch_size = batch_size
        self.optimiser = optimiser
        self.learning_rate = learning_rate
        self.dampening = dampening
        self.weight_decay = weight_decay
        self.gamma = gamma
        self.margin = margin
        self.negatives = negatives
        self.anchors_only = anchors_only
        self.precision = precision
        self.device = device
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.progress = progress

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
        for name in ("least_share", "eta", "dampening"):
            check_share(name, getattr(self, name))
        if self.eta == 0:
            raise ParameterError("eta is 0, and no cluster would ever be merged; give a share above 0 and below 1")
        check_choice("start", self.start, STARTS)
        check_choice("update", self.update, UPDATES)
        check_choice("optimiser", self.optimiser, ("adam", "sgd"))
        check_choice("negatives", self.negatives, ("all", "nearest"))
        check_choice("precision", self.precision, PRECISIONS)
        for name in ("view_graphs", "one_sided", "train_again", "anchors_only"):
            if not isinstance(getattr(self, name), bool):
                raise ParameterError(f"{name} is {getattr(self, name)!r}; give true or false")

    def _views(self, X: Sequence[np.ndarray]) -> list[Tensor]:
        """Check everything that `fit` is given, and return the scaled views on the device."""
        self._check_parameters()
        views = self._fit_scaling(X)
        check_count(self.n_clusters, views)
        self.n_features_in_ = [view.shape[1] for view in views]
        self._agglomeration = Agglomeration(
            self.n_neighbors,
            self.a,
            Rule(self.n_nearest, self.lead_weight, self.lead_until, self.one_sided, self.update),
            self.least_share,
        )
        fields = (name for name in Schedule.__dataclass_fields__ if name != "n_clusters")
        self._schedule = Schedule(self.n_clusters, **{name: getattr(self, name) for name in fields})
        self._group = Group.current()
        return self._tensors(views)

    def _built(self, kind: type[Network]) -> Network:
        """A network over the views, whose weights are still to be set."""
        with torch.device("meta"):  # no random numbers: the global state is not ours
            network = kind(self.n_features_in_, self.width, unit_length=True)
        return network.to_empty(device=self.device)

    def _begin(self, perceptron: nn.Module, rows: Tensor, seed: int) -> None:
        """Give a perceptron its first weights; `rows`, float (n, d), are its inputs."""
        generator = torch.Generator().manual_seed(seed)
        drawn = copy.deepcopy(perceptron).cpu()
        initialise(drawn, generator)  # on the CPU, so that every device starts from the same weights
        if self.start == "projection":
            start_as_projection(drawn, rows, generator)
        perceptron.load_state_dict(drawn.state_dict())

    def _run(self, trainee: Trainee, seed: int, stage: int, saved: Mapping[str, Tensor]) -> None:
        """Run one training to its end, or what a checkpoint left of it; `stage` numbers the trainings of a fit."""
        wanted = self.n_clusters
        if saved:
            names = np.empty(len(trainee.inputs[0]), dtype=np.int32)
        else:
            embedding = trainee.embedding(self.batch_size)
            graph = self._agglomeration.graph(embedding, trainee.view_graphs())
            names = self._group.first(self._agglomeration.start(graph, wanted))
            self.initial_labels_ = numbered(names)
        generator = torch.Generator().manual_seed(seed)
        training = Recurrence(trainee, self._agglomeration, self._schedule, names, generator)
        if saved:
            training.load(part(saved, "training"))
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

    def _conclude(self, views: Sequence[Tensor]) -> None:
        embedding = embed(self.encoder_, views, self.batch_size)
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
