"""Networks by name, mirrored decoders, and the reconstruction loss against float64 numpy."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from stages.core.errors import ParameterError
from stages.deep.dec.autoencoders import build_autoencoder, reconstruction_errors
from stages.deep.networks import Stack, initialise


def layer_sizes(module: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in module.modules() if isinstance(layer, nn.Linear)]


def test_the_stack_of_the_papers_is_mirrored() -> None:
    network = build_autoencoder((500, 500, 2000, 10), [784], 160)
    assert layer_sizes(network.encoder) == [(784, 500), (500, 500), (500, 2000), (2000, 10)]
    assert layer_sizes(network)[4:] == [(10, 2000), (2000, 500), (500, 500), (500, 784)]


def test_the_single_perceptron_joins_all_views() -> None:
    network = build_autoencoder("mlp", [12, 7], 5)
    assert layer_sizes(network) == [(19, 5), (5, 5), (5, 5), (5, 19)]


def test_a_network_of_width_two_by_hand() -> None:
    network = build_autoencoder([1, 1], [1, 1], 0)
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, nn.Linear):
                layer.weight.fill_(1)
                layer.bias.fill_(-1)
    # Encoder: relu(x + y - 1), minus 1. Decoder: relu(z - 1), minus 1, to both views.
    embedding, views = network([torch.tensor([[2.0], [0.0]]), torch.tensor([[3.0], [0.5]])])
    assert embedding.tolist() == [[3.0], [-1.0]]
    assert [view.tolist() for view in views] == [[[1.0], [-1.0]]] * 2


@pytest.mark.parametrize("network", ["mvnet", "mlp", (6, 4)])
@pytest.mark.parametrize("widths", [[3], [12, 7], [1, 2, 3, 4]])
def test_shapes(network: Any, widths: list[int], device: str) -> None:
    autoencoder = build_autoencoder(network, widths, width=4).to(device)
    embedding, reconstructed = autoencoder([torch.ones(5, width, device=device) for width in widths])
    assert embedding.shape == (5, 4)
    assert [view.shape for view in reconstructed] == [(5, width) for width in widths]


def test_the_stack_against_numpy() -> None:
    network = Stack([3, 2], [4, 2]).double()
    initialise(network, torch.Generator().manual_seed(1))
    rows = np.random.default_rng(0).normal(size=(6, 5))
    first, second = (layer.weight.detach().numpy() for layer in network.modules() if isinstance(layer, nn.Linear))
    made = network([torch.tensor(rows[:, :3]), torch.tensor(rows[:, 3:])])
    np.testing.assert_allclose(made.detach(), np.maximum(rows @ first.T, 0) @ second.T, rtol=1e-12)


def test_errors_are_means_or_sums() -> None:
    views = [np.array([[1.0], [2.0]]), np.array([[0.0, 0.0], [1.0, 1.0]])]
    made = [np.array([[3.0], [2.0]]), np.array([[1.0, 2.0], [1.0, 4.0]])]
    tensors = [torch.tensor(view) for view in views], [torch.tensor(view) for view in made]
    # Image 0: 4 and (1, 4); image 1: 0 and (0, 9).
    assert reconstruction_errors(*tensors).tolist() == [(4 + 2.5) / 2, (0 + 4.5) / 2]
    assert reconstruction_errors(*tensors, "sum").tolist() == [9, 9]
    expected = np.mean([((a - b) ** 2).mean() for a, b in zip(views, made, strict=True)])
    assert reconstruction_errors(*tensors).mean().item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_autograd_agrees_with_finite_differences(reduction: str) -> None:
    random = np.random.default_rng(0)
    views = [torch.tensor(random.normal(size=(3, width))) for width in (4, 2)]
    made = [torch.tensor(random.normal(size=view.shape), requires_grad=True) for view in views]
    assert torch.autograd.gradcheck(lambda *m: reconstruction_errors(views, m, reduction), made)


@pytest.mark.parametrize("network", ["resnet", (), (5, 0), (5, 2.5), (True,), 7, None])
def test_what_is_no_network_is_named(network: Any) -> None:
    with pytest.raises(ParameterError, match=r"network is .*; give mvnet, mlp or layer widths such as \(500, 500"):
        build_autoencoder(network, [3], 4)
