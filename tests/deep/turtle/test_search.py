"""One step of TURTLE's search against a short reference in float64 that shares no code with it."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.deep.turtle.estimators import TURTLE
from stages.deep.turtle.labeller import Labeller, draw_uniform
from stages.deep.turtle.search import Search, outer_terms

Array = NDArray[np.float64]


def softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def learnt(space: Array, target: Array, weights: Array, biases: Array, steps: int, rate: float) -> Array:
    """Logits of a linear classifier after some steps of Adam (Kingma and Ba 2015, algorithm 1)."""
    values = np.concatenate([weights.T, biases[None]])
    inputs = np.concatenate([space, np.ones((len(space), 1))], axis=1)
    first, second = np.zeros_like(values), np.zeros_like(values)
    for step in range(1, steps + 1):
        gradient = inputs.T @ (softmax(inputs @ values) - target) / len(inputs)
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        values -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    return inputs @ values


def test_the_terms_of_a_step_are_those_of_the_reference() -> None:
    random = np.random.default_rng(0)
    spaces = [random.normal(size=(9, 5)), random.normal(size=(9, 4))]
    labeller = Labeller([5, 4], 3).double()
    draw_uniform(labeller, torch.Generator().manual_seed(1))
    plan = TURTLE(3, inner_steps=4, inner_learning_rate=0.05)
    search = Search(labeller, [torch.tensor(space) for space in spaces], plan, torch.Generator().manual_seed(2))

    labels = [
        softmax(space @ layer.weight.detach().numpy().T + layer.bias.detach().numpy())
        for space, layer in zip(spaces, labeller.spaces, strict=True)
    ]
    target = (labels[0] + labels[1]) / 2
    first = Labeller([5, 4], 3).double()
    again = torch.Generator().manual_seed(2)
    for _ in range(2):  # when the search is made, and when it takes its first step
        draw_uniform(first, again)
    error = 0.0
    for space, layer in zip(spaces, first.spaces, strict=True):
        weights, biases = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        logits = learnt(space, target, weights, biases, steps=4, rate=0.05)
        error -= float((target * np.log(softmax(logits))).sum(axis=1).mean())
    means = [label.mean(axis=0) for label in labels]
    entropy = -sum(float((mean * np.log(mean)).sum()) for mean in means)
    np.testing.assert_allclose(search.step().numpy(), [error, entropy], rtol=1e-7)


def test_the_gradient_flows_through_the_labels_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = [torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    predicted = [torch.randn(4, 3, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2)]

    def terms(*given: torch.Tensor) -> torch.Tensor:
        return outer_terms([value.softmax(dim=1) for value in given], predicted)

    assert torch.autograd.gradcheck(terms, tuple(logits))
    terms(*logits).sum().backward()
    assert [value.grad for value in predicted] == [None, None]


def test_the_entropy_is_counted_for_each_space_not_for_their_mean() -> None:
    """Two spaces that each know one cluster: each has no entropy, their mean has log 2."""
    labels = [torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])]
    error, entropy = outer_terms(labels, [torch.zeros(1, 2), torch.zeros(1, 2)])
    assert (float(error), float(entropy)) == (pytest.approx(2 * np.log(2)), 0)


def test_a_step_goes_down_the_slope_of_the_loss_with_the_predictions_held() -> None:
    """By finite differences: the first step of Adam is the sign of the slope times the rate."""
    random = np.random.default_rng(3)
    space = torch.tensor(random.normal(size=(12, 4)))
    labeller = Labeller([4], 3).double()
    draw_uniform(labeller, torch.Generator().manual_seed(4))
    (layer,) = labeller.spaces
    plan = TURTLE(3, learning_rate=1e-3, inner_learning_rate=0.1, gamma=2.0)
    search = Search(labeller, [space], plan, torch.Generator().manual_seed(5))
    before, biases = layer.weight.detach().clone(), layer.bias.detach().clone()
    search.step()
    moved = layer.weight.detach() - before
    predicted = [logits.detach() for logits in search.classifiers.logits([space])]

    def loss(weights: torch.Tensor) -> float:
        label = (space @ weights.T + biases).softmax(dim=1)
        error, entropy = outer_terms([label], predicted)
        return float(error - 2.0 * entropy)

    for place in ((0, 0), (1, 3), (2, 2)):
        step = torch.zeros_like(before)
        step[place] = 1e-6
        slope = (loss(before + step) - loss(before - step)) / 2e-6
        assert abs(slope) > 1e-4
        assert float(moved[place]) == pytest.approx(-np.sign(slope) * 1e-3, rel=1e-3)
