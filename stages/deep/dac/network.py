"""The network of deep adaptive clustering."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from stages.deep.image_networks import LabelEncoder, initialise_cropped, label_features


class AdaptiveEncoder(LabelEncoder):
    """The middle of images, uint8 (b, c, h, w), to label features, float32 (b, k), through two more layers.

    As in the released code, these start as the identity, and batch normalisation and ReLU follow on every layer.
    Its convolution of 1 x 1 pixels, before the pooling, is here the linear layer behind it.
    """

    kind: ClassVar[str] = "dac"

    def __init__(
        self, network: str, channels: int, n_clusters: int, crop: int, size: int, sobel: bool = False
    ) -> None:
        super().__init__(network, channels, n_clusters, crop, size, sobel)
        layers: list[nn.Module] = []
        for number in range(3):
            layers += [nn.Linear(n_clusters, n_clusters)] if number else []
            layers += [nn.BatchNorm1d(n_clusters), nn.ReLU()]
        self.head = nn.Sequential(*layers)

    def outputs(self, views: Tensor) -> Tensor:
        return label_features(self.head(self.output(self.features(views))))


def initialise_adaptive(network: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights as `initialise_cropped` does, but let the layers of the head be the identity."""
    initialise_cropped(network, generator)
    assert isinstance(network, AdaptiveEncoder)
    for layer in network.head:
        if isinstance(layer, nn.Linear):
            nn.init.eye_(layer.weight)
