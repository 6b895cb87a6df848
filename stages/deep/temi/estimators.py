"""TEMI over many views: from views to clusters, and on from a checkpoint; and one joined from single views'."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from stages.core.checks import check_flag, check_number, check_share
from stages.core.errors import ParameterError
from stages.deep.checkpoint import history_state, load_weights, named, part, take
from stages.deep.clusters import share_changed
from stages.deep.distributed import Group
from stages.deep.estimator import Presets, read_presets
from stages.deep.networks import first_network
from stages.deep.soft_assignment import RECORD, SoftAssignment, matching_clusters
from stages.deep.temi.choice import best_head, look
from stages.deep.temi.distillation import Distillation
from stages.deep.temi.heads import Head, Heads, draw_heads, spaces_of
from stages.deep.temi.pairs import neighbour_lists, usual_neighbours

_REMEDY = "ask for fewer clusters"  # for clusters that end empty
_LOOKS = 5  # of the last records, over whose losses a head is chosen


@dataclass(frozen=True)
class Stretch:
    """Some steps of the training, the last of them number `iterations`; or the one look at joined heads.

    Attributes: `phase` "distil" or "join"; `head`, the number of the best one, and `loss`, that of its teacher on
    all images, in the mean of the last five records; `mean_loss`, the mean of the heads' own losses over the
    steps; `changed`, the share of images (0 to 1) whose cluster is no match of the one in the record before (NaN
    in the first); `labels` int32 (n), the clusters of the best head's teacher.
    """

    PHASES: ClassVar[tuple[str, ...]] = ("distil", "join")

    phase: str
    iterations: int
    head: int
    loss: float
    mean_loss: float
    changed: float
    labels: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(eq=False, repr=False, kw_only=True)
class TEMI(SoftAssignment[Stretch]):
    """The clusters on which an image and its neighbours agree, to heads that learn from their own average.

    Adaloglou, Michels, Kalisch and Kollmann, "Exploring the limits of deep image clustering using pretrained
    models", BMVC 2023: several heads see frozen features. In each step, every image of a batch is paired with one
    of its nearest neighbours, by the cosine. A head's shares for the one and those of its teacher, the moving
    average of its weights, for the other are to have much pointwise mutual information; pairs weigh as much as all
    teachers together think that they have one cluster. The clusters are those of the teacher of the best head: no
    other leaves fewer clusters empty, and of those that leave as few it has the lowest loss on all images, in the
    mean of the last five records. The settings of the code are `TEMI.PRESETS["released"]`.

    Several views: a head has a perceptron for each, and the mean of their logits; partners of an image are its
    neighbours in any view, those in several more often. The paper has one view.

    Parameters and attributes are also those of `stages.deep.soft_assignment.SoftAssignment`,
    `stages.deep.view_encoding.ViewClustering` and `stages.deep.estimator.NetworkClustering`.

    Parameters
    ----------
    centre : whether the mean of all images is subtracted from the features first (false; the code has an option
        that also divides by the standard deviations). Pooled features are positive, and images alike, until it is.
    n_heads : heads, of which one is used in the end (16).
    n_neighbors : nearest neighbours of an image in each view, among which partners are drawn (50). None: half the
        images of a mean cluster, at most 50.
    beta : power of the joint shares; below 1 it keeps clusters of one size (0.6).
    temperature : by which logits are divided (0.1).
    iterations : steps (48 for each 50,000 images, times 100).
    batch_size : images in a step, at most (1024).
    learning_rate : size of the steps, by AdamW (0.0004 for this batch).
    warm_up : share of the steps, from 0 to below 1, in which they grow to that size (0.2).
    weight_decay : decay of the matrices (0.0001).
    teacher_momentum : share of the teacher's weights that a step keeps (0.996).
    size_momentum : the same of the clusters' sizes; a batch that holds all images gives them by itself (0.9).
    width : hidden units of a perceptron (512).
    bottleneck : width of its output (256). None: `width`.

    Attributes
    ----------
    encoder_ : `stages.deep.temi.heads.Head`, the teacher of the best head.
    history_ : list of `Stretch`, one for every 50 steps.
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "temi")

    centre: bool = True
    n_heads: int = 16
    n_neighbors: int | None = None
    beta: float = 0.6
    temperature: float = 0.1
    iterations: int = 400
    batch_size: int = 1024
    learning_rate: float = 1e-3
    warm_up: float = 0.2
    weight_decay: float = 1e-4
    teacher_momentum: float = 0.95
    size_momentum: float = 0.9
    width: int = 160
    bottleneck: int | None = None

    def check_parameters(self) -> None:
        super().check_parameters()
        for name in ("n_heads", "iterations", "width"):
            check_number(name, getattr(self, name), 1, whole=True)
        for name in ("n_neighbors", "bottleneck"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), 1, whole=True)
        check_flag("centre", self.centre)
        check_number("weight_decay", self.weight_decay)
        for name in ("warm_up", "teacher_momentum", "size_momentum"):
            check_share(name, getattr(self, name))
        for name in ("beta", "temperature"):
            check_number(name, getattr(self, name))
            if getattr(self, name) == 0:
                raise ParameterError(f"{name} is {getattr(self, name)!r}; give a number above 0")

    def fit(self, X: Sequence[np.ndarray], y: None = None) -> Self:
        """Train heads on the views `X`, a list of real arrays (n, d_j) whose rows are the same images.

        Raises `ParameterError` for a parameter, view or checkpoint that cannot be used. Warns (`UserWarning`) when
        a cluster ends empty or holds over half of the images.
        """
        views, spaces, neighbours = self._inputs(X)
        centres = [space.mean(dim=0) if self.centre else torch.zeros_like(space[0]) for space in spaces]
        spaces = [space - centre for space, centre in zip(spaces, centres, strict=True)]
        weights, order = self._generators()
        saved = self._saved()
        heads = first_network(self._heads, draw_heads, weights, self.device)
        training = Distillation(heads, spaces, neighbours, self, order)
        losses = torch.zeros(self.n_heads, device=neighbours.device)  # summed over the steps since the last record
        looks = torch.zeros((_LOOKS, self.n_heads), device=neighbours.device)
        if saved:
            training.load(part(saved, "training"))
            losses, looks = take(saved, "losses", losses), take(saved, "looks", looks)
        self._restore_history(saved, Stretch, len(views[0]))
        while training.iterations < self.iterations:
            losses = losses + training.step()
            due = training.iterations % RECORD == 0 or training.iterations == self.iterations
            if due:
                seen, clusters = look(training.teacher.log_shares, spaces, neighbours, self.beta, order)
                looks = torch.cat([looks[1:], seen[None]])
                self._record("distil", training.iterations, looks, losses, clusters)
                losses = torch.zeros_like(losses)
            if Group.current().rank == 0:  # of several processes each does all the work
                self._save(lambda: self._state_of(training, losses, looks))  # noqa: B023 - called at once, or never
            if due:
                self._report(self.history_[-1])
        self._conclude(training.teacher.head(self.history_[-1].head, centres), views, _REMEDY)
        return self

    def _inputs(self, X: Sequence[np.ndarray]) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """The views and spaces as tensors, and the neighbours of every image."""
        arrays = self._prepared(X)
        count = self.n_neighbors or usual_neighbours(len(arrays[0]), self.n_clusters)
        neighbours = neighbour_lists(arrays, count, self.joined).to(self.device)
        views = self._tensors(arrays)
        return views, spaces_of(views, self.joined), neighbours

    def _heads(self) -> Heads:
        sizes = (self.n_clusters, self.n_heads, self.width, self.bottleneck or self.width)
        return Heads(self.n_features_in_, *sizes, self.temperature, self.joined)

    def _record(self, phase: str, iterations: int, looks: Tensor, losses: Tensor, clusters: Tensor) -> None:
        """Add a record of the steps since the last, over which the heads' losses (n_heads) have these sums."""
        steps = max(iterations - (self.history_[-1].iterations if self.history_ else 0), 1)
        mean = looks[-min(len(self.history_) + 1, len(looks)) :].mean(dim=0)
        self._check_loss(float((losses.sum() + mean.sum()).cpu()), iterations, "learning_rate")
        head = best_head(mean, clusters, self.n_clusters)
        labels = clusters[head].to(torch.int32).cpu().numpy()
        before = self.history_[-1].labels if self.history_ else None
        changed = (
            float("nan") if before is None else share_changed(before, labels)
        )  # another head has other numbers
        mean_loss = float(losses.mean()) / steps
        self.history_.append(Stretch(phase, iterations, head, float(mean[head]), mean_loss, changed, labels))

    def _state_of(self, training: Distillation, losses: Tensor, looks: Tensor) -> dict[str, Tensor]:
        """The state of the fit after a step."""
        return {
            **history_state(self.history_, Stretch),
            **named(training.state(), "training"),
            "losses": losses,
            "looks": looks,
        }


