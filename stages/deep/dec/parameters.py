"""The parameters of DEC and IDEC, their checks, and the record of an epoch."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from stages.core.checks import check_choice, check_number, check_share
from stages.deep.dec.autoencoders import Network, check_network
from stages.deep.dec.first_clusters import Init
from stages.deep.view_encoding import ViewClustering


@dataclass(frozen=True)
class Epoch:
    """One pass over the images.

    Attributes: `phase` "layer", "pretrain", "anchor" or "refine"; `reconstruction` and `clustering`, the losses,
    means over the images (NaN where the phase has none); `changed`, the share of images (0 to 1) whose cluster is
    another than when it was last looked at (NaN if it was not, in this pass); `labels` int32 (n), the clusters as
    they were then (None likewise).
    """

    PHASES: ClassVar[tuple[str, ...]] = ("layer", "pretrain", "anchor", "refine")

    phase: str
    reconstruction: float
    clustering: float
    changed: float
    labels: np.ndarray | None = field(default=None, compare=False, repr=False)


@dataclass(eq=False, repr=False, kw_only=True)
class EmbeddedParameters(ViewClustering[Epoch]):
    """The parameters that DEC and IDEC have; values of their papers are in brackets.

    Parameters
    ----------
    network : "mvnet", a perceptron a view and one over their codes (Guerin et al. 2021); "mlp", one perceptron
        over all views side by side; or layer widths, a stack over all views: (500, 500, 2000, 10) in the papers.
    init : the clusters to start from: "kmeans" on the embedding (as published), an array of labels (n), or a
        function of (views, n_clusters, RandomState) to labels, given the scaled views, float32 (n, d_j).
        Centres start as the means of these clusters in the embedding.
    n_init : K-means starts of init="kmeans" (20).
    width : units of every hidden layer, code and embedding of "mvnet" and "mlp" (Guerin et al.: 160).
    layer_epochs : passes over the images that first teach each layer by itself, with its mirror image, to
        reconstruct its input, by Adam; see `stages.deep.dec.pretraining.LayerPretraining` (50,000 steps, which are
        183 passes over MNIST). 0: none.
    layer_noise : share of a layer's inputs and outputs, 0 to below 1, that these set to zero, at random (0.2).
    pretrain_epochs : passes over the images that teach all layers at once to reconstruct them, by Adam (100,000
        steps, which are 366 passes over MNIST).
    pretrain_noise : share of the inputs, 0 to below 1, that they set to zero, at random (0).
    pretrain_learning_rate : size of its steps; None: `learning_rate`.
    anchor_epochs : passes that learn the first clusters; see `stages.deep.dec.phases.Clustering`.
    refine_epochs : passes, at most, whose target is the sharpened assignments.
    update_interval : batches after which the target is computed again, counted across passes; None: once a pass.
    shuffle : whether the batches of every pass are drawn again, or the images taken in order.
    optimiser : of the clustering, "adam" or "sgd".
    batch_size, learning_rate : images in a step (256); size of the steps of the clustering (DEC 0.01, IDEC 0.001).
    momentum : of "sgd".
    reduction : "mean": the losses are means over a batch, the reconstruction also over features and views (the
        released code); "sum": sums over all of these (the papers' equations), so that wide views outweigh the
        clustering loss.
    tolerance : refinement stops when a smaller share of images changes its cluster between two updates of the
        target (0.001).

    Attributes
    ----------
    initial_labels_ : int32 (n), the clusters that training started from.
    network_ : `stages.deep.dec.autoencoders.Autoencoder`, trained.
    n_iter_ : passes of refinement run.
    history_ : list of `Epoch`, of all phases in order.
    """

    network: Network = "mvnet"
    init: Init = "kmeans"
    n_init: int = 20
    width: int = 160
    layer_epochs: int = 0
    layer_noise: float = 0.2
    pretrain_epochs: int = 50
    pretrain_noise: float = 0.0
    pretrain_learning_rate: float | None = None
    anchor_epochs: int = 20
    refine_epochs: int = 100
    update_interval: int | None = None
    shuffle: bool = True
    optimiser: str = "adam"
    momentum: float = 0.9
    reduction: str = "mean"
    tolerance: float = 1e-3

    def check_parameters(self) -> None:
        super().check_parameters()
        for name in ("width", "n_init"):
            check_number(name, getattr(self, name), 1, whole=True)
        for name in ("layer_epochs", "pretrain_epochs", "anchor_epochs", "refine_epochs"):
            check_number(name, getattr(self, name), whole=True)
        if self.update_interval is not None:
            check_number("update_interval", self.update_interval, 1, whole=True)
        if self.pretrain_learning_rate is not None:
            check_number("pretrain_learning_rate", self.pretrain_learning_rate)
        for name in ("momentum", "tolerance"):
            check_number(name, getattr(self, name))
        check_share("layer_noise", self.layer_noise)
        check_share("pretrain_noise", self.pretrain_noise)
        check_choice("optimiser", self.optimiser, ("adam", "sgd"))
        check_choice("reduction", self.reduction, ("mean", "sum"))
        check_network(self.network)
