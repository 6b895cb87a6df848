"""Encoders of views: MVnet, a perceptron for each view and one over their codes; a single one; and a stack.

Guerin, Thiery, Nyiri, Gibaru and Boots, "Combining pretrained CNN feature extractors to enhance clustering of
complex natural images", Neurocomputing 2021 (arXiv 2101.02767), sections 5.1 and 6.1: every perceptron is
d-160-160, hidden units are ReLU, weights start as Xavier's. Outputs are linear and, on demand, divided by their
length, as in the network of JULE that the paper builds on.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeVar

import torch
from torch import Tensor, nn

from stages.core.device import full_precision

Network = TypeVar("Network", bound=nn.Module)


def stacked(widths: Sequence[int]) -> nn.Sequential:
    """Return linear layers from widths[0] to widths[-1] with ReLU between them."""
    layers: list[nn.Module] = []
    for width_in, width_out in pairwise(widths):
        layers += [nn.Linear(width_in, width_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class MLP(nn.Module):
    """All views side by side through one perceptron, sum(d_j)-160-160: a single view, or the row "CC".

    Shape: a list of M tensors (b, d_j) to (b, width), of length 1 if `unit_length`.
    """

    def __init__(self, view_widths: Sequence[int], width: int = 160, unit_length: bool = False) -> None:
        super().__init__()
        self.unit_length = unit_length
        self.output = stacked([sum(view_widths), width, width])

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        return _unit(self.output(joined(views)), self.unit_length)


class Stack(nn.Module):
    """All views side by side through one stack of layers, ReLU on all but the last.

    Shape: a list of M tensors (b, d_j) to (b, widths[-1]).
    """

    def __init__(self, view_widths: Sequence[int], widths: Sequence[int]) -> None:
        super().__init__()
        self.layers = stacked([sum(view_widths), *widths])

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        embedding: Tensor = self.layers(joined(views))
        return embedding


class MVnet(nn.Module):
    """Views to one embedding, each through a perceptron of its own first.

    Shape: a list of M tensors (b, d_j) to (b, width), through M codes (b, width) side by side; codes and embedding
    are of length 1 if `unit_length`.
    """

    def __init__(self, view_widths: Sequence[int], width: int = 160, unit_length: bool = False) -> None:
        super().__init__()
        self.unit_length = unit_length
        self.views = nn.ModuleList([stacked([view_width, width, width]) for view_width in view_widths])
        self.output = stacked([width * len(view_widths), width, width])

    def code(self, number: int, view: Tensor) -> Tensor:
        """Return the code (b, width) of view `number`, (b, d_j), by itself."""
        return _unit(self.views[number](view), self.unit_length)

    def view_codes(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Return the code of every view by itself: M tensors (b, width)."""
        if len(views) != len(self.views):
            raise ValueError(f"{len(views)} views for a network of {len(self.views)}")
        return [self.code(number, view) for number, view in enumerate(views)]

    def join(self, codes: Sequence[Tensor]) -> Tensor:
        """Return the embedding (b, width) of M codes (b, width)."""
        return _unit(self.output(torch.cat(list(codes), dim=1)), self.unit_length)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        return self.join(self.view_codes(views))


def first_network(
    make: Callable[[], Network],
    initialise: Callable[[nn.Module, torch.Generator], None],
    generator: torch.Generator,
    device: str | torch.device,
) -> Network:
    """Return the network that `make` builds, with the first weights that `initialise` draws, on the device.

    The weights are drawn on the CPU, so that every device starts from the same, and the global random state is
    left alone. Those of convolutions are stored channels last, which makes them faster.
    """
    with torch.device("meta"):  # no memory and no random numbers yet
        network = make()
    network = network.to_empty(device="cpu")
    initialise(network, generator)
    return network.to(torch.device(device)).to(memory_format=torch.channels_last)


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights by Xavier's uniform rule (Glorot and Bengio 2010, eq. 16) and set all biases to 0."""
    draw_weights(network, lambda layer: nn.init.xavier_uniform_(layer.weight, generator=generator))


def draw_weights(network: nn.Module, rule: Callable[[nn.Conv2d | nn.Linear], object]) -> None:
    """Draw the weights of every layer by a `rule`; set biases to 0 and the scales of batch normalisation to 1."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            rule(module)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.reset_parameters()


def joined(views: Sequence[Tensor]) -> Tensor:
    """Return M tensors (b, d_j) side by side, (b, sum(d_j))."""
    return views[0] if len(views) == 1 else torch.cat(list(views), dim=1)


def _unit(values: Tensor, wanted: bool) -> Tensor:
    """The rows (b, d), divided by their length if that is `wanted`; a row of zeros stays as it is.

    Lengths are taken in float32 at least: rows of bfloat16 would be up to a hundredth longer or shorter than 1.
    """
    if not wanted:
        return values
    return nn.functional.normalize(full_precision(values))