class TEMIFix(TEMI):
    """The heads of single views as they are: the numbers of their clusters are matched, the logits averaged.

    Nothing is trained, in the sense of the row "DMVC-fix" of Guerin et al. (2021).
    """

    def fit(self, X: Sequence[np.ndarray], y: None = None, *, heads: Sequence[Mapping[str, Tensor]] = ()) -> Self:
        """Join `heads`, the weights of one `Head` for each of the views `X`.

        Each view's clusters get the numbers of those that they share most with, of the mean of the views before.
        """
        views, spaces, neighbours = self._inputs(X)
        order = self._generators()[1]
        head = self._head()
        mean = torch.zeros((len(views[0]), self.n_clusters), device=neighbours.device)
        for number, (network, weights, view) in enumerate(zip(head.spaces, heads, views, strict=True)):
            load_weights(network, part(weights, "spaces.0"))
            alone = (network(view) / self.temperature).softmax(dim=1)
            if number:
                rows = matching_clusters(mean, alone)
                _renumber(network, rows)
                alone = alone[:, rows]
            mean += (alone - mean) / (number + 1)
        self.history_ = []
        losses, clusters = look(head.log_shares, spaces, neighbours, self.beta, order)
        self._record("join", 0, losses[None], losses, clusters)
        self._report(self.history_[-1])
        self._conclude(head, views, _REMEDY)
        return self

    def _head(self) -> Head:
        sizes = (self.n_clusters, self.width, self.bottleneck or self.width)
        with torch.device("meta"):
            head = Head(self.n_features_in_, *sizes, self.temperature, self.joined)
        return head.to_empty(device=self.device).requires_grad_(False)


def _renumber(network: nn.Module, order: Tensor) -> None:
    """Give the clusters of a space's perceptron another `order`, int64 (k)."""
    weight = list(network.parameters())[-1]
    weight.copy_(weight[order])
