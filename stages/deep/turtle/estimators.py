"""TURTLE over many views: from views to clusters, and on from a checkpoint; and one joined from single views'."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import remove_parametrizations

from stages.core.checks import check_number
from stages.deep.checkpoint import history_state, load_weights, named, part, take
from stages.deep.distributed import Group
from stages.deep.estimator import Presets, read_presets
from stages.deep.networks import first_network
from stages.deep.soft_assignment import RECORD, SoftAssignment, matching_clusters
from stages.deep.turtle.labeller import Labeller, draw_uniform
from stages.deep.turtle.search import Search
from stages.deep.view_encoding import embed

_REMEDY = "ask for fewer clusters, or raise gamma"  # for clusters that end empty


@dataclass(frozen=True)
class Stretch:
    """Some steps of the search, the last of them number `iterations`; or the one look at a joined labelling.

    Attributes: `phase` "search" or "join"; `cross_entropy` and `entropy`, means over the steps, in nats, summed
    over the spaces; `loss`, the first plus gamma times what the second lacks to clusters of one size; `changed`,
    the share of images (0 to 1) whose cluster is another than in the record before (NaN in the first); `labels`
    int32 (n), the clusters.
    """

    PHASES: ClassVar[tuple[str, ...]] = ("search", "join")

    phase: str
    iterations: int
    loss: float
    cross_entropy: float
    entropy: float
    changed: float
    labels: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(eq=False, repr=False, kw_only=True)
class TURTLE(SoftAssignment[Stretch]):
    """The labels of the images that linear classifiers predict best, in the space of every view.

    Gadetsky, Jiang and Brbic, "Let go of your labels with unsupervised transfer", ICML 2024: the label of an image
    is the mean of a linear softmax classifier in every space, with normalised weights. In each step, classifiers
    that know nothing learn the labels of a batch by some steps of Adam; then the labels move towards what these
    predict, and towards clusters of one size. The settings of the code are `TURTLE.PRESETS["released"]`.

    The embedding is the image's label: how much it belongs to each cluster.

    Parameters and attributes are also those of `stages.deep.soft_assignment.SoftAssignment`,
    `stages.deep.view_encoding.ViewClustering` and `stages.deep.estimator.NetworkClustering`.

    Parameters
    ----------
    gamma : weight of the entropy of the mean label, which keeps clusters apart and of one size (10).
    iterations : steps of the labels (6000).
    inner_steps : steps in which the classifiers learn the labels of a batch (10).
    inner_learning_rate : size of these (0.001).
    warm_start : whether the classifiers go on learning from one batch to the next (false).
    batch_size : images in a step, at most (10000).
    learning_rate : size of the labels' steps, by Adam (0.001).

    Attributes
    ----------
    history_ : list of `Stretch`, one for every 50 steps.
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "turtle")

    gamma: float = 10.0
    iterations: int = 1000
    inner_steps: int = 10
    inner_learning_rate: float = 1e-3
    warm_start: bool = False
    batch_size: int = 10_000

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number("gamma", self.gamma)
        check_number("inner_learning_rate", self.inner_learning_rate)
        for name in ("iterations", "inner_steps"):
            check_number(name, getattr(self, name), 1, whole=True)

    def fit(self, X: Sequence[np.ndarray], y: None = None) -> Self:
        """Search the labels of the views `X`, a list of real arrays (n, d_j) whose rows are the same images.

        Raises `ParameterError` for a parameter, view or checkpoint that cannot be used. Warns (`UserWarning`) when
        a cluster ends empty or holds over half of the images.
        """
        views = self._tensors(self._prepared(X))
        weights, order = self._generators()
        labeller = first_network(self._labeller, draw_uniform, weights, self.device)
        for layer in labeller.layers:
            weight_norm(layer)
        saved = self._saved()
        search = Search(labeller, labeller.seen(views), self, order)
        totals = torch.zeros(2, device=search.device)
        if saved:
            load_weights(labeller, part(saved, "labeller"))
            search.load(part(saved, "search"))
            totals = take(saved, "totals", totals)
        self._restore_history(saved, Stretch, len(views[0]))
        while search.iterations < self.iterations:
            totals = totals + search.step()
            due = search.iterations % RECORD == 0 or search.iterations == self.iterations
            if due:
                self._record("search", search.iterations, totals, self._clusters(labeller, views))
                totals = torch.zeros_like(totals)
            if Group.current().rank == 0:  # of several processes each does all the work
                self._save(lambda: self._state_of(labeller, search, totals))  # noqa: B023 - called at once, or never
            if due:
                self._report(self.history_[-1])
        for layer in labeller.layers:
            remove_parametrizations(layer, "weight")
        self._conclude(labeller, views, _REMEDY)
        return self

    def _labeller(self) -> Labeller:
        return Labeller(self.n_features_in_, self.n_clusters, self.joined)

    def _clusters(self, labeller: Labeller, views: list[Tensor]) -> np.ndarray:
        labels: np.ndarray = embed(labeller, views, self.batch_size).argmax(dim=1).to(torch.int32).cpu().numpy()
        return labels

    def _record(self, phase: str, iterations: int, totals: Tensor, labels: np.ndarray) -> None:
        """Add a record of the steps since the last, whose terms have the sums `totals` (2)."""
        steps = max(iterations - (self.history_[-1].iterations if self.history_ else 0), 1)
        error, entropy = (totals / steps).tolist()
        most = math.log(self.n_clusters) * (1 if self.joined else len(self.n_features_in_))
        loss = error + self.gamma * (most - entropy)
        self._check_loss(loss, iterations, "learning_rate", "inner_learning_rate")
        before = self.history_[-1].labels if self.history_ else None
        changed = float("nan") if before is None else float((before != labels).mean())
        self.history_.append(Stretch(phase, iterations, loss, error, entropy, changed, labels))

    def _state_of(self, labeller: Labeller, search: Search, totals: Tensor) -> dict[str, Tensor]:
        """The state of the fit after a step."""
        return {
            **history_state(self.history_, Stretch),
            **named(labeller.state_dict(), "labeller"),
            **named(search.state(), "search"),
            "totals": totals,
        }


class TURTLEFix(TURTLE):
    """The labellers of single views as they are: the numbers of their clusters are matched, the labels averaged.

    Nothing is trained, in the sense of the row "DMVC-fix" of Guerin et al. (2021).
    """

    def fit(
        self, X: Sequence[np.ndarray], y: None = None, *, labellers: Sequence[Mapping[str, Tensor]] = ()
    ) -> Self:
        """Join `labellers`, the weights (k, d_j) and biases (k) of one `Labeller` for each of the views `X`.

        Each view's clusters get the numbers of those that they share most with, of the mean of the views before.
        """
        views = self._tensors(self._prepared(X))
        order = self._generators()[1]
        labeller = self._labeller().to(self.device).requires_grad_(False)
        mean = torch.zeros((len(views[0]), self.n_clusters), device=self.device)
        for number, (layer, weights, view) in enumerate(zip(labeller.layers, labellers, views, strict=True)):
            load_weights(layer, part(weights, "spaces.0"))
            if number:
                rows = matching_clusters(mean, layer(view).softmax(dim=1))
                layer.weight.copy_(layer.weight[rows])
                layer.bias.copy_(layer.bias[rows])
            mean += (layer(view).softmax(dim=1) - mean) / (number + 1)
        self.history_ = []
        search = Search(labeller, labeller.seen(views), self, order)
        self._record("join", 0, search.terms(), self._clusters(labeller, views))
        self._report(self.history_[-1])
        self._conclude(labeller, views, _REMEDY)
        return self
