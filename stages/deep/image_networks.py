"""Networks that cluster the middle of images: a body of convolutions, and a linear layer over it."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from stages.deep.augmentation import middle_view
from stages.deep.image_encoding import ImageEncoder
from stages.deep.networks import draw_weights


class CroppedEncoder(ImageEncoder):
    """The middle of images, uint8 (b, c, h, w), to rows of length 1, float32 (b, k).

    `network` is one of `NETWORKS`; the middle `crop` x `crop` pixels are resized to `size` x `size`. Training
    calls `features` and `outputs` with views of its own.
    """

    def __init__(self, network: str, channels: int, n_clusters: int, crop: int, size: int) -> None:
        super().__init__()
        self.network, self.channels, self.crop, self.size = network, channels, crop, size
        self.body, width = NETWORKS[network](channels)
        self.output = nn.Linear(width, n_clusters)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "channels": self.channels,
            "n_clusters": self.output.out_features,
            "crop": self.crop,
            "size": self.size,
        }

    def sides(self, image: Sequence[int]) -> tuple[int, int]:
        return self.size, self.size

    def features(self, views: Tensor) -> Tensor:
        """Return the features (b, width) of views, float (b, c, size, size) in [0, 1]."""
        found: Tensor = self.body(views.contiguous(memory_format=torch.channels_last))
        return found

    @abstractmethod
    def outputs(self, views: Tensor) -> Tensor:
        """Return the embedding of such views, float32 (b, k), rows of length 1."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the embedding of the middle of images, uint8 (b, c, h, w): float32 (b, k)."""
        return self.outputs(middle_view(images, self.crop, self.size))


def initialise_cropped(network: nn.Module, generator: torch.Generator) -> None:
    """Draw convolutions by He's normal rule over the inputs, linear weights from N(0, .01); biases are 0."""

    def rule(layer: nn.Conv2d | nn.Linear) -> None:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        else:
            nn.init.normal_(layer.weight, std=0.01, generator=generator)

    draw_weights(network, rule)


def _vgg(channels: int) -> tuple[nn.Module, int]:
    """Four blocks of 3 x 3 filters that halve the sides; the last map is brought to 2 x 2, that of 32 pixels."""
    layers: list[nn.Module] = []
    for width in (32, 64, 128, 256):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten()), 4 * channels


def _resnet18(channels: int) -> tuple[nn.Module, int]:
    """ResNet-18 whose first layers keep small images large: 3 x 3 filters without a stride, pooling by 2."""
    from torchvision.models import resnet18

    network = resnet18()
    width = network.fc.in_features
    network.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    network.maxpool = nn.MaxPool2d(2, stride=2, padding=1)
    network.fc = nn.Identity()
    return network, width


# By name: of so many channels, the body and the width of its features.
NETWORKS: Mapping[str, Callable[[int], tuple[nn.Module, int]]] = {"vgg": _vgg, "resnet18": _resnet18}
