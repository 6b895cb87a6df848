"""Linear classifiers, one for each view, whose mean says how much an image belongs to each cluster."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stages.core.device import full_precision


class Labeller(nn.Module):
    """A linear softmax classifier for each space: the views or, if `joined`, all views side by side as one.

    Shape: a list of M tensors (b, d_j) to (b, k), rows that sum to 1: the mean over the spaces.
    """

    def __init__(self, view_widths: Sequence[int], n_clusters: int, joined: bool = False) -> None:
        super().__init__()
        self.joined = joined
        widths = [sum(view_widths)] if joined else view_widths
        self.spaces = nn.ModuleList([nn.Linear(width, n_clusters) for width in widths])

    @property
    def layers(self) -> list[nn.Linear]:
        """The classifiers of the spaces."""
        return [layer for layer in self.spaces if isinstance(layer, nn.Linear)]

    def seen(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Return the spaces (b, .) of the views (b, d_j)."""
        return [torch.cat(list(views), dim=1)] if self.joined else list(views)

    def logits(self, spaces: Sequence[Tensor]) -> list[Tensor]:
        """Return what every classifier says of its space: tensors (b, k)."""
        return [full_precision(layer(space)) for layer, space in zip(self.spaces, spaces, strict=True)]

    def labels(self, spaces: Sequence[Tensor]) -> list[Tensor]:
        """Return the soft labels of every space: tensors (b, k), rows that sum to 1."""
        return [logits.softmax(dim=1) for logits in self.logits(spaces)]

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        return torch.stack(self.labels(self.seen(views))).mean(dim=0)


def draw_uniform(network: nn.Module, generator: torch.Generator) -> None:
    """Draw weights and biases of every linear layer from +-1 / sqrt(width), PyTorch's own rule, on the CPU."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            bound = 1 / math.sqrt(layer.in_features)
            for values in (layer.weight, layer.bias):
                drawn = torch.empty(values.shape, dtype=values.dtype).uniform_(-bound, bound, generator=generator)
                with torch.no_grad():
                    values.copy_(drawn)
