"""What many entries of the registry share: values, and the two kinds of entry."""

from typing import Any

from stages.backbones.card import Backbone, HubSource, Preprocessing, Tap, UrlSource, Weights
from stages.registry.entry import Registered

IMAGENET: dict[str, Any] = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
HALF: dict[str, Any] = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}

# torchvision: the weights may have terms of their own, derived from the images they were trained on.
TORCHVISION_LICENCE = "not stated (torchvision itself: BSD-3-Clause)"
TIMM_LICENCE = "Apache-2.0 (as timm states)"


def torchvision_entry(
    name: str, file: str, sha256: str, layers: dict[str, tuple[Tap, int]], resize: int = 256, crop: int = 224
) -> Registered:
    """A network of torchvision with its IMAGENET1K_V1 weights; `layers` holds each layer's tensor and size."""
    card = Backbone(
        name=name,
        library="torchvision",
        architecture=name,
        weights=Weights(file, sha256, (UrlSource(f"https://download.pytorch.org/models/{file}"),)),
        layers={layer: tap for layer, (tap, _) in layers.items()},
        preprocessing=Preprocessing(resize, crop, **IMAGENET),
    )
    sizes = {layer: size for layer, (_, size) in layers.items()}
    return Registered(card, sizes, TORCHVISION_LICENCE, "torchvision IMAGENET1K_V1")


def timm_entry(
    name: str,
    architecture: str,
    weights: Weights,
    layers: dict[str, tuple[Tap, int]],
    preprocessing: Preprocessing,
    origin: str,
    licence: str = TIMM_LICENCE,
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
