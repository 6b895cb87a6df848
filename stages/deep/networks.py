"""MVnet: one multi-layer perceptron a view, their codes joined by one more, and its autoencoder form.

Guerin, Thiery, Nyiri, Gibaru and Boots, "Combining pretrained CNN feature extractors to enhance clustering of
complex natural images", Neurocomputing 2021 (arXiv 2101.02767), sections 5.1 and 6.1: every perceptron is
d-160-160, hidden units are ReLU, weights start as Xavier's. Outputs are linear, as in the network of JULE that
the paper builds on.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def perceptron(width_in: int, width_hidden: int, width_out: int) -> nn.Sequential:
    """Return `width_in`-`width_hidden`-`width_out`: ReLU on the hidden layer, a linear output."""
    return nn.Sequential(nn.Linear(width_in, width_hidden), nn.ReLU(), nn.Linear(width_hidden, width_out))


class MVnet(nn.Module):
    """Views to one embedding.

    Shape: a list of M tensors (b, d_j) to (b, width), through M codes (b, width) side by side.
    """

    def __init__(self, view_widths: Sequence[int], width: int = 160) -> None:
        super().__init__()
        self.views = nn.ModuleList([perceptron(view_width, width, width) for view_width in view_widths])
        self.output = perceptron(width * len(view_widths), width, width)

    def view_codes(self, views: Sequence[Tensor]) -> list[Tensor]:
        """Return the code of every view by itself: M tensors (b, width)."""
        return [network(view) for network, view in zip(self.views, views, strict=True)]

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        """Return the embedding (b, width)."""
        return self.output(torch.cat(self.view_codes(views), dim=1))


class MVautoencoder(nn.Module):
    """MVnet with its mirror image: embedding, to M slices of codes, to M reconstructed views.

    The paper's IDEC variant does not say how its autoencoder was built; this is the plain mirror of the encoder.
    """

    def __init__(self, view_widths: Sequence[int], width: int = 160) -> None:
        super().__init__()
        self.width = width
        self.encoder = MVnet(view_widths, width)
        self.input = perceptron(width, width, width * len(view_widths))
        self.views = nn.ModuleList([perceptron(width, width, view_width) for view_width in view_widths])

    def decode(self, embedding: Tensor) -> list[Tensor]:
        """Return the views (b, d_j) that the embedding (b, width) stands for."""
        slices = self.input(embedding).split(self.width, dim=1)
        return [network(code) for network, code in zip(self.views, slices, strict=True)]

    def forward(self, views: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the embedding (b, width) and the reconstructed views."""
        embedding = self.encoder(views)
        return embedding, self.decode(embedding)


def initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights by Xavier's uniform rule (Glorot and Bengio 2010, eq. 16) and set all biases to 0."""
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight, generator=generator)
            nn.init.zeros_(module.bias)


def reconstruction_loss(views: Sequence[Tensor], reconstructed: Sequence[Tensor]) -> Tensor:
    """Return the squared error a feature, averaged over features, images and views: every view weighs the same."""
    errors = [nn.functional.mse_loss(made, view) for view, made in zip(views, reconstructed, strict=True)]
    return torch.stack(errors).mean()
