"""Autoencoders over many views: an encoder of all of them to one embedding, its mirror image, and their loss."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from stages.core.errors import ParameterError
from stages.deep.networks import MLP, MVnet, Stack, joined, stacked

# "mvnet", "mlp", or the widths of a stack's layers from the first hidden one to the embedding.
Network = str | Sequence[int]


@dataclass(frozen=True)
class Mirrored:
    """Layers of an encoder, one after the other, and those of the decoder that mirror them, in reverse order.

    `entry` takes the M views (b, d_j) to what the first sees, (b, d); the decoder takes what the last makes of it,
    (b, e), back to (b, d).
    """

    encoder: nn.Sequential
    decoder: nn.Sequential
    entry: Callable[[Sequence[Tensor]], Tensor]

    def layers(self) -> "list[Mirrored]":
        """Return each layer with its mirror image, and the ReLU after each, if there is one."""
        return [
            Mirrored(
                self.encoder[place : place + 2],
                self.decoder[len(self.encoder) - 1 - place :][:2],
                partial(_through, self.entry, self.encoder[:place]),
            )
            for place in range(0, len(self.encoder), 2)  # the last has no ReLU
        ]


class Autoencoder(nn.Module, ABC):
    """An encoder of M views (b, d_j) to an embedding (b, width), and a decoder back to the views."""

    encoder: nn.Module

    @abstractmethod
    def decode(self, embedding: Tensor) -> list[Tensor]:
        """Return the views (b, d_j) that the embedding (b, width) stands for."""

    @abstractmethod
    def parts(self) -> list[Mirrored]:
        """Return the stacks of layers that it is made of, those first whose output others take."""

    def forward(self, views: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        embedding = self.encoder(views)
        return embedding, self.decode(embedding)


class MVautoencoder(Autoencoder):
    """MVnet with its mirror image: embedding, to M slices of codes, to M reconstructed views.

    The paper's IDEC variant does not say how its autoencoder was built; this is the plain mirror of the encoder.
    """

    encoder: MVnet

    def __init__(self, view_widths: Sequence[int], width: int = 160) -> None:
        super().__init__()
        self.width = width
        self.encoder = MVnet(view_widths, width)
        self.input = stacked([width, width, width * len(view_widths)])
        self.views = nn.ModuleList([stacked([width, width, view_width]) for view_width in view_widths])

    def decode(self, embedding: Tensor) -> list[Tensor]:
        slices = self.input(embedding).split(self.width, dim=1)
        return [network(code) for network, code in zip(self.views, slices, strict=True)]

    def parts(self) -> list[Mirrored]:
        views = [
            Mirrored(cast(nn.Sequential, encoder), cast(nn.Sequential, decoder), itemgetter(number))
            for number, (encoder, decoder) in enumerate(zip(self.encoder.views, self.views, strict=True))
        ]
        output = Mirrored(self.encoder.output, self.input, lambda rows: joined(self.encoder.view_codes(rows)))
        return [*views, output]


class JoinedAutoencoder(Autoencoder):
    """The views side by side through one network, and mirrored layers back to all of them at once.

    `widths` are those of the hidden layers up to and with the embedding. The stack 500-500-2000-10 is the network
    of DEC (section 4.3) and IDEC (section 4.2): ReLU on all layers but the embedding and the reconstruction.
    """

    encoder: MLP | Stack

    def __init__(self, view_widths: Sequence[int], encoder: MLP | Stack, widths: Sequence[int]) -> None:
        super().__init__()
        self.view_widths = list(view_widths)
        self.encoder = encoder
        self.decoder = stacked([*reversed(widths), sum(view_widths)])

    def decode(self, embedding: Tensor) -> list[Tensor]:
        return list(self.decoder(embedding).split(self.view_widths, dim=1))

    def parts(self) -> list[Mirrored]:
        layers = self.encoder.layers if isinstance(self.encoder, Stack) else self.encoder.output
        return [Mirrored(layers, self.decoder, joined)]


def build_autoencoder(network: Network, view_widths: Sequence[int], width: int) -> Autoencoder:
    """Return the autoencoder that `network` names.

    "mvnet" is `MVautoencoder` and "mlp" the same with a single perceptron over all views, both with layers of
    `width` units; a sequence of widths such as (500, 500, 2000, 10) is a stack of these. Raises `ParameterError`
    for anything else.
    """
    check_network(network)
    if network == "mvnet":
        return MVautoencoder(view_widths, width)
    if network == "mlp":
        return JoinedAutoencoder(view_widths, MLP(view_widths, width), [width, width])
    widths = [int(value) for value in network]
    return JoinedAutoencoder(view_widths, Stack(view_widths, widths), widths)


def check_network(network: Network) -> None:
    """Raise `ParameterError` unless `network` is what `build_autoencoder` takes."""
    if isinstance(network, str):
        fine = network in ("mvnet", "mlp")
    else:
        fine = isinstance(network, Sequence) and len(network) > 0 and all(map(_is_width, network))
    if not fine:
        raise ParameterError(
            f"network is {network!r}; give mvnet, mlp or layer widths such as (500, 500, 2000, 10)"
        )


def reconstruction_errors(
    views: Sequence[Tensor], reconstructed: Sequence[Tensor], reduction: str = "mean"
) -> Tensor:
    """Return the squared error of every image (b): summed over features and views, or their mean.

    The mean is first over a view's features, then over the views, so that every view weighs the same.
    """
    squares = [(made.to(view.dtype) - view).square() for view, made in zip(views, reconstructed, strict=True)]
    if reduction == "sum":
        return torch.stack([square.sum(dim=1) for square in squares]).sum(dim=0)
    return torch.stack([square.mean(dim=1) for square in squares]).mean(dim=0)


def _through(
    entry: Callable[[Sequence[Tensor]], Tensor], layers: nn.Sequential, views: Sequence[Tensor]
) -> Tensor:
    rows: Tensor = layers(entry(views))
    return rows


def _is_width(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= 1)
