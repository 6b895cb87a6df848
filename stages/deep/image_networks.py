"""Networks that cluster the middle of images: a body of convolutions, and a linear layer over it."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from stages.deep.augmentation import greys, middle_view
from stages.deep.image_encoding import ImageEncoder
from stages.deep.networks import draw_weights


class CroppedEncoder(ImageEncoder):
    """The middle of images, uint8 (b, c, h, w), to rows of length 1, float32 (b, k).

    `network` is one of `NETWORKS`; the middle `crop` x `crop` pixels are resized to `size` x `size`. Training
    calls `features` and `outputs` with views of its own. With `sobel`, the body sees the slopes of brightness
    across and down instead of the colours.
    """

    def __init__(
        self, network: str, channels: int, n_clusters: int, crop: int, size: int, sobel: bool = False
    ) -> None:
        super().__init__()
        self.network, self.channels, self.crop, self.size, self.sobel = network, channels, crop, size, sobel
        self.body, width = NETWORKS[network](2 if sobel else channels, size)
        self.output = nn.Linear(width, n_clusters)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "channels": self.channels,
            "n_clusters": self.output.out_features,
            "crop": self.crop,
            "size": self.size,
            "sobel": self.sobel,
        }

    def sides(self, image: Sequence[int]) -> tuple[int, int]:
        return self.size, self.size

    def features(self, views: Tensor) -> Tensor:
        """Return the features (b, width) of views, float (b, c, size, size) in [0, 1]."""
        seen = sobel_slopes(views) if self.sobel else views
        found: Tensor = self.body(seen.contiguous(memory_format=torch.channels_last))
        return found

    def middle(self, images: Tensor) -> Tensor:
        """Return the view of images, uint8 (b, c, h, w), that is embedded: float32 (b, c, size, size)."""
        return middle_view(images, self.crop, self.size)

    @abstractmethod
    def outputs(self, views: Tensor) -> Tensor:
        """Return the embedding of such views, float32 (b, k), rows of length 1."""

    def forward(self, images: Tensor) -> Tensor:
        """Return the embedding of the middle of images, uint8 (b, c, h, w): float32 (b, k)."""
        return self.outputs(self.middle(images))


class LabelEncoder(CroppedEncoder):
    """The middle of images, uint8 (b, c, h, w), to label features, float32 (b, k): not negative, of length 1.

    They are the probabilities of the clusters, by softmax, divided by their length (Chang et al., "Deep adaptive
    image clustering", ICCV 2017, eq. 7). The nearest of the unit vectors is the most probable cluster.
    """

    kind: ClassVar[str] = "labels"

    def outputs(self, views: Tensor) -> Tensor:
        return label_features(self.output(self.features(views)))


class FeatureEncoder(CroppedEncoder):
    """The middle of images, uint8 (b, c, h, w), to features, float32 (b, width), rows of length 1.

    Its output layer serves the training alone.
    """

    kind: ClassVar[str] = "features"

    def outputs(self, views: Tensor) -> Tensor:
        return nn.functional.normalize(self.features(views).float())


def label_features(logits: Tensor) -> Tensor:
    """Return the label features, float32 (b, k), of logits (b, k): their softmax divided by its length."""
    return nn.functional.normalize(logits.float().softmax(dim=-1), dim=-1)


def sobel_slopes(views: Tensor) -> Tensor:
    """Return the slopes of the greys of views (b, c, h, w), across and down, by Sobel's filters: (b, 2, h, w).

    The filters are not scaled; beyond its edges a view is black.
    """
    across = torch.tensor([[1.0, 0.0, -1.0], [2.0, 0.0, -2.0], [1.0, 0.0, -1.0]], device=views.device)
    filters = torch.stack([across, across.T])[:, None].to(views.dtype)
    return nn.functional.conv2d(greys(views)[:, :1], filters, padding=1)


def initialise_cropped(network: nn.Module, generator: torch.Generator) -> None:
    """Draw convolutions by He's normal rule over the inputs, linear weights from N(0, .01); biases are 0."""

    def rule(layer: nn.Conv2d | nn.Linear) -> None:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
        else:
            nn.init.normal_(layer.weight, std=0.01, generator=generator)

    draw_weights(network, rule)


def _vgg(channels: int, size: int) -> tuple[nn.Module, int]:
    """Four blocks of 3 x 3 filters that halve the sides; the last map is brought to 2 x 2, that of 32 pixels."""
    layers: list[nn.Module] = []
    for width in (32, 64, 128, 256):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten()), 4 * channels


def _vgg5x5(channels: int, size: int) -> tuple[nn.Module, int]:
    """Four blocks of 5 x 5 filters, the first three of which halve the sides: IIC's network for digits."""
    layers: list[nn.Module] = []
    for width in (64, 128, 256, 512):
        layers += [nn.Conv2d(channels, width, 5, padding=2, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [nn.MaxPool2d(2)] if width < 512 else []
        channels = width
    return nn.Sequential(*layers, nn.Flatten()), channels * (size // 8) ** 2


def _allconv(channels: int, size: int) -> tuple[nn.Module, int]:
    """Twice three layers of 3 x 3 filters and pooling, and the mean of each map: DAC's network for digits."""
    layers: list[nn.Module] = []
    for width in (64, 128):
        for _ in range(3):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        layers += [nn.MaxPool2d(2), nn.BatchNorm2d(width)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), channels


def _resnet(name: str, channels: int, size: int) -> tuple[nn.Module, int]:
    """A ResNet whose first layers keep small images large: 3 x 3 filters without a stride, pooling by 2."""
    from torchvision import models

    network = getattr(models, name)()
    width = network.fc.in_features
    network.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
    network.maxpool = nn.MaxPool2d(2, stride=2, padding=1)
    network.fc = nn.Identity()
    return network, width


# By name: the body for so many channels and a side of the views in pixels, and the width of its features.
NETWORKS: Mapping[str, Callable[[int, int], tuple[nn.Module, int]]] = {
    "vgg": _vgg,
    "resnet18": partial(_resnet, "resnet18"),
    "resnet34": partial(_resnet, "resnet34"),
    "vgg5x5": _vgg5x5,
    "allconv": _allconv,
}
