"""The base of the estimators whose network is trained on views of images: parameters, fit, kill and resume."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from torch import Tensor, nn

from stages.clustering.kmeans import KMeans
from stages.core.checks import check_choice, check_flag, check_number
from stages.core.device import exact_convolutions
from stages.core.errors import ParameterError
from stages.deep.augmentation import Augmentation
from stages.deep.checkpoint import AnyRecord, history_state, load_weights, named, part
from stages.deep.clusters import nearest_centres, warn_of_sizes
from stages.deep.image_encoding import ImageClustering, embed_images
from stages.deep.image_networks import NETWORKS, CroppedEncoder, initialise_cropped
from stages.deep.networks import Network, first_network


class Training(Protocol):
    """A training that is run epoch by epoch, as `stages.deep.image_training.ImageTraining` is."""

    @property
    def finished(self) -> bool: ...
    @property
    def heads(self) -> Mapping[str, nn.Module]: ...  # layers by name that serve the training alone
    def epoch(self) -> Any: ...
    def state(self) -> dict[str, Tensor]: ...
    def load(self, state: Mapping[str, Tensor]) -> None: ...


@dataclass(frozen=True)
class Start:
    """What a training starts from.

    images : uint8 (n, c, h, w), on the device.
    augmentation : how views are made of them.
    first : generator on the CPU that drew the network's weights, for what else is drawn before the first epoch.
    order : generator on the CPU, for what must be the same on every device.
    chance : generator on the device of the images, for views.
    """

    images: Tensor
    augmentation: Augmentation
    first: torch.Generator
    order: torch.Generator
    chance: torch.Generator


@dataclass(eq=False, repr=False, kw_only=True)
class CroppedClustering(ImageClustering[AnyRecord]):
    """A network that is trained to cluster on views of images: random crops, turned, mirrored, of other colours.

    Parameters
    ----------
    network : the body, see `stages.deep.image_networks.NETWORKS`.
    epochs : passes over the images.
    crops : sides of the square crops in pixels, of which one is drawn for each view; the middle of the first
        size is what is clustered. None: five eighths of the shorter side.
    input_size : side that a crop is resized to. None: 32 for crops of at most 32 pixels, else 64.
    degrees : largest turn of a view, either way.
    flip, jitter : whether views are mirrored and their colours vary, see `stages.deep.augmentation`.
    sobel : whether the network sees the slopes of brightness instead of colours.

    Attributes
    ----------
    labels_ : the nearest of the `cluster_centers_`.
    embedding_ : rows of length 1, of width n_clusters.
    cluster_centers_ : the unit vectors, unless a method has others.
    encoder_ : a `stages.deep.image_networks.CroppedEncoder`, trained.
    """

    RECORD: ClassVar[type[Any]]  # of the history
    ENCODER: ClassVar[type[CroppedEncoder]]

    network: str = "resnet18"
    epochs: int = 400
    batch_size: int = 128
    crops: Sequence[int] | None = None
    input_size: int | None = None
    degrees: float = 0.0
    flip: bool = True
    jitter: bool = True
    sobel: bool = False

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number("epochs", self.epochs, 1, whole=True)
        check_number("degrees", self.degrees)
        if self.crops is not None and not isinstance(self.crops, list | tuple):
            raise ParameterError(f"crops is {self.crops!r}; give a list of whole numbers, or null")
        if self.input_size is not None:
            check_number("input_size", self.input_size, 16, whole=True)
        check_choice("network", self.network, tuple(NETWORKS))
        for name in ("flip", "jitter", "sobel"):
            check_flag(name, getattr(self, name))

    def fit(self, X: ArrayLike, y: None = None) -> Self:
        """Train on images `X` of one size: uint8 (n, h, w), or (n, c, h, w) with c 1 or 3.

        Raises `ParameterError` for a parameter, image or checkpoint that cannot be used. Warns (`UserWarning`)
        when a cluster ends empty or holds over half of the images.
        """
        images = self._prepared(X)
        augmentation = self._augmentation(images.shape[2:])
        seeds = [int(seed) for seed in check_random_state(self.random_state).randint(2**31 - 1, size=3)]
        first, order = (torch.Generator().manual_seed(seed) for seed in seeds[:2])
        chance = torch.Generator(self.device).manual_seed(seeds[2])
        self.encoder_ = self._drawn(lambda: self._encoder(augmentation), first)
        pixels = torch.from_numpy(images).to(self.device)
        training = self._training(Start(pixels, augmentation, first, order, chance))
        self._restore(training, len(images))
        while not training.finished:
            with exact_convolutions(self.device):
                self.history_.append(training.epoch())
            self._save(lambda: self._state_of(training))
            self._report(self.history_[-1])
        embedding = embed_images(self.encoder_.eval(), pixels)
        centres = self._centres(training, embedding).cpu()
        self.embedding_, self.cluster_centers_ = embedding.cpu().numpy(), centres.numpy()
        self.labels_ = nearest_centres(embedding, centres.to(self.device))
        warn_of_sizes(self.labels_, self.n_clusters, "ask for fewer clusters")
        return self

    def _encoder(self, augmentation: Augmentation, **options: Any) -> CroppedEncoder:
        """Build the network, whose weights are drawn later; `options` are arguments that only its class has."""
        channels, crop, size = self.image_shape_[0], augmentation.crops[0], augmentation.size
        return self.ENCODER(self.network, channels, self._output_width, crop, size, self.sobel, **options)

    @property
    def _output_width(self) -> int:
        """The width of the output layer."""
        return self.n_clusters

    @abstractmethod
    def _training(self, start: Start) -> Training:
        """Return the training of `encoder_`, before its first epoch."""

    def _centres(self, training: Any, embedding: Tensor) -> Tensor:
        """The centres of the clusters, float32 (k, width), after the training; `embedding` is (n, width)."""
        return torch.eye(self.n_clusters)

    def _drawn(self, make: Callable[[], Network], first: torch.Generator) -> Network:
        """The network that `make` builds, on the device, with its first weights."""
        return first_network(make, self._initialise, first, self.device)

    def _initialise(self, network: nn.Module, generator: torch.Generator) -> None:
        initialise_cropped(network, generator)

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

    def _state_of(self, training: Training) -> dict[str, Tensor]:
        """The state of the fit after an epoch."""
        state = {
            **history_state(self.history_, self.RECORD),
            **named(self.encoder_.state_dict(), "encoder"),
            **named(training.state(), "training"),
        }
        for name, head in training.heads.items():
            state |= named(head.state_dict(), name)
        return state

    def _restore(self, training: Training, n_images: int) -> None:
        """Go on from a checkpoint, if there is one."""
        saved = self._saved()
        if saved:
            load_weights(self.encoder_, part(saved, "encoder"))
            for name, head in training.heads.items():
                load_weights(head, part(saved, name))
            training.load(part(saved, "training"))
        self._restore_history(saved, self.RECORD, n_images)


@dataclass(eq=False, repr=False, kw_only=True)
class FeatureClustering(CroppedClustering[AnyRecord]):
    """A network whose training finds no clusters: K-means finds them in its embedding, in the end.

    Parameters
    ----------
    n_init : starts of K-means, of which the best is kept.

    Attributes
    ----------
    embedding_ : rows of length 1, of the width of the features that are clustered.
    cluster_centers_ : the means of the clusters.
    """

    n_init: int = 10

    def check_parameters(self) -> None:
        super().check_parameters()
        check_number("n_init", self.n_init, 1, whole=True)

    def _centres(self, training: Any, embedding: Tensor) -> Tensor:
        found = kmeans_of(embedding, self.n_clusters, self.n_init, training.order)
        return torch.from_numpy(found.cluster_centers_).float()


def kmeans_of(rows: Tensor, k: int, n_init: int, order: torch.Generator, max_iter: int = 300) -> KMeans:
    """Return K-means of rows, float32 (n, width), with fewer than `k` clusters where fewer rows differ.

    `order` draws its seed.
    """
    seed = int(torch.randint(2**31 - 1, (), generator=order))
    values = rows.cpu().numpy()
    k = min(k, len(np.unique(values, axis=0)))  # of a network that has come to see all alike
    return KMeans(k, n_init=n_init, max_iter=max_iter, random_state=seed).fit(values)
