"""A network whose named layers are read in one forward pass."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from stages.backbones.card import Preprocessing, Tap
from stages.core.errors import BackboneError


class LayerNetwork(nn.Module):
    """From pixels, uint8 (n, crop, crop, 3), to one float32 (n, d) per layer, in the order of `layers`.

    Several layers cost one pass. Pixels are normalised here, on the device that computes, so that a quarter of
    the bytes travel. Layers are flattened in the order C, H, W. Under `precision` "bf16" the network computes in
    bfloat16 wherever PyTorch's autocast finds that safe, with weights and sums kept in float32.
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
        self.register_buffer("_mean", torch.tensor(preprocessing.mean).view(3, 1, 1))
        self.register_buffer("_std", torch.tensor(preprocessing.std).view(3, 1, 1))
        self._seen: dict[str, torch.Tensor] = {}
        for layer, tap in layers.items():
            try:
                module = network.get_submodule(tap.module)
            except AttributeError:
                raise BackboneError(f"layer {layer} names the module {tap.module!r}, which is not there") from None
            if tap.side == "input":
                module.register_forward_pre_hook(_KeepInput(self._seen, layer))
            else:
                module.register_forward_hook(_KeepOutput(self._seen, layer))
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


class _KeepInput:
    """A hook that keeps what enters a module. A copy: activations that follow may work in place."""

    def __init__(self, seen: dict[str, torch.Tensor], layer: str) -> None:
        self.seen, self.layer = seen, layer

    def __call__(self, _: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        self.seen[self.layer] = inputs[0].flatten(1).to(torch.float32, copy=True)


class _KeepOutput:
    """A hook that keeps what leaves a module, as a copy too."""

    def __init__(self, seen: dict[str, torch.Tensor], layer: str) -> None:
        self.seen, self.layer = seen, layer

    def __call__(self, _: nn.Module, __: Any, output: torch.Tensor) -> None:
        self.seen[self.layer] = output.flatten(1).to(torch.float32, copy=True)
