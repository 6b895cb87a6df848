"""Features that a network trained on one set of images makes of another, as JULE's authors transferred them.

Yang, Parikh and Batra, "Joint unsupervised learning of deep representations and image clusters", CVPR 2016: the
output of the network ("top"), and the maps that its last and its last but one block make ("top-1", "top-2").
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from stages.core.errors import ParameterError
from stages.core.memory import require_memory
from stages.deep.image_encoding import at_once, exact_convolutions
from stages.deep.images import check_images


class Layered(Protocol):
    """A network on images, in evaluation mode, some of whose layers can be read by name."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Return the names."""

    def layer(self, images: Tensor, name: str) -> Tensor:
        """Return a layer of images, uint8 (b, c, h, w) on the network's device: float32 (b, d)."""

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the weights."""


def check_layer(encoder: Layered, layer: str) -> None:
    """Raise `ParameterError` unless the network has the `layer`."""
    if layer not in encoder.layers:
        raise ParameterError(
            f"layer is {layer!r} but those of the network are {', '.join(encoder.layers)}; give one of these"
        )


def layer_features(encoder: Layered, images: np.ndarray, layer: str) -> np.ndarray:
    """Return what a layer of the network makes of images, uint8 (n, c, h, w): float32 (n, d).

    Raises `ParameterError` for a layer that the network lacks, and where memory does not suffice.
    """
    check_layer(encoder, layer)
    images = check_images(images)
    device = next(iter(encoder.parameters())).device
    features = np.empty((0, 0), dtype=np.float32)
    step = at_once(images.shape[2:])
    for start in range(0, len(images), step):
        with torch.no_grad(), exact_convolutions(device):
            part = encoder.layer(torch.from_numpy(images[start : start + step]).to(device), layer).cpu().numpy()
        if start == 0:  # only now is its width known
            way_out = "give a layer nearer to the top"
            require_memory(4 * len(images) * part.shape[1], f"layer {layer} of {len(images)} images", way_out)
            features = np.empty((len(images), part.shape[1]), dtype=np.float32)
        features[start : start + step] = part
    return features
