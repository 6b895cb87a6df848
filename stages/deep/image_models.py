"""Trained networks on images with their clusters as files, as `stages.deep.models` has those on features."""

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from stages.core.device import exact_convolutions
from stages.core.errors import ParameterError
from stages.core.memory import require_memory
from stages.deep.checkpoint import named, part
from stages.deep.image_encoding import ImageClustering, ImageEncoder, at_once, check_images, check_shape
from stages.deep.model_files import Content, TrainedModel, read_model_file, rebuilding, write_model_file

if TYPE_CHECKING:
    from stages.deep.jule.convolutions import ConvEncoder

# The networks that files may hold, by kind: where the class is, "module:class", imported when there is one.
ENCODERS = {
    "conv": "stages.deep.jule.convolutions:ConvEncoder",
    "mmdc": "stages.deep.mmdc.network:MixtureEncoder",
    "dac": "stages.deep.dac.network:AdaptiveEncoder",
    "deepcluster": "stages.deep.deepcluster.network:WhitenedEncoder",
    "labels": "stages.deep.image_networks:LabelEncoder",
    "features": "stages.deep.image_networks:FeatureEncoder",
}


@dataclass(frozen=True)
class ImageModel(TrainedModel[ArrayLike]):
    """A network on images, uint8 (m, c, h, w), of the shape of those trained on; see `check_images`.

    Attributes: also `image_shape`, (c, h, w).
    """

    network: ImageEncoder
    image_shape: tuple[int, int, int]

    def _embeddings(self, images: ArrayLike) -> Iterator[Tensor]:
        array = check_images(images)
        check_shape(array, self.image_shape)
        step = at_once(self.network.sides(self.image_shape[1:]))
        for start in range(0, len(array), step):
            with torch.no_grad(), exact_convolutions(self.centres.device):
                yield self.network(torch.from_numpy(array[start : start + step]).to(self.centres.device)).float()


def write_image_model(file: Path, estimator: ImageClustering[Any], settings: Mapping[str, Any]) -> None:
    """Write the encoder and the centres of a fitted estimator, whole or not at all.

    The estimator has `encoder_`, an `ImageEncoder` of a kind in `ENCODERS` whose state has all its tensors;
    `cluster_centers_`, float32 (k, width); and `image_shape_`, (c, h, w). The tensors are "encoder.*" and
    "centers"; see `stages.deep.model_files` for the rest.
    """
    encoder = estimator.encoder_
    kind = getattr(encoder, "kind", type(encoder).__name__)
    if kind not in ENCODERS:
        raise TypeError(f"encoder_ is of the kind {kind}; only {', '.join(ENCODERS)} can be written")
    facts = {"kind": kind, "arguments": encoder.facts, "image_shape": list(estimator.image_shape_)}
    tensors = named(encoder.state_dict(), "encoder") | {"centers": torch.tensor(estimator.cluster_centers_)}
    # One order of the bytes, whatever order of the filters was the fastest.
    write_model_file(file, {name: tensor.contiguous() for name, tensor in tensors.items()}, facts, settings)


def read_image_model(file: Path, device: str | torch.device = "cpu") -> ImageModel:
    """Read what `write_image_model` wrote, to compute on `device`.

    Raises `ModelError` for a file that is missing, damaged or of another kind.
    """
    content = read_model_file(file)
    with rebuilding(file):
        network, shape = _rebuilt(content)
    centres = content.tensors["centers"].to(device)
    return ImageModel(network.to(device), centres, content.settings, shape)


def _rebuilt(content: Content) -> tuple[ImageEncoder, tuple[int, int, int]]:
    """The network of a file and the shape of its images; raises where facts and tensors do not belong together."""
    channels, height, width = content.facts["image_shape"]
    arguments = content.facts["arguments"]
    trained = list(arguments.get("image_shape", content.facts["image_shape"]))
    if trained != content.facts["image_shape"] or arguments.get("crop", 1) > min(height, width):
        raise ValueError
    stored, centres = part(content.tensors, "encoder"), content.tensors["centers"]
    with torch.device("meta"):  # no memory and no random numbers
        network: ImageEncoder = pkgutil.resolve_name(ENCODERS[content.facts["kind"]])(**arguments).eval()
        embedding = network(torch.empty((1, channels, height, width), dtype=torch.uint8))
    own = network.state_dict()
    typed = all(tensor.dtype == own[name].dtype for name, tensor in stored.items())
    finite = all(tensor.isfinite().all() for tensor in content.tensors.values())
    fits = centres.dtype == torch.float32 and len(centres) > 0 and centres.shape[1:] == embedding.shape[1:]
    if not (typed and finite and fits):
        raise ValueError
    network.load_state_dict(stored, assign=True)
    return network.requires_grad_(False), (channels, height, width)


def check_layer(encoder: "ConvEncoder", layer: str) -> None:
    """Raise `ParameterError` unless the network has the `layer`."""
    if layer not in encoder.layers:
        raise ParameterError(
            f"layer is {layer!r} but those of the network are {', '.join(encoder.layers)}; give one of these"
        )


def layer_features(encoder: "ConvEncoder", images: np.ndarray, layer: str) -> np.ndarray:
    """Return the features of images, uint8 (n, c, h, w), in a layer of the network: float32 (n, d).

    Yang, Parikh and Batra, "Joint unsupervised learning of deep representations and image clusters", CVPR 2016, so
    transferred a network that was trained on one set of images to another: the output of the network ("top"), and
    the maps that its last and its last but one block make ("top-1", "top-2").

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
