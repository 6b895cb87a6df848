"""JULE on features: perceptrons trained on the clusters that merge in what they make of the images."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from stages.clustering.neighbours import Digraph
from stages.core.checks import check_choice, check_flag
from stages.deep.checkpoint import Checkpoint
from stages.deep.jule.base import PUBLISHED, RELEASED, SHARED, RecurrentClustering
from stages.deep.jule.periods import Period, Trainee
from stages.deep.networks import MLP, MVnet, initialise
from stages.deep.view_encoding import EncodesViews, check_count, embed

Network = TypeVar("Network", MLP, MVnet)

_SAMPLE = 10_000  # rows that principal directions are found from, at most: more change them little
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


class JULE(RecurrentPerceptrons):
    """Joint unsupervised learning of a representation and of clusters, from features.

    Yang, Parikh and Batra, CVPR 2016, with the perceptron d-160-160 of Guerin et al. (2021) for a network. All
    views go through it side by side: with one view this is the row of a single network in the comparison of
    Guerin et al., with several the row "CC". `PRESETS` of this module has the settings of paper
    and released code; the defaults are what was measured best for small image sets, one setting for all.

    Parameters
    ----------
    n_clusters : number of clusters.
    scaling : of the views, see `stages.deep.view_encoding.scale`.
    width : units of the hidden layer, and of the embedding (160).
    start : first weights: "projection" onto principal directions, see `start_as_projection`, or "xavier".
    view_graphs : whether, with a code per view (`DMVC`), the graph of the clusters is the mean of the embedding's
        and of the codes' own, instead of the embedding's alone.
    n_neighbors, a : of the neighbour graph (K_s 20, a 1), see `stages.clustering.neighbours.digraph`.
    n_nearest, lead_weight, lead_until, one_sided, update : which clusters merge, and how (K_c 5, lambda 1), see
        `stages.clustering.merge_rule.Rule`.
    min_cluster_fraction : size from which a cluster counts at the end, see `stages.clustering.small_clusters` (0).
    eta : share of the clusters that a period merges, above 0 and below 1 (0.9, for faces 0.2).
    steps : gradient steps of a period. Early clusters are small and their neighbours often of the same class, so
        that long training drives classes apart: a few steps are enough.
    epochs : passes over the images in a period, instead of `steps`, if given (20).
    reruns : how often the images are clustered anew, from nearest neighbours on, after the last merge. 0 gives the
        result "SF" of the paper, 1 with `train_again` off "RC".
    train_again : whether the network is trained on the final clusters before each of these.
    batch_size : images in a step (100).
    optimiser : "adam", or "sgd" with momentum 0.9, slowed down as in the released code; a new one in each period.
    learning_rate : its step size (0.01 with "sgd").
    dampening : of the momentum (released code, by Torch's default: 0.9).
    weight_decay : weight of the squared weights (5e-5).
    gamma, margin, anchors_only : of the loss (2, 0.2), see `stages.deep.jule.periods.triplet_loss`.
    negatives : "all" images of other clusters in a batch, or only those of the `n_nearest" clusters (paper).
    precision : of the matrix products while training, "float32" or "bfloat16"; weights, rows of the loss and the
        graphs stay float32.
    device : torch device to compute on, e.g. "cpu" or "cuda".
    random_state : int, RandomState or None, as everywhere in scikit-learn.
    checkpoint : keeps the state, so that a killed fit goes on where it was, see `stages.deep.checkpoint`.
    progress : called with a `Period` after every period, or None.

    Attributes
    ----------
    labels_ : int32 (n), the clusters, 0..n_clusters-1, numbered by their first images.
    forward_labels_ : int32 (n), the clusters when they first were as many ("SF").
    initial_labels_ : int32 (n), the clusters before the first period.
    embedding_ : float32 (n, width), rows of length 1.
    cluster_centers_ : float32 (n_clusters, width), the means of the clusters; `predict` takes the nearest.
    encoder_ : the network, trained.
    history_ : list of `Period`.
    n_features_in_ : list of the views' widths.
    """

    def fit(self, X: Sequence[np.ndarray], y: None = None) -> "JULE":
        """Train on the views `X`, a list of real arrays (n, d_j) whose rows are the same images.

        Raises `ParameterError` for a parameter, view or checkpoint that cannot be used. Warns (`UserWarning`) when
        one cluster holds over half of the images. Processes that `torch.distributed` has joined train together.
        """
        views = self._views(X)
        weights, order = check_random_state(self.random_state).randint(2**31 - 1, size=2)
        self.encoder_ = self._built(MLP)
        saved = self._restored(len(views[0]))
        if not saved:
            self._begin(self.encoder_.output, torch.cat(views, dim=1), int(weights))
        self._run(ViewTrainee(self.encoder_, views, self.encoder_), int(order), 0, saved)
        self._conclude(views)
        return self


def start_as_projection(perceptron: nn.Module, rows: Tensor, generator: torch.Generator) -> None:
    """Set the weights, in place, so that the output is the projection of its input onto principal directions.

    `perceptron` is linear (d to h), ReLU, linear (h to w), its biases 0; `rows` float (n, d) are its inputs. The
    directions are the first r = min(h / 2, w, d, n) right singular vectors of the rows, not centred, so that
    lengths and angles of the rows are kept as well as r numbers can. A ReLU lets half a line through, so each
    direction takes two hidden units, one for each sign. Hidden units without a direction keep their weights, but
    nothing comes of them at first. From more than 10,000 rows a sample is drawn.

    Drawn at random, a d-160-160 perceptron shuffles the neighbours of its input, and the first graph built on its
    output is worse than that of the features. This start loses next to nothing, and leaves everything to learn.
    """
    from sklearn.utils.extmath import randomized_svd

    first, second = (layer for layer in perceptron.modules() if isinstance(layer, nn.Linear))
    if len(rows) > _SAMPLE:
        chosen = torch.randperm(len(rows), generator=generator)[:_SAMPLE].sort().values
        rows = rows[chosen.to(rows.device)]
    count = min(first.out_features // 2, second.out_features, *rows.shape)
    seed = int(torch.randint(2**31 - 1, (), generator=generator))
    with np.errstate(all="ignore"):  # rows of zeros have no directions; any will do
        directions = randomized_svd(rows.cpu().numpy(), count, n_iter=7, random_state=seed)[2]
    directions = torch.from_numpy(np.ascontiguousarray(directions)).to(first.weight)
    with torch.no_grad():
        first.weight[:count] = directions
        first.weight[count : 2 * count] = -directions
        second.weight.zero_()
        units = torch.arange(count, device=second.weight.device)
        second.weight[units, units] = 1
        second.weight[units, count + units] = -1
