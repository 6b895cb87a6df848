"""Noise as targets: where it is drawn, the exact assignment within a batch, and the gradient of the loss."""

import itertools

import numpy as np
import pytest
import torch

from stages.deep.nat.targets import draw_noise, nearest_order, noise_loss


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_noise_is_uniform_on_the_sphere_and_of_the_seed() -> None:
    noise = draw_noise(4000, 3, generator())
    torch.testing.assert_close(noise.norm(dim=1), torch.ones(4000))
    heights = noise[:, 0].sort().values  # Archimedes: on the sphere in three dimensions heights are uniform
    assert (heights - torch.linspace(-1, 1, 4000)).abs().max() < 0.05
    assert torch.equal(noise, draw_noise(4000, 3, generator()))
    assert not torch.equal(noise, draw_noise(4000, 3, generator(1)))


def test_the_nearest_order_by_hand() -> None:
    outputs = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.6, 0.8]])
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    # Products: 0 1 0, 1 0 -1, .6 .8 -.6. Of all orders 1 0 2 has 1.4, 2 0 1 has 1.8, 1 2 0 has .6.
    assert nearest_order(outputs, targets).tolist() == [2, 0, 1]
    assert nearest_order(torch.eye(3), torch.eye(3).roll(1, 0)).tolist() == [1, 2, 0]


@pytest.mark.parametrize("seed", range(4))
def test_the_order_has_the_least_squared_distances_of_all(seed: int, device: str) -> None:
    outputs, targets = (draw_noise(6, 4, generator(seed + i)).to(device) for i in (0, 100))
    order = nearest_order(outputs, targets)
    assert order.device == targets.device
    costs = ((outputs[:, None] - targets).cpu().double().numpy() ** 2).sum(axis=2)
    ours = costs[np.arange(6), order.cpu().numpy()].sum()
    least = min(costs[np.arange(6), list(each)].sum() for each in itertools.permutations(range(6)))
    assert ours == pytest.approx(least, rel=1e-6)


def test_the_loss_and_its_gradient_are_those_of_float64_numpy() -> None:
    """The gradient of |z/|z| - y|^2 at z is -2 (y - p (p.y)) / |z| with p = z/|z|."""
    outputs = torch.randn((5, 4), generator=generator(), dtype=torch.float64, requires_grad=True)
    targets = draw_noise(5, 4, generator(1)).double()
    losses = noise_loss(torch.nn.functional.normalize(outputs), targets)
    losses.sum().backward()
    z, y = outputs.detach().numpy(), targets.numpy()
    lengths = np.linalg.norm(z, axis=1, keepdims=True)
    p = z / lengths
    np.testing.assert_allclose(losses.detach().numpy(), ((p - y) ** 2).sum(axis=1), rtol=1e-12)
    assert outputs.grad is not None
    along = (p * y).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(outputs.grad.numpy(), -2 * (y - p * along) / lengths, rtol=1e-7, atol=1e-9)
