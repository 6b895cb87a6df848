"""A pretrained network that gives the layers of its card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from stages.backbones.card import Backbone
from stages.backbones.weights import load_tensors
from stages.errors import BackboneError


class LayerExtractor:
    """A network in evaluation mode whose named layers are read during one forward pass.

    Calling it with a batch (n, 3, crop, crop) returns {layer: float32 (n, d)}, each layer flattened. Several
    layers cost one pass. Tensors are copied when seen: later in-place activations cannot change them.
    """

    def __init__(self, network: nn.Module, layers: Mapping[str, Any]) -> None:
        self.network = network.eval()
        self._seen: dict[str, torch.Tensor] = {}
        for layer, tap in layers.items():
            try:
                module = network.get_submodule(tap.module)
            except AttributeError:
                raise BackboneError(f"layer {layer} names the module {tap.module!r}, which is not there") from None
            if tap.side == "input":
                module.register_forward_pre_hook(self._keep_input(layer))
            else:
                module.register_forward_hook(self._keep_output(layer))

    def __call__(self, batch: torch.Tensor) -> dict[str, torch.Tensor]:
        self._seen = {}
        with torch.inference_mode():
            self.network(batch)
        seen, self._seen = self._seen, {}
        return seen

    def to(self, device: torch.device) -> "LayerExtractor":
        """Move the network to a device, in channels-last memory, which convolutions are fastest in."""
        self.network.to(device).to(memory_format=torch.channels_last)
        return self

    def _keep_input(self, layer: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            self._seen[layer] = inputs[0].flatten(1).clone()

        return hook

    def _keep_output(self, layer: str) -> Any:
        def hook(_: nn.Module, __: Any, output: torch.Tensor) -> None:
            self._seen[layer] = output.flatten(1).clone()

        return hook


def load_network(backbone: Backbone, weights: Path, layers: Mapping[str, Any]) -> LayerExtractor:
    """Build the backbone's network with the tensors of `weights`, every one of which must find its place."""
    tensors = load_tensors(weights)
    try:
        if backbone.library == "torchvision":
            network = _torchvision_network(backbone.architecture)
        else:
            network = _timm_network(backbone, tensors)
        if backbone.weights.match == "order":
            tensors = _renamed_by_order(tensors, network)
        if backbone.library == "torchvision" or backbone.weights.match == "order":
            network.load_state_dict(tensors)
    except (RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BackboneError(f"{weights} does not fit {backbone.architecture}: {reason}") from None
    return LayerExtractor(network, layers)


def _torchvision_network(architecture: str) -> nn.Module:
    import torchvision

    # Both draw random weights for minutes unless told not to; they are overwritten anyway.
    quick = {"init_weights": False} if architecture in ("inception_v3", "googlenet") else {}
    network: nn.Module = torchvision.models.get_model(architecture, weights=None, **quick)
    return network


def _timm_network(backbone: Backbone, tensors: dict[str, torch.Tensor]) -> nn.Module:
    import timm

    if backbone.weights.match == "order":
        network: nn.Module = timm.create_model(backbone.architecture, pretrained=False)
    else:
        # timm renames the tensors of its older files itself; without classes it builds no classifier.
        network = timm.create_model(
            backbone.architecture,
            pretrained=True,
            num_classes=0,
            pretrained_cfg_overlay={"state_dict": tensors, "custom_load": False},
        )
    return network


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
