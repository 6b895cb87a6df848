"""Multi-modal deep clustering: a network that maps images onto the points of a Gaussian mixture."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils import check_random_state
from torch import Tensor, nn

from stages.core.checks import check_choice, check_flag, check_number, check_share
from stages.core.errors import ParameterError
from stages.deep.checkpoint import Checkpoint, load_weights, named, part, take
from stages.deep.clusters import nearest_centers, warn_of_sizes
from stages.deep.image_encoding import EncodesImages, embed_images, first_network
from stages.deep.mmdc.augmentation import Augmentation
from stages.deep.mmdc.network import NETWORKS, MixtureEncoder, initialise_mixture
from stages.deep.mmdc.training import MEANS, PHASES, MixtureEpoch, MixtureTraining, Plan, draw_targets
from stages.deep.precision import PRECISIONS, exact_convolutions

# The settings of the paper's image sets. For MNIST only, a small network, turns instead of the rotation task, and
# crops of three sizes.
_PHOTOS: dict[str, Any] = {
    "network": "resnet18",
    "epochs": 400,
    "refine_epoch": 350,
    "learning_rate": 0.05,
    "decay": 0.2,
    "decay_epoch": 300,
    "weight_decay": 5e-4,
    "degrees": 0.0,
    "flip": True,
    "jitter": True,
    "rotation_task": True,
}
PRESETS: dict[str, dict[str, Any]] = {
    "mnist": {
        "network": "vgg",
        "epochs": 50,
        "refine_epoch": 20,
        "learning_rate": 0.05,
        "decay": 0.1,
        "decay_epoch": 40,
        "weight_decay": 5e-4,
        "crops": (24, 20, 16),
        "input_size": 32,
        "degrees": 25.0,
        "flip": False,
        "jitter": False,
        "rotation_task": False,
    },
    "cifar10": {**_PHOTOS, "crops": (20,), "input_size": 32},
    "cifar100": {**_PHOTOS, "crops": (20,), "input_size": 32, "weight_decay": 1e-4},
    "stl10": {**_PHOTOS, "crops": (64,), "input_size": 64},
    "imagenet10": {**_PHOTOS, "crops": (64,), "input_size": 64},
    "tiny_imagenet": {**_PHOTOS, "crops": (40,), "input_size": 64, "weight_decay": 1e-4},
}


class MMDC(EncodesImages, ClusterMixin, BaseEstimator):
    """Multi-modal deep clustering of images.

    Shiran and Weinshall, "Multi-modal deep clustering: unsupervised partitioning of images" (arXiv 1912.02678),
    and their code. Every image has a target, a point of a mixture of `n_clusters` Gaussians. In each batch the
    targets are permuted among its images so that they are nearest to what the network makes of these; then a
    step of gradient descent brings an augmented view of each image nearer to its target. Between such passes
    the same network learns to tell four rotations of an image apart. In the end the targets follow clusters
    that K-means finds. Defaults are the paper's for CIFAR-10; `PRESETS` has those of its other image sets.

    Parameters
    ----------
    n_clusters : number of clusters, and of the components of the mixture.
    network : "resnet18", or "vgg", four small blocks for digits; see `stages.deep.mmdc.network`.
    epochs : passes over the images.
    refine_epoch : first pass, from 0, whose targets are clusters of K-means; none, if `epochs` is no more.
    learning_rate, decay, decay_epoch : step size, and what it is multiplied by from that pass on, if there is one.
    momentum, weight_decay : of gradient descent; scales and shifts have no decay.
    batch_size : images in a step.
    crops : sides of the square crops in pixels, of which one is drawn for each view; the middle of the first
        size is what is clustered. None: five eighths of the shorter side, as for most sets of the paper.
    input_size : side that a crop is resized to. None: 32 for crops of at most 32 pixels, else 64.
    degrees : largest turn of a view, either way.
    flip, jitter : whether views are mirrored and their colours vary, see `stages.deep.mmdc.augmentation`.
    rotation_task : whether rotations are learnt, too.
    means, sigma : of the mixture, see `stages.deep.mmdc.training.draw_targets`; in the paper's runs every target
        is one of the unit vectors.
    precision : of the network's products, "float32" or "bfloat16"; losses and weights stay float32.
    device : torch device to compute on, e.g. "cpu" or "cuda".
    random_state : int, RandomState or None, as everywhere in scikit-learn.
    checkpoint : keeps the state, so that a killed fit goes on where it was, see `stages.deep.checkpoint`.
    progress : called with a `MixtureEpoch` after every epoch, or None.

    Attributes
    ----------
    labels_ : int32 (n), the clusters, 0..n_clusters-1: the nearest means of the mixture.
    embedding_ : float32 (n, n_clusters), rows of length 1.
    cluster_centers_ : float32 (n_clusters, n_clusters), the means of the mixture.
    encoder_ : `stages.deep.mmdc.network.MixtureEncoder`, trained.
    image_shape_ : (c, h, w).
    history_ : list of `MixtureEpoch`.
    """

    encoder_: MixtureEncoder

    def __init__(
        self,
        n_clusters: int = 10,
        *,
        network: str = "resnet18",
        epochs: int = 400,
        refine_epoch: int = 350,
        learning_rate: float = 0.05,
        decay: float = 0.2,
        decay_epoch: int = 300,
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        batch_size: int = 128,
        crops: Sequence[int] | None = None,
        input_size: int | None = None,
        degrees: float = 0.0,
        flip: bool = True,
        jitter: bool = True,
        rotation_task: bool = True,
        means: str = "one_hot",
        sigma: float = 0.0,
        precision: str = "float32",
        device: str | torch.device = "cpu",
        random_state: int | np.random.RandomState | None = None,
        checkpoint: Checkpoint | None = None,
        progress: Callable[[MixtureEpoch], None] | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.network = network
        self.epochs = epochs
        self.refine_epoch = refine_epoch
        self.learning_rate = learning_rate
        self.decay = decay
        self.decay_epoch = decay_epoch
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.crops = crops
        self.input_size = input_size
        self.degrees = degrees
        self.flip = flip
        self.jitter = jitter
        self.rotation_task = rotation_task
        self.means = means
        self.sigma = sigma
        self.precision = precision
        self.device = device
        self.random_state = random_state
        self.checkpoint = checkpoint
        self.progress = progress

    def fit(self, X: Any, y: None = None) -> "MMDC":
        """Train on images `X` of one size: uint8 (n, h, w), or (n, c, h, w) with c 1 or 3.

        Raises `ParameterError` for a parameter, image or checkpoint that cannot be used. Warns (`UserWarning`)
        when a cluster ends empty or holds over half of the images.
        """
        self._check_parameters()
        images = self._images(X)
        augmentation = self._augmentation(images.shape[2:])
        seeds = [int(seed) for seed in check_random_state(self.random_state).randint(2**31 - 1, size=3)]
        first = torch.Generator().manual_seed(seeds[0])
        self.encoder_ = self._built(augmentation, first)
        turns = self._rotation_head(first) if self.rotation_task else None
        drawn = draw_targets(len(images), self.n_clusters, self.means, self.sigma, first)
        pixels = torch.from_numpy(images).to(self.device)
        fields = {name: getattr(self, name) for name in Plan.__dataclass_fields__}
        training = MixtureTraining(
            self.encoder_,
            turns,
            pixels,
            type(drawn)(*(tensor.to(self.device) for tensor in drawn)),
            augmentation,
            Plan(**fields),
            torch.Generator().manual_seed(seeds[1]),
            torch.Generator(self.device).manual_seed(seeds[2]),
        )
        self._restore(training)
        while not training.finished:
            with exact_convolutions(self.device):
                self.history_.append(training.epoch())
            if self.checkpoint is not None:
                self.checkpoint.save(lambda: self._state(training))
            if self.progress is not None:
                self.progress(self.history_[-1])
        embedding = embed_images(self.encoder_.eval(), pixels)
        self.embedding_ = embedding.cpu().numpy()
        self.cluster_centers_ = drawn.means.numpy()
        self.labels_ = nearest_centers(embedding, training.targets.means)
        warn_of_sizes(self.labels_, self.n_clusters, "ask for fewer clusters")
        return self

    def _check_parameters(self) -> None:
        for name in ("n_clusters", "epochs", "batch_size"):
            check_number(name, getattr(self, name), 1, whole=True)
        for name in ("refine_epoch", "decay_epoch"):
            check_number(name, getattr(self, name), whole=True)
        for name in ("learning_rate", "decay", "weight_decay", "degrees", "sigma"):
            check_number(name, getattr(self, name))
        check_share("momentum", self.momentum)
        if self.crops is not None and not isinstance(self.crops, list | tuple):
            raise ParameterError(f"crops is {self.crops!r}; give a list of whole numbers, or null")
        if self.input_size is not None:
            check_number("input_size", self.input_size, 16, whole=True)
        for name, choices in (("network", NETWORKS), ("means", MEANS), ("precision", PRECISIONS)):
            check_choice(name, getattr(self, name), choices)
        for name in ("flip", "jitter", "rotation_task"):
            check_flag(name, getattr(self, name))

    def _augmentation(self, sides: tuple[int, ...]) -> Augmentation:
        """How views of images of these sides, (h, w), are made."""
        shorter = min(sides)
        crops = (max(round(5 / 8 * shorter), 1),) if self.crops is None else tuple(self.crops)
        if not crops:
            raise ParameterError("crops is empty; give at least one size, or null for a choice by image size")
        for crop in crops:
            check_number("crops", crop, 1, whole=True)
            if crop > shorter:
                raise ParameterError(
                    f"crops holds {crop} but images are {sides[0]} x {sides[1]} pixels; give at most {shorter}"
                )
        size = (32 if max(crops) <= 32 else 64) if self.input_size is None else self.input_size
        return Augmentation(crops, size, float(self.degrees), self.flip, self.jitter)

    def _built(self, augmentation: Augmentation, generator: torch.Generator) -> MixtureEncoder:
        channels, crop, size = self.image_shape_[0], augmentation.crops[0], augmentation.size
        return first_network(
            lambda: MixtureEncoder(self.network, channels, self.n_clusters, crop, size),
            lambda network: initialise_mixture(network, generator),
            self.device,
        )

    def _rotation_head(self, generator: torch.Generator) -> nn.Linear:
        return first_network(
            lambda: nn.Linear(self.encoder_.output.in_features, 4),
            lambda head: initialise_mixture(head, generator),
            self.device,
        )

    def _state(self, training: MixtureTraining) -> dict[str, Tensor]:
        """The state of the fit after an epoch."""
        rows = [[PHASES.index(e.phase), e.loss, e.rotation, e.changed] for e in self.history_]
        head = {} if training.turns is None else named(training.turns.state_dict(), "turns")
        return {
            "history": torch.tensor(rows, dtype=torch.float64),
            "history_labels": torch.from_numpy(np.stack([e.labels for e in self.history_])),
            **named(self.encoder_.state_dict(), "encoder"),
            **head,
            **named(training.state(), "training"),
        }

    def _restore(self, training: MixtureTraining) -> None:
        """Go on from a checkpoint, if there is one, and tell `progress` of the epochs that are over."""
        self.history_: list[MixtureEpoch] = []
        saved: Mapping[str, Tensor] = (self.checkpoint.load() if self.checkpoint is not None else None) or {}
        if not saved:
            return
        load_weights(self.encoder_, part(saved, "encoder"))
        if training.turns is not None:
            load_weights(training.turns, part(saved, "turns"))
        training.load(part(saved, "training"))
        count = len(saved.get("history", torch.empty(0)))
        rows = take(saved, "history", torch.empty((count, 4), dtype=torch.float64)).tolist()
        shape = (count, len(training.images))
        labels = take(saved, "history_labels", torch.empty(shape, dtype=torch.int32)).numpy()
        for (phase, loss, rotation, changed), own in zip(rows, labels, strict=True):
            self.history_.append(MixtureEpoch(PHASES[int(phase)], loss, rotation, changed, own))
            if self.progress is not None:
                self.progress(self.history_[-1])
