"""Heads on frozen features: perceptrons whose output says how much an image belongs to each cluster.

Adaloglou, Michels, Kalisch and Kollmann, "Exploring the limits of deep image clustering using pretrained models",
BMVC 2023 (arXiv 2303.17896), and the authors' code: d-512-256 with GELU, outputs of length 1, and a layer without
bias whose weights are normalised. With several spaces, the logits of a head are the mean of its logits in them.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear, normalize

from stages.core.device import full_precision

_SPREAD = 0.02  # standard deviation of the first weights


def spaces_of(views: Sequence[Tensor], joined: bool) -> list[Tensor]:
    """Return the spaces (b, .) of the views (b, d_j): all views side by side if `joined`, else the views."""
    return [torch.cat(list(views), dim=1)] if joined else list(views)


class UnitLength(nn.Module):
    """Rows divided by their length, in float32 at least; a row of zeros stays as it is."""

    def forward(self, rows: Tensor) -> Tensor:
        return normalize(full_precision(rows), dim=-1)


class Head(nn.Module):
    """One head as it is used and written: a perceptron d-width-bottleneck-k for each space.

    Shape: a list of M tensors (b, d_j) to (b, k), rows that sum to 1.
    """

    def __init__(
        self,
        view_widths: Sequence[int],
        n_clusters: int,
        width: int,
        bottleneck: int,
        temperature: float,
        joined: bool = False,
    ) -> None:
        super().__init__()
        self.temperature, self.joined = temperature, joined
        self.spaces = nn.ModuleList(
            nn.Sequential(
                nn.Linear(space_width, width),
                nn.GELU(),
                nn.Linear(width, bottleneck),
                UnitLength(),
                nn.Linear(bottleneck, n_clusters, bias=False),
            )
            for space_width in ([sum(view_widths)] if joined else view_widths)
        )

    def log_shares(self, spaces: Sequence[Tensor]) -> Tensor:
        """Return the logarithms of the shares, (1, b, k), as `Heads` does for several."""
        logits = [space(rows) for space, rows in zip(self.spaces, spaces, strict=True)]
        return log_shares(logits, self.temperature)[None]

    def forward(self, views: Sequence[Tensor]) -> Tensor:
        return self.log_shares(spaces_of(views, self.joined))[0].exp()


class Space(nn.Module):
    """All heads in one space: (b, d) to their logits (n_heads, b, k), by a few large matrix products."""

    def __init__(self, space_width: int, n_heads: int, n_clusters: int, width: int, bottleneck: int) -> None:
        super().__init__()
        self.hidden = nn.Parameter(torch.empty(n_heads * width, space_width))
        self.hidden_bias = nn.Parameter(torch.empty(n_heads * width))
        self.bottleneck = nn.Parameter(torch.empty(n_heads, bottleneck, width))
        self.bottleneck_bias = nn.Parameter(torch.empty(n_heads, 1, bottleneck))
        self.directions = nn.Parameter(torch.empty(n_heads, n_clusters, bottleneck))
        self.lengths = nn.Parameter(torch.empty(n_heads, n_clusters, 1))

    def draw(self, generator: torch.Generator) -> None:
        """Draw the first weights, as the code does."""
        bound = 1 / math.sqrt(self.directions.shape[2])
        with torch.no_grad():
            for weight in (self.hidden, self.bottleneck):
                weight.normal_(std=_SPREAD, generator=generator)
            self.directions.uniform_(-bound, bound, generator=generator)
            for bias in (self.hidden_bias, self.bottleneck_bias):
                bias.zero_()
            self.lengths.fill_(1)

    def output_weights(self) -> Tensor:
        """Return the weights of the last layers, (n_heads, k, bottleneck): directions times lengths."""
        return normalize(self.directions, dim=-1) * self.lengths

    def forward(self, rows: Tensor) -> Tensor:
        n_heads, _, width = self.bottleneck.shape
        hidden = gelu(linear(rows, self.hidden, self.hidden_bias))  # (b, n_heads * width)
        hidden = hidden.view(len(rows), n_heads, width).transpose(0, 1)
        codes = torch.baddbmm(self.bottleneck_bias, hidden, self.bottleneck.transpose(1, 2))
        codes = normalize(full_precision(codes), dim=-1)  # (n_heads, b, bottleneck)
        return full_precision(torch.bmm(codes, self.output_weights().transpose(1, 2)))


class Heads(nn.Module):
    """Several heads that see the same spaces; each has perceptrons of its own, one for each space."""

    def __init__(
        self,
        view_widths: Sequence[int],
        n_clusters: int,
        n_heads: int,
        width: int,
        bottleneck: int,
        temperature: float,
        joined: bool = False,
    ) -> None:
        super().__init__()
        self.view_widths, self.temperature, self.joined = list(view_widths), temperature, joined
        widths = [sum(view_widths)] if joined else view_widths
        self.spaces = nn.ModuleList(Space(each, n_heads, n_clusters, width, bottleneck) for each in widths)

    def decayed(self) -> list[Tensor]:
        """Return the parameters that decay: all matrices, neither biases nor lengths."""
        return [weight for space in self._parts() for weight in (space.hidden, space.bottleneck, space.directions)]

    def kept(self) -> list[Tensor]:
        """Return the other parameters."""
        return [
            each for space in self._parts() for each in (space.hidden_bias, space.bottleneck_bias, space.lengths)
        ]

    def log_shares(self, spaces: Sequence[Tensor]) -> Tensor:
        """Return the logarithms of every head's shares, (n_heads, b, k), for rows of the spaces (b, .)."""
        logits = [space(rows) for space, rows in zip(self.spaces, spaces, strict=True)]
        return log_shares(logits, self.temperature)

    def head(self, number: int, centres: Sequence[Tensor]) -> Head:
        """Return a copy of one head, whose parameters do not learn, for rows without the `centres` (.) subtracted.

        The heads were trained on rows of every space less its centre, which becomes part of the first biases.
        """
        _, n_clusters, bottleneck = self._parts()[0].directions.shape
        width = self._parts()[0].bottleneck.shape[2]
        state: dict[str, Tensor] = {}
        for place, (space, centre) in enumerate(zip(self._parts(), centres, strict=True)):
            units = slice(number * width, (number + 1) * width)
            state |= {
                f"spaces.{place}.0.weight": space.hidden[units],
                f"spaces.{place}.0.bias": space.hidden_bias[units] - space.hidden[units] @ centre,
                f"spaces.{place}.2.weight": space.bottleneck[number],
                f"spaces.{place}.2.bias": space.bottleneck_bias[number, 0],
                f"spaces.{place}.4.weight": space.output_weights()[number],
            }
        with torch.device("meta"):  # no memory and no random numbers
            head = Head(self.view_widths, n_clusters, width, bottleneck, self.temperature, self.joined)
        head.load_state_dict({name: value.detach().clone() for name, value in state.items()}, assign=True)
        return head.requires_grad_(False)

    def _parts(self) -> list[Space]:
        return [space for space in self.spaces if isinstance(space, Space)]


def draw_heads(network: nn.Module, generator: torch.Generator) -> None:
    """Draw the first weights of `Heads`, space after space, on the CPU."""
    for space in network.modules():
        if isinstance(space, Space):
            space.draw(generator)


def log_shares(logits: Sequence[Tensor], temperature: float) -> Tensor:
    """Return the log-softmax over the clusters (..., k) of the mean of the spaces' logits by the temperature."""
    return (torch.stack(list(logits)).mean(dim=0) / temperature).log_softmax(dim=-1)
