"""Networks on images, and what a trained one does with new images: embed, find the nearest cluster center."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from stages.deep.clusters import nearest_centers
from stages.deep.distributed import Group
from stages.deep.images import check_images
from stages.errors import ParameterError

_IMAGES, _PIXELS = 512, 1 << 21  # that are embedded at once, at most: 50 maps of so many pixels are 400 MiB


class ImageEncoder(nn.Module, ABC):
    """A network from images, uint8 (b, c, h, w), to rows of length 1, float32 (b, width).

    It scales, crops and resizes on its own device, so that images stay bytes until they are seen. `facts` are the
    arguments, JSON values, that its class makes the same network from; files of models hold them.
    """

    kind: ClassVar[str]

    @property
    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""


def embed_images(encoder: nn.Module, images: Tensor) -> Tensor:
    """Return what the encoder makes of images, uint8 (n, c, h, w) on its device: float32 (n, width)."""
    with torch.no_grad():
        return torch.cat([encoder(part).float() for part in images.split(at_once(images.shape[2:]))])


def at_once(sides: Sequence[int]) -> int:
    """Return how many images of these `sides`, (h, w), go through a network at once when nothing is learnt."""
    return min(max(_PIXELS // (sides[0] * sides[1]), 1), _IMAGES)


class EncodesImages:
    """Half of an estimator: what its `encoder_` and `cluster_centers_` make of images."""

    device: str | torch.device
    encoder_: ImageEncoder
    cluster_centers_: np.ndarray
    image_shape_: tuple[int, int, int]

    def transform(self, X: Any) -> np.ndarray:
        """Return the embedding, float32 (m, width), of images of the shape trained on, see `check_images`."""
        return self._embedding(X).cpu().numpy()

    def predict(self, X: Any) -> np.ndarray:
        """Return the clusters, int32 (m), whose centers are nearest to any images of the shape trained on."""
        return nearest_centers(self._embedding(X), torch.from_numpy(self.cluster_centers_).to(self.device))

    def _embedding(self, X: Any) -> Tensor:
        images = check_images(X)
        check_shape(images, self.image_shape_)
        return embed_images(self.encoder_.eval(), torch.from_numpy(images).to(self.device))


def check_shape(images: np.ndarray, trained: tuple[int, int, int]) -> None:
    """Refuse images, uint8 (n, c, h, w), of another shape (c, h, w) than those trained on."""
    if images.shape[1:] != tuple(trained):
        told = [" x ".join(map(str, shape)) for shape in (images.shape[1:], trained)]
        raise ParameterError(f"images are {told[0]} (channels x height x width) but {told[1]} were trained on")


def refuse_processes() -> None:
    """Raise `ParameterError` where several processes train: batch normalisation would see a part of each batch."""
    if Group.current().size > 1:
        raise ParameterError("networks on images are trained by one process; start it without torchrun")
