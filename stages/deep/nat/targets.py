"""Noise as targets: random points on the unit sphere, and which image of a batch has which."""

import torch
from torch import Tensor, nn


def draw_noise(n: int, dimensions: int, generator: torch.Generator) -> Tensor:
    """Return n points drawn uniformly from the unit sphere, float32 (n, dimensions): normal ones of length 1."""
    return nn.functional.normalize(torch.randn((n, dimensions), generator=generator))


def nearest_order(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the order, int64 (b), of targets (b, d) in which they are nearest to outputs (b, d) altogether.

    Output i gets the target of number order[i]. The sum of the squared distances is the least there is, which for
    rows of length 1 is the greatest sum of products (Bojanowski and Joulin 2017); the assignment is exact.
    The result is on the device of the targets.
    """
    from scipy.optimize import linear_sum_assignment

    products = (outputs @ targets.T).cpu().numpy()
    return torch.from_numpy(linear_sum_assignment(products, maximize=True)[1]).to(targets.device)


def noise_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the squared distances of outputs to their targets, both (b, d): (b)."""
    return (outputs - targets).square().sum(dim=1)
