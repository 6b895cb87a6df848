"""MVnet: one multi-layer perceptron a view, their codes joined by one more; and a single one for comparison.

Guerin, Thiery, Nyiri, Gibaru and Boots, "Combining pretrained CNN feature extractors to enhance clustering of
complex natural images", Neurocomputing 2021 (arXiv 2101.02767), sections 5.1 and 6.1: every perceptron is
d-160-160, hidden units are ReLU, weights start as Xavier's. Outputs are linear and, on demand, divided by their
length, as in the network of JULE that the paper builds on.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stages.deep.precision import full_precision


def perceptron(width_in: int, width_hidden: int, width_out: int) -> nn.Sequential:
    """Return `width_in`-`width_hidden`-`width_out`: ReLU on the hidden layer, a linear output."""
    return nn.Sequential(nn.Linear(width_in, width_hidden), nn.ReLU(), nn.Linear(width_hidden, width_out))


class MLP(nn.Module):
    """All views side by side through one perceptron, sum(d_j)-160-160: a single view, or the row "CC".

    Shape: a list of M tensors (b, d_j) to (b, width), of length 1 if `unit_length`.
    """

    def __init__(self, view_widths: Sequence[int], width: int = 160, unit_length: bool = False) -> None:
        super().__init__()
        self.unit_length = unit_length
        self.output = perceptron(sum(view_widths), width, width)

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Return the embedding (b, width)."""
        joined = views[0] if len(views) == 1 else torch.cat(list(views), dim=1)
        return _unit(self.output(joined), self.unit_length)


class MVnet(nn.Module):
    """Views to one embedding, each through a perceptron of its own first.

    Shape: a list of M tensors (b, d_j) to (b, width), through M codes (b, width) side by side; codes and embedding
    are of length 1 if `unit_length`.
    """

    def __init__(self, view_widths: Sequence[int], width: int = 160, unit_length: bool = False) -> None:
        super().__init__()
        self.unit_length = unit_length
        self.views = nn.ModuleList([perceptron(view_width, width, width) for view_width in view_widths])
        self.output = perceptron(width * len(view_widths), width, width)

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
        """Return the embedding (b, width)."""
        return self.join(self.view_codes(views))


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights by Xavier's uniform rule (Glorot and Bengio 2010, eq. 16) and set all biases to 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            nn.init.zeros_(module.bias)


def _unit(values: Tensor, wanted: bool) -> Tensor:
    """The rows (b, d), divided by their length if that is `wanted`; a row of zeros stays as it is.

    Lengths are taken in float32 at least: rows of bfloat16 would be up to a hundredth longer or shorter than 1.
    """
    if not wanted:
        return values
    return nn.functional.normalize(full_precision(values))
