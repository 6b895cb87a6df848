"""The autoencoder form of MVnet, and its reconstruction loss."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from stages.deep.networks import MVnet, perceptron


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


def reconstruction_loss(views: Sequence[Tensor], reconstructed: Sequence[Tensor]) -> Tensor:
    """Return the squared error a feature, averaged over features, images and views: every view weighs the same."""
    errors = [nn.functional.mse_loss(made, view) for view, made in zip(views, reconstructed, strict=True)]
    return torch.stack(errors).mean()
