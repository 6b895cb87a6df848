"""DEC over many views: a pre-trained encoder that is pulled towards cluster centers, and nothing else."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from stages.deep.checkpoint import Checkpoint
from stages.deep.dec.autoencoders import Network
from stages.deep.dec.base import EmbeddedClustering
from stages.deep.dec.first_clusters import Init
from stages.deep.dec.phases import Epoch

# Constructor arguments for the stacked autoencoder, by where they stand. "published": Xie, Girshick and Farhadi,
# ICML 2016, section 4.3, and eq. 2, which sums; the momentum is that of the port in IDEC's released code, the
# paper names none. "released": that port; it takes images in order, means over a batch, and features as they are
# given, which for MNIST are pixels (0 to 255) divided by 50. The paper does not say how often its target is made
# anew; 140 batches are the port's for MNIST, as are 20,000 batches in all. Both pre-train layer by layer, with a
# fifth of the inputs dropped; here the whole network learns at once, with the same noise.
_SHARED: dict[str, Any] = {
    "network": (500, 500, 2000, 10),
    "init": "kmeans",
    "n_init": 20,
    "pretrain_noise": 0.2,
    "anchor_epochs": 0,
    "refine_epochs": 73,
    "update_interval": 140,
    "batch_size": 256,
    "optimiser": "sgd",
    "learning_rate": 0.01,
    "momentum": 0.9,
    "tolerance": 1e-3,
}
PRESETS: dict[str, dict[str, Any]] = {
    "published": {**_SHARED, "scaling": "global", "shuffle": True, "reduction": "sum"},
    "released": {**_SHARED, "scaling": "none", "shuffle": False, "reduction": "mean"},
}


class DEC(EmbeddedClustering):
    """Deep embedded clustering of a list of views.

    Xie, Girshick and Farhadi, "Unsupervised deep embedding for clustering analysis", ICML 2016: pre-train an
    autoencoder; drop its decoder; find the first clusters by K-means; then train encoder and centers on the
    clustering loss alone. The paper's settings are in `PRESETS` of this module: `DEC(10, **PRESETS["released"])`.

    Parameters and attributes are those of `stages.deep.IDEC`, but for `gamma`: there is no reconstruction to weigh
    against. The decoder of `network_` is that of the pre-training.
    """

    _reconstructs = False

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
        pretrain_learning_rate: float | None = 1e-3,
        anchor_epochs: int = 0,
        refine_epochs: int = 100,
        update_interval: int | None = None,
        batch_size: int = 256,
        shuffle: bool = True,
        optimiser: str = "sgd",
        learning_rate: float = 0.01,
        momentum: float = 0.9,
        reduction: str = "mean",
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
        self.tolerance = tolerance
        self.precision = precision
        self.device = device
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.progress = progress
