"""Shapes, layer sizes and first weights of MVnet and its autoencoder."""

import math

import pytest
import torch
from torch import nn

from stages.deep.dec.autoencoders import MVautoencoder, reconstruction_errors
from stages.deep.networks import MVnet, initialise


def layer_sizes(module: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in module.modules() if isinstance(layer, nn.Linear)]


def test_mvnet_has_the_papers_layers() -> None:
    network = MVnet([1280, 4096, 7])
    assert [layer_sizes(view) for view in network.views] == [
        [(1280, 160), (160, 160)],
        [(4096, 160), (160, 160)],
        [(7, 160), (160, 160)],
    ]
    assert layer_sizes(network.output) == [(480, 160), (160, 160)]


def test_the_decoder_mirrors_the_encoder() -> None:
    network = MVautoencoder([12, 7], width=5)
    assert layer_sizes(network.input) == [(5, 5), (5, 10)]
    assert [layer_sizes(view) for view in network.views] == [[(5, 5), (5, 12)], [(5, 5), (5, 7)]]


@pytest.mark.parametrize("widths", [[3], [12, 7], [1, 2, 3, 4]])
def test_shapes(widths: list[int], device: str) -> None:
    network = MVautoencoder(widths, width=6).to(device)
    embedding, reconstructed = network([torch.ones(4, width, device=device) for width in widths])
    assert embedding.shape == (4, 6)
    assert [view.shape for view in reconstructed] == [(4, width) for width in widths]


def test_hidden_layers_are_relu_and_outputs_linear() -> None:
    network = MVnet([2], width=1)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.fill_(1)
                layer.bias.zero_()
        network.output[2].bias.fill_(-5)
    # hidden = relu(2 + 3) = 5, code = 5, hidden = relu(5) = 5, output = 5 - 5; for (-2, -3) both hiddens are 0.
    assert network([torch.tensor([[2.0, 3.0], [-2.0, -3.0]])]).tolist() == [[0.0], [-5.0]]


def test_a_slice_of_the_decoder_feeds_its_own_view_only() -> None:
    network = MVautoencoder([3, 2], width=4)
    with torch.no_grad():  # weights below 0 could hide the change behind a ReLU
        for weights in network.parameters():
            weights.abs_()
    embedding = torch.rand(1, 4, generator=torch.Generator().manual_seed(0))
    before = network.decode(embedding)
    with torch.no_grad():
        network.input[2].bias[4:] += 1  # the second view's slice of the codes
    after = network.decode(embedding)
    assert torch.equal(before[0], after[0])
    assert not torch.equal(before[1], after[1])


def test_first_weights_are_xaviers_and_biases_zero() -> None:
    network = MVnet([300], width=100)
    initialise(network, torch.Generator().manual_seed(0))
    layer = network.views[0][0]
    bound = math.sqrt(6 / (300 + 100))
    assert layer.weight.abs().max() <= bound
    assert layer.weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.02)  # of a uniform distribution
    assert all(not layer.bias.any() for layer in network.modules() if isinstance(layer, nn.Linear))


def test_first_weights_depend_on_the_generator_alone() -> None:
    networks = [MVnet([5], width=4) for _ in range(3)]
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        initialise(network, torch.Generator().manual_seed(seed))
    first, same, other = (network.views[0][0].weight for network in networks)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_every_view_weighs_the_same_in_the_reconstruction() -> None:
    views = [torch.zeros(2, 1), torch.zeros(2, 100)]
    made = [torch.full((2, 1), 3.0), torch.full((2, 100), 1.0)]
    assert reconstruction_errors(views, made).mean().item() == pytest.approx((9 + 1) / 2)
