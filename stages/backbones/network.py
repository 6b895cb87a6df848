"""From a card and a weight file to a network."""

import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stages.backbones.card import Backbone
from stages.backbones.weights import load_tensors
from stages.core.errors import BackboneError


def load_network(backbone: Backbone, weights: Path) -> nn.Module:
    """Build the backbone's network with the tensors of `weights`, every one of which must find its place.

    Raises `BackboneError` when the file is damaged or belongs to another network.
    """
    tensors = load_tensors(weights)
    try:
        if backbone.library == "torchvision":
            network = _torchvision_network(backbone.architecture)
            if backbone.architecture.startswith("densenet"):  # its files still have dots within names
                tensors = {re.sub(r"(\.denselayer\d+\.\w+)\.(\d\.)", r"\1\2", k): v for k, v in tensors.items()}
        elif backbone.library == "timm":
            network = _timm_network(backbone, tensors)
        else:
            network = nn.Identity()
        if backbone.weights.match == "order":
            tensors = _renamed_by_order(tensors, network)
        if backbone.library != "timm" or backbone.weights.match == "order":
            network.load_state_dict(tensors)
    except (RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BackboneError(f"{weights} does not fit {backbone.architecture}: {reason}") from None
    return network


def _torchvision_network(architecture: str) -> nn.Module:
    import torchvision

    extra: dict[str, bool] = {}
    if architecture in ("inception_v3", "googlenet"):
        # Their weights, ported from TensorFlow, want values from -1 to 1: torchvision turns the usual mean and std
        # into these, but only where it fetches the weights itself. Both would draw random weights for minutes.
        extra = {"transform_input": True, "init_weights": False}
    network: nn.Module = torchvision.models.get_model(architecture, weights=None, **extra)
    return network


def _timm_network(backbone: Backbone, tensors: dict[str, torch.Tensor]) -> nn.Module:
    import timm

    network: Any  # timm's networks have more methods than PyTorch's
    if backbone.weights.match == "order":
        network = timm.create_model(backbone.architecture, pretrained=False)
    else:
        # timm renames the tensors of its older files itself. Asked for a network without a classifier it would
        # also take files that lack tensors, in silence; so the classifier goes afterwards.
        network = timm.create_model(
            backbone.architecture,
            pretrained=True,
            pretrained_cfg_overlay={"state_dict": tensors, "custom_load": False},
        )
        network.reset_classifier(0)
    built: nn.Module = network
    return built


def _renamed_by_order(tensors: dict[str, torch.Tensor], network: nn.Module) -> dict[str, torch.Tensor]:
    """Give tensors the names of the network's tensors at the same position; shapes are checked on loading.

    Batch counters are left out on both sides, as older versions of PyTorch did not store them.
    """
    own = network.state_dict()
    names = [name for name in own if not name.endswith("num_batches_tracked")]
    values = [value for name, value in tensors.items() if not name.endswith("num_batches_tracked")]
    if len(names) != len(values):
        raise ValueError(f"it has {len(values)} tensors, the network {len(names)}")
    return own | dict(zip(names, values, strict=True))
