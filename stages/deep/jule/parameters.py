"""The parameters of JULE, their checks, and the record of a period."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from stages.clustering.merge_rule import UPDATES
from stages.core.checks import check_choice, check_flag, check_number, check_share
from stages.core.errors import ParameterError
from stages.deep.estimator import NetworkClustering


@dataclass(frozen=True)
class Period:
    """One period.

    Attributes: `phase` "merge" (on the way to the clusters asked for) or "again" (clustered again from the start);
    `steps`, gradient steps in it; `loss`, their mean triplet loss (NaN without steps); `clusters`, how many are
    left after it; `changed`, the share of images (0 to 1) in another cluster than before, clusters being matched
    one to one (NaN while merging); `labels` int32 (n), numbered from 0 by first images.
    """

    PHASES: ClassVar[tuple[str, ...]] = ("merge", "again")

    phase: str
    steps: int
    loss: float
    clusters: int
    changed: float
    labels: np.ndarray


@dataclass(eq=False, repr=False, kw_only=True)
class RecurrentParameters(NetworkClustering[Period]):
    """The parameters that all networks trained by JULE have; values of the paper are in brackets.

    The defaults are what was measured best on features of small image sets, one setting for all of them.

    Parameters
    ----------
    width : units of the embedding, and of the hidden layers of perceptrons (160).
    n_neighbors, a : of the neighbour graph (K_s 20, a 1), see `stages.clustering.neighbours.digraph`.
    n_nearest, lead_weight, lead_until, one_sided, update : which clusters merge, and how (K_c 5, lambda 1), see
        `stages.clustering.merge_rule.Rule`.
    min_cluster_fraction : size from which a cluster counts at the end, see `stages.clustering.small_clusters` (0).
    eta : share of the clusters that a period merges, above 0 and below 1 (0.9, for faces 0.2).
    steps : gradient steps of a period. Early clusters are small and their neighbours often of the same class, so
        that long training drives classes apart: a few steps are enough. 0: the network stays as it begins.
    epochs : passes over the images in a period, instead of `steps`, if given (20). They consist of whole batches:
        what does not fill one waits for the next pass, whose order is another.
    reruns : how often the images are clustered again, from nearest neighbours on, after the last merge. 0 gives
        the result "SF" of the paper, 1 with `train_again` off "RC".
    train_again : whether the network is trained on the final clusters before each of these.
    optimiser : "adam", or "sgd" with momentum 0.9, slowed down as in the released code; a new one in each period.
    batch_size, learning_rate : see `NetworkClustering` (100, and 0.01 with "sgd").
    dampening : of the momentum (released code, by Torch's default: 0.9).
    weight_decay : weight of the squared weights (5e-5).
    gamma, margin, anchors_only : of the loss (2, 0.2), see `stages.deep.jule.periods.triplet_loss`.
    negatives : "all" images of other clusters in a batch, or only those of the `n_nearest` clusters (paper).

    Attributes
    ----------
    labels_ : numbered by their first images.
    forward_labels_ : int32 (n), the clusters when they first were as many ("SF").
    initial_labels_ : int32 (n), the clusters before the first period.
    embedding_ : rows of length 1.
    cluster_centers_ : the means of the clusters; `predict` takes the nearest.
    history_ : list of `Period`.
    """

    width: int = 160
    n_neighbors: int = 8
    a: float = 1.0
    n_nearest: int = 5
    lead_weight: float = 1.0
    lead_until: int = 0
    one_sided: bool = False
    update: str = "exact"
    min_cluster_fraction: float = 0.2
    eta: float = 0.5
    steps: int = 40
    epochs: int | None = None
    reruns: int = 2
    train_again: bool = True
    optimiser: str = "adam"
    learning_rate: float = 5e-5
    dampening: float = 0.0
    weight_decay: float = 5e-5
    gamma: float = 1.0
    margin: float = 0.2
    negatives: str = "all"
    anchors_only: bool = False

    def check_parameters(self) -> None:
        super().check_parameters()
        for name in ("width", "n_neighbors", "n_nearest"):
            check_number(name, getattr(self, name), 1, whole=True)
        for name in ("steps", "lead_until", "reruns"):
            check_number(name, getattr(self, name), 0, whole=True)
        for name in ("lead_weight", "weight_decay", "gamma", "margin"):
            check_number(name, getattr(self, name))
        if self.epochs is not None:
            check_number("epochs", self.epochs, 0, whole=True)
        check_number("a", self.a, 1e-9)
        for name in ("min_cluster_fraction", "eta", "dampening"):
            check_share(name, getattr(self, name))
        if self.eta == 0:
            raise ParameterError("eta is 0, and no cluster would ever be merged; give a share above 0 and below 1")
        check_choice("update", self.update, UPDATES)
        check_choice("optimiser", self.optimiser, ("adam", "sgd"))
        check_choice("negatives", self.negatives, ("all", "nearest"))
        for name in ("one_sided", "train_again", "anchors_only"):
            check_flag(name, getattr(self, name))
