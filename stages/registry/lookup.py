"""From a name to a backbone's card: registered, or any other network of torchvision or timm."""

import difflib
import re
import warnings

from stages.backbones.card import Backbone, HubSource, Preprocessing, Tap, UrlSource, Weights
from stages.core.errors import BackboneError
from stages.core.layer_names import CLASSES
from stages.registry import REGISTRY


def find_backbone(name: str) -> Backbone:
    """Return the card of the backbone called `name`.

    A name that is not registered is looked up in torchvision, then in timm; a timm name with a tag
    ("resnet18.a1_in1k") is timm's in any case. Its layer L3 is what enters the classifier, pooled; a network of
    torchvision also has the scores of its classes.
    Raises `BackboneError` with the nearest names if nobody knows it.
    """
    if name in REGISTRY:
        return REGISTRY[name]
    import timm  # the two libraries import torch, which takes seconds
    import torchvision

    torchvision_names = torchvision.models.list_models(module=torchvision.models)
    if name in torchvision_names:
        return _torchvision_backbone(name)
    if timm.is_model(name) and (card := _timm_backbone(name)):
        return card
    known = [*REGISTRY, *torchvision_names, *timm.list_models(), *timm.list_pretrained()]
    # Registered names first: among equally near names they are the likelier wish.
    near = list(dict.fromkeys(difflib.get_close_matches(name, REGISTRY) + difflib.get_close_matches(name, known)))
    hint = f"did you mean {' or '.join(near[:3])}?" if near else f"known are {', '.join(REGISTRY)}"
    raise BackboneError(f"no backbone is called {name!r}; {hint} (any name of torchvision or timm will do)")


def _torchvision_backbone(name: str) -> Backbone:
    import torch
    import torchvision

    choices = torchvision.models.get_model_weights(name)
    weights = getattr(choices, "IMAGENET1K_V1", None) or next(iter(choices))
    transform = weights.transforms()
    # Only the names of its modules are asked for: no memory, no random numbers, no word about these.
    with torch.device("meta"), warnings.catch_warnings(action="ignore"):
        network = torchvision.models.get_model(name, weights=None)
    classes = len(weights.meta["categories"])
    heads = [
        module_name
        for module_name, module in network.named_modules()
        if isinstance(module, torch.nn.Linear) and module.out_features == classes
    ]
    if not heads:
        raise BackboneError(
            f"backbone {name!r} does not end in a linear classifier; add its layers to the registry"
        )
    file = weights.url.rsplit("/", 1)[-1]
    digits = re.search(r"-([0-9a-f]{8,64})\.pth$", file)  # of the digest, by PyTorch's custom
    return Backbone(
        name=name,
        library="torchvision",
        architecture=name,
        weights=Weights(file, digits[1] if digits else "", (UrlSource(weights.url),)),
        layers={"L3": Tap(heads[-1], "input"), CLASSES: Tap(heads[-1], "output")},
        preprocessing=Preprocessing(
            resize=transform.resize_size[0],
            crop=transform.crop_size[0],
            mean=tuple(transform.mean),
            std=tuple(transform.std),
            interpolation=transform.interpolation.value,
        ),
    )


def _timm_backbone(name: str) -> Backbone | None:
    """The card of a network of timm; None if its tag is unknown. The network itself is not built."""
    import timm
    from timm.data.config import resolve_data_config

    try:
        registered = timm.get_pretrained_cfg(name, allow_unregistered=False)
    except RuntimeError:  # the architecture is known, the tag is not
        return None
    config = registered.to_dict() if registered else {}
    repository, url = config.get("hf_hub_id"), config.get("url")
    if repository:
        file = config.get("hf_hub_filename")
        weights = (HubSource(repository, file) if file else HubSource(repository)).weights()
    elif url:
        weights = Weights(url.rsplit("/", 1)[-1], "", (UrlSource(url),))
    else:
        raise BackboneError(
            f"timm has no pretrained weights for {name!r}; `timm.list_pretrained()` names those it has"
        )
    data = resolve_data_config(pretrained_cfg=config)
    channels, height, crop = data["input_size"]
    if (channels, height) != (3, crop) or data["crop_mode"] not in ("center", "squash"):
        raise BackboneError(
            f"backbone {name!r} takes {channels} x {height} x {crop} inputs, cropped by {data['crop_mode']!r};"
            " only square colour inputs cropped by 'center' or 'squash' can be made"
        )
    return Backbone(
        name=name,
        library="timm",
        architecture=name,
        weights=weights,
        layers={"L3": Tap("", "output")},  # the network is built without its classifier
        preprocessing=Preprocessing(
            resize=int(crop / data["crop_pct"]),
            crop=crop,
            mean=tuple(data["mean"]),
            std=tuple(data["std"]),
            interpolation=data["interpolation"] if data["interpolation"] in ("bilinear", "nearest") else "bicubic",
            mode="squash" if data["crop_mode"] == "squash" else "center",
        ),
    )
