"""IDEC over many views: an autoencoder whose embedding is pulled towards cluster centers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from stages.deep.checkpoint import Checkpoint
from stages.deep.dec.autoencoders import Network
from stages.deep.dec.base import EmbeddedClustering
from stages.deep.dec.first_clusters import Init
from stages.deep.dec.phases import Epoch

# Constructor arguments for the stacked autoencoder, by where they stand. "published": Guo, Gao, Liu and Yin, IJCAI
# 2017, section 4.2 with the values for MNIST, and eq. 1, 3 and 5, which sum; inputs have mean square 1 (DEC,
# section 4.3), and 20,000 batches of 256 are 73 passes over MNIST. "released": what their code does instead; it
# takes images in order and features as they are given, which for MNIST are pixels (0 to 255) divided by 50. Both
# papers pre-train layer by layer, with a fifth of the inputs dropped; here the whole network learns at once, with
# the same noise.
_SHARED: dict[str, Any] = {
    "network": (500, 500, 2000, 10),
    "init": "kmeans",
    "n_init": 20,
    "pretrain_noise": 0.2,
    "anchor_epochs": 0,
    "refine_epochs": 73,
    "update_interval": 140,
    "batch_size": 256,
    "optimiser": "adam",
    "learning_rate": 1e-3,
    "gamma": 0.1,
    "tolerance": 1e-3,
}
PRESETS: dict[str, dict[str, Any]] = {
    "published": {**_SHARED, "scaling": "global", "shuffle": True, "reduction": "sum"},
    "released": {**_SHARED, "scaling": "none", "shuffle": False, "reduction": "mean"},
}


class IDEC(EmbeddedClustering):
    """Improved deep embedded clustering of a list of views.

    Guo, Gao, Liu and Yin, IJCAI 2017, with the multi-view network of Guerin et al. (2021) as its autoencoder:
    pre-train by reconstruction; find the first clusters; then train on reconstruction + `gamma` * clustering
    loss. The papers' settings are in `stages.deep.dec.idec.PRESETS`: `IDEC(10, **PRESETS["released"])`.

    Parameters
    ----------
    n_clusters : number of clusters.
    network : "mvnet", a perceptron a view and one over their codes (Guerin et al. 2021); "mlp", one perceptron
        over all views side by side; or layer widths, a stack over all views: (500, 500, 2000, 10) in the papers.
    init : the clusters to start from: "kmeans" on the embedding (as published), an array of labels (n), or a
        function of (views, n_clusters, RandomState) to labels, given the scaled views, float32 (n, d_j).
        Centers start as the means of these clusters in the embedding.
    n_init : K-means starts of init="kmeans" (DEC and IDEC: 20).
    scaling : "sqrt", "l2", "global" or "none", see `stages.deep.view_encoding.scale`.
    width : units of every hidden layer, code and embedding of "mvnet" and "mlp" (Guerin et al.: 160).
    pretrain_epochs : passes over the images that learn to reconstruct, by Adam.
    pretrain_noise : share of the inputs, 0 to below 1, that it sets to zero, at random (DEC, section 4.3: 0.2).
    pretrain_learning_rate : its step size; None: `learning_rate`.
    anchor_epochs : passes that learn the first clusters; see `stages.deep.dec.phases.Clustering`.
    refine_epochs : passes, at most, whose target is the sharpened assignments.
    update_interval : batches after which the target is made anew, counted across passes; None: once a pass.
    batch_size : images in one gradient step (DEC and IDEC: 256).
    shuffle : whether the batches of every pass are drawn anew, or the images taken in order.
    optimiser : of the clustering, "adam" or "sgd".
    learning_rate : its step size.
    momentum : of "sgd".
    reduction : "mean": the losses are means over a batch, the reconstruction also over features and views (the
        released code); "sum": sums over all of these (the papers' equations), so that wide views outweigh the
        clustering loss.
    gamma : weight of the clustering loss; the reconstruction loss weighs 1 (IDEC: 0.1).
    tolerance : refinement stops when a smaller share of images changes its cluster between two updates of the
        target (DEC and IDEC: 0.001).
    precision : of the matrix products while training, "float32" or "bfloat16": weights, losses and moments stay
        float32, and so do the embedding and the labels at the end. Faster where the processor knows the type.
    device : torch device to compute on, e.g. "cpu" or "cuda".
    random_state : int, RandomState or None, as everywhere in scikit-learn.
    checkpoint : keeps the state after every epoch; with the one of a training that was killed, `fit` goes on from
        there, and on the same processor ends with the same bytes if `random_state` is an int. None: no state.
    progress : called with an `Epoch` after every epoch, and first with those that a checkpoint holds; or None.

    Attributes
    ----------
    labels_ : int32 (n), the clusters, 0..n_clusters-1.
    initial_labels_ : int32 (n), the clusters that training started from.
    embedding_ : float32 (n, width).
    cluster_centers_ : float32 (n_clusters, width).
    network_ : `stages.deep.dec.autoencoders.Autoencoder`, trained.
    n_iter_ : passes of refinement run.
    history_ : list of `Epoch`, of all phases in order.
    scale_factors_ : float32 (M), what scaling="global" multiplied the views by; 1 otherwise.
    n_features_in_ : list of the views' widths.
    """

    _reconstructs = True

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        network: Network = "mvnet",
        init: Init = "kmeans",
        n_init: int = 20,
        scaling: str = "sqrt",
        width: int = 160,
        pretrain_epochs: int = 50,
        pretrain_noise: float = 0.0,
        pretrain_learning_rate: float | None = None,
        anchor_epochs: int = 20,
        refine_epochs: int = 100,
        update_interval: int | None = None,
        batch_size: int = 256,
        shuffle: bool = True,
        optimiser: str = "adam",
        learning_rate: float = 1e-3,
        momentum: float = 0.9,
        reduction: str = "mean",
        gamma: float = 1.0,
        tolerance: float = 1e-3,
        precision: str = "float32",
        device: str | torch.device = "cpu",
        random_state: int | np.random.RandomState | None = None,
        checkpoint: Checkpoint | None = None,
        progress: Callable[[Epoch], None] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.network = network
        self.init = init
        self.n_init = n_init
        self.scaling = scaling
        self.width = width
        self.pretrain_epochs = pretrain_epochs
        self.pretrain_noise = pretrain_noise
        self.pretrain_learning_rate = pretrain_learning_rate
        self.anchor_epochs = anchor_epochs
        self.refine_epochs = refine_epochs
        self.update_interval = update_interval
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.optimiser = optimiser
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.reduction = reduction
        self.gamma = gamma
        self.tolerance = tolerance
        self.precision = precision
        self.device = device
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.progress = progress
