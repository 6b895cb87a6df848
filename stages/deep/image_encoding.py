"""Images as the input of networks: checked, embedded, and assigned to the nearest centre."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from stages.core.device import exact_convolutions
from stages.core.errors import ParameterError
from stages.deep.checkpoint import AnyRecord
from stages.deep.clusters import check_image_number
from stages.deep.distributed import Group
from stages.deep.estimator import Learnt, NetworkClustering

_IMAGES, _PIXELS = 512, 1 << 21  # that are embedded at once, at most: 50 maps of so many pixels are 400 MiB


def check_images(images: ArrayLike) -> np.ndarray:
    """Return the images as uint8 (n, c, h, w), c 1 or 3, or raise `ParameterError` that says what is wrong.

    Taken are arrays of bytes: (n, h, w) for grey ones, (n, c, h, w) otherwise. Nothing is resized here.
    """
    try:
        array = np.asarray(images)
    except ValueError:  # rows of different lengths make no array
        raise ParameterError("images are of several sizes; resize them to one") from None
    if array.dtype != np.uint8:
        raise ParameterError(f"images have values of type {array.dtype}; give bytes (uint8), 0 to 255")
    if array.ndim == 3:
        array = array[:, None]
    if array.ndim != 4 or array.shape[1] not in (1, 3) or 0 in array.shape:
        raise ParameterError(
            f"images have the shape {np.shape(images)}; give (images, height, width), or (images, channels, "
            "height, width) with 1 or 3 channels"
        )
    return np.require(array, requirements=["C", "W"])  # torch warns of memory that it must not write to


def check_image_count(n_clusters: int, images: np.ndarray) -> None:
    """Refuse more clusters than there are different images among uint8 (n, c, h, w)."""
    n_images = len(images)
    check_image_number(n_clusters, n_images)
    different = set()
    for image in images:
        different.add(image.tobytes())
        if len(different) == n_clusters:
            return
    raise ParameterError(
        f"n_clusters is {n_clusters} but only {len(different)} of the {n_images} images differ; give at most "
        f"{len(different)}"
    )


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

    def sides(self, image: Sequence[int]) -> tuple[int, int]:
        """Return height and width of what the network sees of an image of these sides, (h, w)."""
        return image[0], image[1]


def embed_images(encoder: ImageEncoder, images: Tensor, layer: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """Return the embedding of images, uint8 (n, c, h, w) on the encoder's device: float32 (n, width).

    `layer` takes images to another layer of the encoder, which is returned instead.
    """
    step = at_once(encoder.sides(images.shape[2:]))
    with torch.no_grad(), exact_convolutions(images.device):
        return torch.cat([(layer or encoder)(part).float() for part in images.split(step)])


def at_once(sides: Sequence[int]) -> int:
    """Return how many images of these `sides`, (h, w), go through a network at once when nothing is learnt."""
    return min(max(_PIXELS // (sides[0] * sides[1]), 1), _IMAGES)


class _Shaped(Learnt[AnyRecord]):
    """The attributes that images set; annotated in the dataclass below they would be parameters."""

    encoder_: ImageEncoder
    image_shape_: tuple[int, int, int]


@dataclass(eq=False, repr=False, kw_only=True)
class ImageClustering(_Shaped[AnyRecord], NetworkClustering[AnyRecord]):
    """A network on images that is trained to cluster, and embeds and assigns new images of the shape trained on.

    Attributes
    ----------
    image_shape_ : (c, h, w), of the images trained on.
    """

    def _prepared(self, X: ArrayLike) -> np.ndarray:
        """Check parameters and images, note the shape of these and return them, uint8 (n, c, h, w)."""
        self.check_parameters()
        images = check_images(X)
        check_image_count(self.n_clusters, images)
        if Group.current().size > 1:  # batch normalisation would see a part of each batch
            raise ParameterError("networks on images are trained by one process; start it without torchrun")
        self.image_shape_ = (int(images.shape[1]), int(images.shape[2]), int(images.shape[3]))
        return images

    def _embedding(self, X: ArrayLike) -> Tensor:
        images = check_images(X)
        check_shape(images, self.image_shape_)
        return embed_images(self.encoder_.eval(), torch.from_numpy(images).to(self.device))


def check_shape(images: np.ndarray, trained: tuple[int, int, int]) -> None:
    """Refuse images, uint8 (n, c, h, w), of another shape (c, h, w) than those trained on."""
    if images.shape[1:] != tuple(trained):
        given, known = (" x ".join(map(str, shape)) for shape in (images.shape[1:], trained))
        raise ParameterError(f"images are {given} (channels x height x width) but {known} were trained on")
