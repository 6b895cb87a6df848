"""JULE on images: a convolutional network trained on the clusters that merge in its embedding."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import check_random_state
from torch import Tensor, nn

from stages.clustering import normalise
from stages.core.checks import check_choice, check_flag
from stages.core.device import exact_convolutions
from stages.deep.estimator import Presets, read_presets
from stages.deep.image_encoding import ImageClustering, embed_images
from stages.deep.jule.convolutions import AUTO, NETWORKS, ConvEncoder, choose_blocks, initialise_convolutions
from stages.deep.jule.parameters import Period
from stages.deep.jule.periods import RecurrentClustering, Trainee
from stages.deep.networks import first_network

_ROWS = 4096  # normalised at once


class ImageTrainee(Trainee):
    """A convolutional network and the images it is trained on.

    `images` are uint8 (n, c, h, w) on the device of `module`. With `batch_statistics`, batch normalisation takes
    its statistics from the batch at hand when features are asked for, too, until the clusters are merged.
    """

    def __init__(self, module: ConvEncoder, images: Tensor, batch_statistics: bool = False) -> None:
        self.module: ConvEncoder = module
        self.images, self.inputs = images, [images]
        self.batch_statistics = batch_statistics

    def rows(self, images: Tensor) -> Tensor:
        embedding: Tensor = self.module.train(len(images) > 1)(self.images[images])  # one image has no statistics
        return embedding

    def features(self, batch_size: int, steps: int, merged: bool = False) -> np.ndarray:
        """Return the embedding, float32 (n, w); of a network that was never trained, the pixels instead.

        Both are rows of length 1. An untrained network says nothing about the images: as published, the first
        clusters, and the negatives of the first period, come from the pixels. The statistics of batch
        normalisation are measured again: the running ones lag behind the weights, in small sets for long.
        """
        if steps == 0:
            return unit_pixels(self.images.cpu().numpy())
        by_batches = in_training_mode(self.module, self.images, batch_size)
        if self.batch_statistics and not merged:
            return by_batches.cpu().numpy()
        return embed_images(self.module.eval(), self.images).cpu().numpy()


@dataclass(eq=False, repr=False, kw_only=True)
class ImageJULE(RecurrentClustering, ImageClustering[Period]):
    """Joint unsupervised learning of a representation and of clusters, from images.

    Yang, Parikh and Batra, CVPR 2016. The first clusters are images linked by nearest neighbours in their pixels;
    each period trains the network on the clusters there are and merges some of them on the graph of what it makes
    of the images; in the end the images are clustered again from the start. The defaults are the paper's;
    `PRESETS` has the settings of its released code, too; the pipeline has others that measure better than both.

    Parameters and attributes are also those of `stages.deep.jule.parameters.RecurrentParameters` and
    `stages.deep.estimator.NetworkClustering`.

    Parameters
    ----------
    network : the blocks of convolutions, by the paper's image sets (`stages.deep.jule.convolutions.NETWORKS`), or
        "auto": chosen by the size of the images.
    batch_statistics : whether batch normalisation takes the statistics of each batch, instead of those of all
        images, for the graphs of the periods, as in the released code.

    Attributes
    ----------
    encoder_ : `stages.deep.jule.convolutions.ConvEncoder`, trained.
    image_shape_ : (c, h, w).
    """

    PRESETS: ClassVar[Presets] = read_presets(__file__, "on_images")

    network: str = AUTO
    batch_statistics: bool = False
    n_neighbors: int = 20
    update: str = "weighted"
    min_cluster_fraction: float = 0.0
    eta: float = 0.9
    steps: int = 100
    epochs: int | None = 20
    reruns: int = 1
    train_again: bool = False
    batch_size: int = 100
    optimiser: str = "sgd"
    learning_rate: float = 0.01
    gamma: float = 2.0

    def check_parameters(self) -> None:
        super().check_parameters()
        check_flag("batch_statistics", self.batch_statistics)
        check_choice("network", self.network, (AUTO, *NETWORKS))

    def fit(self, X: ArrayLike, y: None = None) -> "ImageJULE":
        """Train on images `X` of one size: uint8 (n, h, w), or (n, c, h, w) with c 1 or 3.

        Raises `ParameterError` for a parameter, image or checkpoint that cannot be used. Warns (`UserWarning`)
        when one cluster holds over half of the images.
        """
        images = self._prepared(X)
        weights, order = check_random_state(self.random_state).randint(2**31 - 1, size=2)
        self.encoder_: ConvEncoder = self._built(int(weights))
        saved = self._restored(len(images))
        pixels = torch.from_numpy(images).to(self.device)
        with exact_convolutions(self.device):
            self._run(ImageTrainee(self.encoder_, pixels, self.batch_statistics), int(order), 0, saved)
            self._conclude_with(embed_images(self.encoder_.eval(), pixels))
        return self

    def _built(self, seed: int) -> ConvEncoder:
        blocks = choose_blocks(self.network, self.image_shape_)
        return first_network(
            lambda: ConvEncoder(self.image_shape_, blocks.pooled, blocks.padding, self.width),
            initialise_convolutions,
            torch.Generator().manual_seed(seed),
            self.device,
        )


def in_training_mode(network: nn.Module, images: Tensor, batch_size: int) -> Tensor:
    """Return the embedding of images (n, c, h, w) in training mode: float32 (n, width).

    Batch normalisation takes its statistics from batches of equal size, give or take one image, with at most
    `batch_size` images but at least two; their means become those of the evaluation mode. With k batches, each has
    every k-th image: where images are in order of their classes, it still has some of each.
    """
    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over batches
    with torch.no_grad():
        count = max(min(-(-len(images) // batch_size), len(images) // 2), 1)
        found = [network.train(len(images) > 1)(images[start::count]) for start in range(count)]
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    rows = torch.empty((len(images), *found[0].shape[1:]), dtype=found[0].dtype, device=images.device)
    for start, part in enumerate(found):
        rows[start::count] = part
    return rows


def unit_pixels(images: np.ndarray) -> np.ndarray:
    """Return the pixels of uint8 (n, c, h, w) as rows of length 1, float32 (n, c h w); a black image stays 0."""
    rows = images.reshape(len(images), -1)
    unit = np.empty(rows.shape, dtype=np.float32)
    for start in range(0, len(rows), _ROWS):  # copies of a few only
        part = slice(start, start + _ROWS)
        unit[part] = normalise(rows[part].astype(np.float32), "l2")
    return unit
