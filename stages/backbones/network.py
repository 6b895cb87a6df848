"""From a card and a weight file to a network, and its named layers in one forward pass."""

import copy
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from stages.backbones.card import Backbone, Preprocessing, Tap
from stages.backbones.zero_shot import ZeroShotHead
from stages.core.errors import BackboneError, one_line
from stages.core.layer_names import CLASSES


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
        raise BackboneError(f"{weights} does not fit {backbone.architecture}: {one_line(error)}") from None
    return network


# Convolutions of an input wider than this part of the image stay in float32. The packaged networks lose nearly all
# of their precision there (docs/performance.md), and such layers gain less from bfloat16 than those behind them.
FINE = 1 / 3


class LayerNetwork(nn.Module):
    """From pixels, uint8 (n, crop, crop, 3), to one float32 (n, d) per layer, in the order of `layers`.

    Several layers cost one pass. Pixels are normalised here, on the device that computes, so that a quarter of
    the bytes travel. Layers are flattened in the order C, H, W. Under `precision` "bf16" the network computes in
    bfloat16 wherever PyTorch's autocast finds that safe, with weights and sums kept in float32, and all in float32
    up to its last convolution whose input is wider than `fine` pixels.
    """

    _mean: torch.Tensor
    _std: torch.Tensor

    def __init__(
        self, network: nn.Module, layers: Mapping[str, Tap], preprocessing: Preprocessing, precision: str = "fp32"
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.layers = tuple(layers)
        self.crop = preprocessing.crop
        self.autocast = precision == "bf16"
        self.fine = preprocessing.crop * FINE
        self.register_buffer("_mean", torch.tensor(preprocessing.mean).view(3, 1, 1))
        self.register_buffer("_std", torch.tensor(preprocessing.std).view(3, 1, 1))
        self._seen: dict[str, torch.Tensor] = {}
        for layer, tap in layers.items():
            try:
                module = network.get_submodule(tap.module)
            except AttributeError:
                raise BackboneError(f"layer {layer} names the module {tap.module!r}, which is not there") from None
            hook = _Keep(self._seen, layer)
            if tap.side == "input":
                module.register_forward_pre_hook(hook)
            else:
                module.register_forward_hook(hook)
        for module in network.modules():
            if self.autocast and isinstance(module, nn.Conv2d):
                module.forward = _FineInFloat32(module, self.fine)  # type: ignore[method-assign, assignment]
        self.to(memory_format=torch.channels_last)  # what convolutions are fastest in

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        batch = (pixels.permute(0, 3, 1, 2).float() / 255 - self._mean) / self._std
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.autocast):
            self.network(batch)
        layers = tuple(self._seen[layer] for layer in self.layers)
        self._seen.clear()
        return layers

    def dimensions(self) -> dict[str, int]:
        """The length of each layer's vectors, found by a pass over one black image."""
        with torch.no_grad():
            layers = self(torch.zeros(1, self.crop, self.crop, 3, dtype=torch.uint8, device=self._mean.device))
        return {name: layer.shape[1] for name, layer in zip(self.layers, layers, strict=True)}

    def twin(self) -> "LayerNetwork":
        """A copy for another thread: it shares the weights and nothing that a pass changes."""
        shared: dict[int, Any] = {id(tensor): tensor for tensor in (*self.parameters(), *self.buffers())}
        return copy.deepcopy(self, shared)


def load_tensors(file: Path) -> dict[str, torch.Tensor]:
    """Load a weight file's tensors by name, in the file's order, without running any code from it.

    The versions of its modules, which PyTorch keeps with the tensors of a network, stay attached. Raises
    `BackboneError` if the file is damaged or holds anything but tensors.
    """
    try:
        if file.suffix == ".safetensors":
            return safetensors.torch.load_file(file)
        with warnings.catch_warnings(action="ignore"):  # about pickle protocols, which an error reports as well
            content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception as error:  # a damaged file makes PyTorch raise whatever its reading runs into
        raise BackboneError(
            f"{file} is not a readable weight file ({_reason(error)}); remove it and try again"
        ) from None
    if not isinstance(content, dict) or not all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in content.items()
    ):
        raise BackboneError(f"{file} does not hold tensors by name; it is not a weight file of this network")
    return content


def class_words() -> list[str]:
    """The names of the thousand classes of ImageNet, in the order in which every head has them."""
    import torchvision

    return list(torchvision.models.MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"])


class _Keep:
    """A hook that keeps what enters or leaves a module. A copy: activations that follow may work in place."""

    def __init__(self, seen: dict[str, torch.Tensor], layer: str) -> None:
        self.seen, self.layer = seen, layer

    def __call__(self, _: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor | None = None) -> None:
        kept = inputs[0] if output is None else output
        self.seen[self.layer] = kept.flatten(1).to(torch.float32, copy=True)


class _FineInFloat32:
    """The forward pass of a convolution under autocast: in float32 where its input is wider than `fine` pixels.

    An object, so that a deep copy of the convolution has one of its own; a function would keep to the first one.
    """

    def __init__(self, convolution: nn.Conv2d, fine: float) -> None:
        self.convolution, self.fine = convolution, fine

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        forward = type(self.convolution).forward
        if inputs.shape[-1] <= self.fine:
            return forward(self.convolution, inputs)
        with torch.autocast(inputs.device.type, enabled=False):
            return forward(self.convolution, inputs.float())


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
        if backbone.classifier is None:
            network.reset_classifier(0)
        else:
            head = backbone.layers[CLASSES].module
            network.set_submodule(head, ZeroShotHead(network.get_submodule(head), backbone.classifier))
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


def _reason(error: Exception) -> str:
    """The fault of a file, without PyTorch's advice to read it unsafely."""
    message = str(error)
    if "TorchScript" in message:
        return "it holds a scripted network, not tensors by name"
    if "legacy .tar" in message:
        return "it is in PyTorch's old tar format, which cannot be read safely"
    if "Weights only load failed" in message:
        return "it is damaged, or holds more than tensors"
    line = (message.splitlines() or [""])[0]
    return line if line.isprintable() and isinstance(error, RuntimeError) else "it is damaged"
