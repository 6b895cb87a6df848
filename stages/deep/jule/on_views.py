"""What the networks that JULE trains on features have in common: constructor, presets, inputs, first weights."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from stages.clustering.neighbours import Digraph
from stages.core.checks import check_choice, check_flag
from stages.deep.checkpoint import Checkpoint
from stages.deep.dec.parameters import check_count
from stages.deep.encoding import EncodesViews
from stages.deep.jule.base import PUBLISHED, RELEASED, SHARED, RecurrentClustering
from stages.deep.jule.periods import Period, Trainee
from stages.deep.jule.principal import start_as_projection
from stages.deep.networks import MLP, MVnet, initialise
from stages.deep.training import embed

Network = TypeVar("Network", MLP, MVnet)

STARTS = ("projection", "xavier")

# For the network, and what the paper of JULE leaves open on features: Guerin et al. (2021), section 6.1.
_FEATURES: dict[str, Any] = {"start": "xavier", "view_graphs": False}
PRESETS: dict[str, dict[str, Any]] = {
    "published": {**SHARED, **PUBLISHED, **_FEATURES},
    "released": {**SHARED, **RELEASED, **_FEATURES},
}


@dataclass(frozen=True)
class ViewTrainee(Trainee):
    """The parameters of `module` are trained, through which `forward` takes a batch of the `inputs`.

    inputs : tensors (n, d_j), all on one device.
    forward : a batch of each input, (b, d_j), to the embedding (b, w).
    graphs : the graphs of single views; asked for in every period, as the views' codes may be trained, too.
    """

    module: nn.Module
    inputs: Sequence[Tensor]
    forward: Callable[[Sequence[Tensor]], Tensor]
    graphs: Callable[[], Sequence[Digraph]] = tuple

    @property
    def n_images(self) -> int:
        """How many there are."""
        return len(self.inputs[0])

    @property
    def device(self) -> torch.device:
        """Where the inputs are."""
        return self.inputs[0].device

    def rows(self, images: Tensor) -> Tensor:
        """Return the embedding (b, w) of the images of these numbers, int64 (b)."""
        return self.forward([view[images] for view in self.inputs])

    def features(self, batch_size: int, steps: int, merged: bool = False) -> np.ndarray:
        """Return the embedding of all images, float32 (n, w)."""
        return embed(self.forward, self.inputs, batch_size).cpu().numpy()

    def view_graphs(self) -> Sequence[Digraph]:
        """Return the graphs of single views."""
        return self.graphs()


class RecurrentPerceptrons(EncodesViews, RecurrentClustering):
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
        min_cluster_fraction: float = 0.2,
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
        self.min_cluster_fraction = min_cluster_fraction
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
        super()._check_parameters()
        check_choice("start", self.start, STARTS)
        check_flag("view_graphs", self.view_graphs)

    def _views(self, X: Sequence[np.ndarray]) -> list[Tensor]:
        """Check everything that `fit` is given, and return the scaled views on the device."""
        self._check_parameters()
        views = self._fit_scaling(X)
        check_count(self.n_clusters, views)
        self.n_features_in_ = [view.shape[1] for view in views]
        self._plan()
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

    def _conclude(self, views: Sequence[Tensor]) -> None:
        self._conclude_with(embed(self.encoder_, views, self.batch_size))
