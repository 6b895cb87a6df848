"""The convolutional networks of JULE: blocks of 5 x 5 filters, then a linear layer onto the unit sphere.

Yang, Parikh and Batra, "Joint unsupervised learning of deep representations and image clusters", CVPR 2016, and
the models of the released code: each block is 50 filters of 5 x 5, batch normalisation, ReLU and, mostly,
max-pooling of 2 x 2 that keeps an odd row or column; then a linear layer to 160 numbers, divided by their length.
"""

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from stages.core.checks import check_choice
from stages.core.errors import ParameterError
from stages.deep.image_encoding import ImageEncoder
from stages.deep.networks import draw_weights

_FILTERS, _SIDE = 50, 5
_UNPADDED = 32  # images up to this side do without padding
_SMALL, _PADDED_SMALL = 8, 14  # maps of these sizes need no further block
AUTO = "auto"


class Blocks(NamedTuple):
    """Which of the blocks are `pooled`, one truth value a block, and the `padding` of all filters in pixels."""

    pooled: tuple[bool, ...]
    padding: int = 0


# By image set, for the sizes of the images there; with those of UMist and YTF, the released code pads.
NETWORKS: dict[str, Blocks] = {
    "coil": Blocks((True, True, True, True)),
    "usps": Blocks((True,)),
    "mnist": Blocks((True, False)),
    "cmu_pie": Blocks((True, True)),
    "frgc": Blocks((True, True)),
    "umist": Blocks((True, True, True), 2),
    "ytf": Blocks((True, True), 2),
}


class ConvEncoder(ImageEncoder):
    """Images, uint8 (b, c, h, w), to rows of length 1, float32 (b, width).

    `image_shape` is (c, h, w); `pooled` has a truth value a block, `padding` is that of its filters. Raises
    `ParameterError` for images that are too small for the blocks.
    """

    kind: ClassVar[str] = "conv"

    def __init__(
        self, image_shape: Sequence[int], pooled: Sequence[bool], padding: int = 0, width: int = 160
    ) -> None:
        super().__init__()
        self.image_shape, self.pooled, self.padding = tuple(image_shape), tuple(pooled), padding
        channels, height, breadth = self.image_shape
        blocks = []
        for pool in self.pooled:
            blocks.append(_block(channels, pool, padding))
            height, breadth = (_after(side, pool, padding) for side in (height, breadth))
            channels = _FILTERS
        if min(height, breadth) < 1:
            raise ParameterError(
                f"images of {self.image_shape[1]} x {self.image_shape[2]} pixels are too small for the network's "
                f"{len(self.pooled)} blocks; give larger images, or the network {AUTO}"
            )
        self.blocks = nn.ModuleList(blocks)
        self.output = nn.Linear(channels * height * breadth, width)

    @property
    def facts(self) -> dict[str, Any]:
        return {
            "image_shape": list(self.image_shape),
            "pooled": list(self.pooled),
            "padding": self.padding,
            "width": self.output.out_features,
        }

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of what `layer` returns, as in the paper: "top" is the output, "top-1" the last block ..."""
        return ("top", *(f"top-{number + 1}" for number in range(len(self.blocks))))

    def layer(self, images: Tensor, name: str) -> Tensor:
        """Return one of the `layers` of images, uint8 (b, c, h, w), flattened as C, H, W: float32 (b, d)."""
        if name == "top":
            output: Tensor = self(images)
            return output
        blocks = list(self.blocks)[: len(self.blocks) + 1 - self.layers.index(name)]
        return self._maps(images, blocks).flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        """Return the embedding, float32 (b, width), rows of length 1."""
        maps = self._maps(images, list(self.blocks))
        return nn.functional.normalize(self.output(maps.flatten(1)).float())  # bfloat16 would not be of length 1

    def _maps(self, images: Tensor, blocks: Sequence[nn.Module]) -> Tensor:
        maps = images.to(self.output.weight.dtype, memory_format=torch.channels_last) / 255
        for block in blocks:
            maps = block(maps)
        return maps


def choose_blocks(network: str, image_shape: Sequence[int]) -> Blocks:
    """Return the blocks that `network` names: one of `NETWORKS`, or "auto", by the size of images (c, h, w).

    With "auto", images of at most 32 pixels a side get blocks without padding until no side of the map is above 8,
    the last pooled only if it must be for that; larger ones get padded blocks, all pooled, until none is above 14.
    For the sizes of the paper's image sets these are the networks of the paper, but for COIL at 128 x 128. Images
    with a side below 5 pixels get one padded block.
    """
    check_choice("network", network, (AUTO, *NETWORKS))
    if network != AUTO:
        return NETWORKS[network]
    side, shorter = max(image_shape[1:]), min(image_shape[1:])
    if side > _UNPADDED:
        count = 0
        while side > _PADDED_SMALL:
            side, count = _after(side, True, 2), count + 1
        return Blocks((True,) * count, 2)
    if shorter < _SIDE:
        return Blocks((False,), 2)
    pooled: list[bool] = []
    while side > _SMALL and shorter >= _SIDE:
        pooled.append(_after(side, False, 0) > _SMALL)
        side, shorter = (_after(each, pooled[-1], 0) for each in (side, shorter))
    return Blocks(tuple(pooled) or (False,))


def initialise_convolutions(network: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights from N(0, .01), set biases to 0 and the scales of batch normalisation to 1."""
    draw_weights(network, lambda layer: nn.init.normal_(layer.weight, std=0.01, generator=generator))


def _block(channels: int, pool: bool, padding: int) -> nn.Sequential:
    layers = [nn.Conv2d(channels, _FILTERS, _SIDE, padding=padding), nn.BatchNorm2d(_FILTERS), nn.ReLU()]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2, ceil_mode=True)] if pool else []))


def _after(side: int, pool: bool, padding: int) -> int:
    """The side of a map after a block."""
    filtered = side + 2 * padding - _SIDE + 1
    return -(-filtered // 2) if pool else filtered
