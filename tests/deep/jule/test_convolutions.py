"""The convolutional networks of JULE: the maps of the paper's table, the layers by name, rows of length one."""

import numpy as np
import pytest
import torch
from torch import nn

from stages.core.errors import ParameterError
from stages.deep.jule.convolutions import NETWORKS, ConvEncoder, choose_blocks, initialise_convolutions

# Input, the final map and its numbers, of the networks of the paper's image sets.
PAPER = [
    ("coil", (1, 128, 128), (5, 5), 1250),
    ("usps", (1, 16, 16), (6, 6), 1800),
    ("mnist", (1, 28, 28), (8, 8), 3200),
    ("cmu_pie", (1, 32, 32), (5, 5), 1250),
    ("frgc", (3, 32, 32), (5, 5), 1250),
    ("umist", (1, 112, 92), (14, 12), 8400),
    ("ytf", (3, 55, 55), (14, 14), 9800),
]


def images(count: int, shape: tuple[int, int, int]) -> torch.Tensor:
    return torch.from_numpy(np.random.RandomState(0).randint(0, 256, (count, *shape)).astype(np.uint8))


@pytest.mark.parametrize(("name", "shape", "final", "flat"), PAPER)
def test_maps_are_those_of_the_paper(
    name: str, shape: tuple[int, int, int], final: tuple[int, int], flat: int
) -> None:
    blocks = NETWORKS[name]
    network = ConvEncoder(shape, blocks.pooled, blocks.padding)
    assert network.output.in_features == flat == 50 * final[0] * final[1]
    assert network.layer(images(2, shape), "top-1").shape == (2, flat)


@pytest.mark.parametrize(("name", "shape"), [row[:2] for row in PAPER if row[0] != "coil"])
def test_the_choice_by_size_is_that_of_the_paper(name: str, shape: tuple[int, int, int]) -> None:
    assert choose_blocks("auto", shape) == NETWORKS[name]


@pytest.mark.parametrize("side", [1, 4, 5, 8, 9, 13, 24, 32, 33, 64, 100, 512])
def test_some_network_suits_any_size(side: int) -> None:
    for shape in ((1, side, side), (3, side, 4 * side), (1, 3 * side, side)):
        network = ConvEncoder(shape, *choose_blocks("auto", shape))
        assert 0 < network.output.in_features <= 50 * 32 * 8


def test_images_too_small_for_a_network_are_refused() -> None:
    with pytest.raises(ParameterError, match="12 x 9 pixels are too small for the network's 4 blocks"):
        ConvEncoder((1, 12, 9), *NETWORKS["coil"])


def test_layers_are_the_blocks_from_the_top() -> None:
    torch.manual_seed(0)
    network = ConvEncoder((1, 28, 28), (True, False)).eval()
    batch = images(3, (1, 28, 28))
    first = network.blocks[0](batch / 255)
    assert first.shape == (3, 50, 12, 12)
    second = network.blocks[1](first).flatten(1)
    assert network.layers == ("top", "top-1", "top-2")
    torch.testing.assert_close(network.layer(batch, "top-2"), first.flatten(1))
    torch.testing.assert_close(network.layer(batch, "top-1"), second)
    torch.testing.assert_close(network.layer(batch, "top"), nn.functional.normalize(network.output(second)))
    torch.testing.assert_close(network(batch).norm(dim=1), torch.ones(3))


def test_facts_make_the_same_network() -> None:
    network = ConvEncoder((3, 32, 20), (True, True), 2, width=7)
    again = ConvEncoder(**network.facts)
    again.load_state_dict(network.state_dict())
    batch = images(2, (3, 32, 20))
    assert torch.equal(network.eval()(batch), again.eval()(batch))


def test_first_weights_follow_the_generator_alone() -> None:
    network = ConvEncoder((1, 16, 16), (True,))
    before = torch.get_rng_state()
    initialise_convolutions(network, torch.Generator().manual_seed(1))
    assert torch.equal(before, torch.get_rng_state())
    assert network.output.weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert not network.output.bias.any()
    first = {name: value.clone() for name, value in network.state_dict().items()}
    initialise_convolutions(network, torch.Generator().manual_seed(1))
    assert all(torch.equal(first[name], value) for name, value in network.state_dict().items())


def test_unknown_networks_are_named() -> None:
    with pytest.raises(ParameterError, match="network is 'vgg'; give one of auto, coil, usps, mnist"):
        choose_blocks("vgg", (1, 28, 28))
