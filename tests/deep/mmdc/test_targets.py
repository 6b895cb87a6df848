"""Targets of multi-modal deep clustering: the mixture, and which image has which target."""

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from stages.core.errors import ParameterError
from stages.deep.clusters import matched
from stages.deep.mmdc.training import assigned, draw_targets


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_a_width_targets_are_unit_vectors() -> None:
    targets = draw_targets(500, 4, "one_hot", 0.0, generator())
    assert torch.equal(targets.means, torch.eye(4))
    assert torch.equal(targets.points, torch.eye(4)[targets.components])
    sizes = torch.bincount(targets.components)
    assert sizes.sum() == 500 and sizes.min() > 90 and not (sizes == 125).all(), "drawn one by one"


@pytest.mark.parametrize("means", ["one_hot", "random"])
def test_points_scatter_around_the_means_of_their_components(means: str) -> None:
    targets = draw_targets(6000, 5, means, 0.01, generator())
    torch.testing.assert_close(targets.points.norm(dim=1), torch.ones(6000))
    unit = torch.nn.functional.normalize(targets.means)
    for component in range(5):
        own = targets.points[targets.components == component]
        torch.testing.assert_close(own.mean(dim=0), unit[component], atol=0.05, rtol=0)
        assert own.std(dim=0).max() > 0.004
    if means == "random":
        assert targets.means.abs().max() <= 0.1


def test_the_least_cost_of_a_batch_by_hand() -> None:
    outputs = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.8, 0.6]])
    targets = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    order = assigned(outputs, targets)
    assert order[0] == 2 and sorted(order.tolist()) == [0, 1, 2]
    assert torch.equal(targets[order], torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]))


@pytest.mark.parametrize("seed", range(4))
def test_costs_equal_those_of_scipy_and_of_all_orders(seed: int, device: str) -> None:
    outputs, targets = (torch.randn((7, 3), generator=generator(seed + i)).to(device) for i in (0, 100))
    order = assigned(outputs, targets)
    costs = cdist(outputs.cpu().numpy(), targets.cpu().numpy())
    ours = costs[np.arange(7), order.cpu().numpy()].sum()
    assert ours == pytest.approx(costs[linear_sum_assignment(costs)].sum(), rel=1e-6)
    least = min(costs[np.arange(7), list(each)].sum() for each in itertools.permutations(range(7)))
    assert ours == pytest.approx(least, rel=1e-6)


def test_costs_of_a_whole_batch_are_the_least_though_targets_are_close_by() -> None:
    targets = draw_targets(128, 10, "one_hot", 1e-3, generator()).points
    outputs = torch.nn.functional.normalize(
        targets.flip(0) + 1e-4 * torch.randn((128, 10), generator=generator(1))
    )
    costs = cdist(outputs.double().numpy(), targets.double().numpy())
    ours = costs[np.arange(128), assigned(outputs, targets).numpy()].sum()
    assert ours == pytest.approx(costs[linear_sum_assignment(costs)].sum(), rel=1e-6)


def test_widths_beyond_float32_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"sigma is 1e\+39, too large for float32; give one near the means"):
        draw_targets(10, 3, "one_hot", 1e39, generator())


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_moving_targets_keeps_their_counts(batch: int) -> None:
    targets = draw_targets(200, 10, "one_hot", 0.1, generator())
    before = targets.points.clone()
    counts = torch.bincount(targets.components, minlength=10)
    outputs = torch.randn((200, 10), generator=generator(1))
    cost = torch.cdist(outputs, targets.points).diagonal().sum()
    for images in torch.randperm(200, generator=generator(2)).split(batch):
        targets.move(images, images[assigned(outputs[images], targets.points[images])])
    assert torch.equal(torch.bincount(targets.components, minlength=10), counts)
    assert sorted(map(tuple, before.tolist())) == sorted(map(tuple, targets.points.tolist()))
    after = torch.cdist(outputs, targets.points).diagonal().sum()
    assert after == cost if batch == 1 else after < cost


def test_components_move_with_their_points() -> None:
    targets = draw_targets(50, 4, "one_hot", 0.0, generator())
    targets.move(torch.arange(50), torch.randperm(50, generator=generator(3)))
    assert torch.equal(targets.points, torch.eye(4)[targets.components])


def test_clusters_take_the_number_of_the_component_they_share_most_with() -> None:
    components = np.array([2, 2, 2, 0, 0, 1, 1, 1])
    clusters = np.array([0, 0, 0, 1, 1, 2, 2, 1])
    assert matched(clusters, components, 3).tolist() == [2, 2, 2, 0, 0, 1, 1, 0]
    assert matched(np.zeros(8, dtype=int), components, 3).tolist() in ([2] * 8, [1] * 8)
