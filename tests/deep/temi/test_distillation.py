"""One step of TEMI against a short reference in float64 that shares no code with it; pairs and weights by hand."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.special import erf

from stages.deep.temi.distillation import Distillation
from stages.deep.temi.estimators import TEMI
from stages.deep.temi.heads import Heads, draw_heads
from stages.deep.temi.pairs import neighbour_lists, pair_losses, pair_weights, usual_neighbours

Array = NDArray[np.float64]


def reference_shares(heads: Heads, number: int, spaces: list[Array]) -> Array:
    """The shares (n, k) that a head gives the rows of the spaces (n, d_j)."""
    total: Array = np.zeros(())
    for part, space in zip(heads.spaces, spaces, strict=True):
        values = {name: value.detach().numpy() for name, value in part.named_parameters()}
        width = values["bottleneck"].shape[2]
        units = slice(number * width, (number + 1) * width)
        hidden = space @ values["hidden"][units].T + values["hidden_bias"][units]
        hidden = hidden * (1 + erf(hidden / np.sqrt(2))) / 2
        code = hidden @ values["bottleneck"][number].T + values["bottleneck_bias"][number]
        code /= np.linalg.norm(code, axis=1, keepdims=True)
        rows = values["directions"][number]
        total = total + code @ (values["lengths"][number] * rows / np.linalg.norm(rows, axis=1, keepdims=True)).T
    powers = np.exp(total / len(spaces) / heads.temperature)
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares


def made(generator: torch.Generator, n_heads: int = 2) -> Heads:
    heads = Heads([5, 4], 3, n_heads, width=6, bottleneck=7, temperature=0.1).double()
    draw_heads(heads, generator)
    with torch.no_grad():
        for value in heads.parameters():  # so that biases and lengths count
            value += 0.3 * torch.randn(value.shape, generator=generator, dtype=value.dtype)
    return heads


@pytest.mark.parametrize("batch_size", [9, 4])
def test_the_losses_of_two_steps_are_those_of_the_reference(batch_size: int) -> None:
    random = np.random.default_rng(0)
    spaces = [random.normal(size=(9, 5)), random.normal(size=(9, 4))]
    neighbours = torch.from_numpy(random.integers(9, size=(9, 3)))
    student = made(torch.Generator().manual_seed(1))
    plan = TEMI(3, batch_size=batch_size, beta=0.7, teacher_momentum=0.6, size_momentum=0.75, learning_rate=0.01)
    tensors = [torch.from_numpy(space) for space in spaces]
    training = Distillation(student, tensors, neighbours, plan, torch.Generator().manual_seed(2))
    again = torch.Generator().manual_seed(2)
    sizes = np.full((2, 3), 1 / 3)
    for _ in range(2):
        images = np.arange(9) if batch_size == 9 else torch.randperm(9, generator=again)[:4].numpy()
        partners = neighbours.numpy()[images, torch.randint(3, (batch_size,), generator=again).numpy()]
        learnt = [reference_shares(training.student, head, spaces) for head in range(2)]
        taught = [reference_shares(training.teacher, head, spaces) for head in range(2)]
        weights = sum((shares[images] * shares[partners]).sum(axis=1) for shares in taught) / 2
        expected = []
        for head in range(2):
            now = taught[head][images].mean(axis=0)
            sizes[head] = now if batch_size == 9 else 0.75 * sizes[head] + 0.25 * now
            there = ((learnt[head][images] * taught[head][partners]) ** 0.7 / sizes[head]).sum(axis=1)
            back = ((learnt[head][partners] * taught[head][images]) ** 0.7 / sizes[head]).sum(axis=1)
            expected.append(-float((weights * (np.log(there) + np.log(back)) / 2).mean()))
        before = [value.clone() for value in training.teacher.parameters()]
        np.testing.assert_allclose(training.step().numpy(), expected, rtol=1e-10)
        for old, mine, theirs in zip(before, training.teacher.parameters(), student.parameters(), strict=True):
            torch.testing.assert_close(mine.data, 0.6 * old + 0.4 * theirs.data)
    assert all(value.grad is None for value in training.teacher.parameters())


def test_the_gradient_of_a_step_is_the_slope_of_the_mean_loss() -> None:
    """By finite differences, with the teacher and the sizes held; the first step of AdamW is its sign."""
    random = np.random.default_rng(3)
    tensors = [torch.from_numpy(random.normal(size=(8, 5))), torch.from_numpy(random.normal(size=(8, 4)))]
    neighbours = torch.from_numpy(random.integers(8, size=(8, 1)))
    student = made(torch.Generator().manual_seed(4))
    plan = TEMI(3, learning_rate=1e-3, warm_up=0, weight_decay=0)
    training = Distillation(student, tensors, neighbours, plan, torch.Generator().manual_seed(5))
    images, partners = torch.arange(8), neighbours[:, 0]
    teacher = training.teacher.log_shares(tensors)
    sizes, weights = teacher.exp().mean(dim=1), pair_weights(teacher, images, partners)

    def loss() -> float:
        shares = student.log_shares(tensors)
        return float(pair_losses(shares, teacher, images, partners, sizes, weights, plan.beta).mean())

    slopes = []
    for value in student.parameters():
        place = tuple(0 for _ in value.shape)
        with torch.no_grad():
            value[place] += 1e-6
            above = loss()
            value[place] -= 2e-6
            slopes.append((above - loss()) / 2e-6)
            value[place] += 1e-6
    before = [value.detach().clone() for value in student.parameters()]
    training.step()
    for old, value, slope in zip(before, student.parameters(), slopes, strict=True):
        place = tuple(0 for _ in value.shape)
        assert value.grad is not None and float(value.grad[place]) == pytest.approx(slope, rel=1e-5, abs=1e-9)
        if abs(slope) > 1e-4:
            assert float((value.detach() - old)[place]) == pytest.approx(-np.sign(slope) * 1e-3, rel=1e-2)


def test_the_gradient_of_the_loss_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64).log_softmax(dim=2)
    images, partners = torch.tensor([0, 1, 2, 2]), torch.tensor([3, 3, 1, 4])
    weights, sizes = pair_weights(teacher, images, partners), teacher.exp().mean(dim=1)

    def losses(given: torch.Tensor) -> torch.Tensor:
        return pair_losses(given.log_softmax(dim=2), teacher, images, partners, sizes, weights, 0.6)

    assert torch.autograd.gradcheck(losses, (logits,))


def test_sure_heads_lose_least_with_clusters_of_one_size_and_nothing_with_one_cluster() -> None:
    """Four images in two pairs: -log 2 where the pairs are the clusters, 0 where all are in one."""
    parted = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    together = torch.tensor([[1.0, 0]] * 4)
    shares = torch.stack([parted, together])
    images, partners = torch.tensor([0, 2]), torch.tensor([1, 3])
    logs = shares.log().clamp_min(-100)
    weights = pair_weights(logs, images, partners)
    assert weights.tolist() == pytest.approx([1, 1])
    losses = pair_losses(logs, logs, images, partners, shares.mean(dim=1), weights, 0.6)
    assert losses.tolist() == pytest.approx([-np.log(2), 0], abs=1e-6)


def test_a_pair_weighs_what_all_heads_think_of_it() -> None:
    shares = torch.tensor([[[0.5, 0.5], [0.2, 0.8]], [[1.0, 0.0], [0.0, 1.0]]])
    weights = pair_weights(shares.log(), torch.tensor([0]), torch.tensor([1]))
    assert float(weights) == pytest.approx((0.5 * 0.2 + 0.5 * 0.8 + 0) / 2)


def test_the_steps_grow_to_their_size() -> None:
    space = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
    heads = Heads([5], 2, 1, 4, 4, 0.1)
    draw_heads(heads, torch.Generator().manual_seed(0))
    plan = TEMI(2, iterations=20, warm_up=0.2, learning_rate=0.1)
    training = Distillation(heads, [space], torch.zeros((6, 1), dtype=torch.int64), plan, torch.Generator())
    rates = []
    for _ in range(6):
        training.step()
        rates.append(training._learn.param_groups[0]["lr"])
    assert rates == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


def test_partners_are_the_nearest_by_the_cosine_in_every_view() -> None:
    """Lengths differ by a thousand: the nearest by the angle is not the nearest by the distance."""
    random = np.random.default_rng(0)
    views = [random.normal(size=(30, width)).astype(np.float32) for width in (4, 3)]
    views[0] *= 10.0 ** random.uniform(-1.5, 1.5, size=(30, 1)).astype(np.float32)
    cosines = []
    for view in views:
        unit = view / np.linalg.norm(view, axis=1, keepdims=True)
        cosines.append(unit @ unit.T - 9 * np.eye(30))
    apart = [np.argsort(-cosine, axis=1, kind="stable")[:, :5] for cosine in cosines]
    assert np.array_equal(neighbour_lists(views, 5, False).numpy(), np.concatenate(apart, axis=1))
    joined = np.argsort(-(cosines[0] + cosines[1]), axis=1, kind="stable")[:, :5]
    assert np.array_equal(neighbour_lists(views, 5, True).numpy(), joined)
    assert neighbour_lists([views[0][:1]], 5, False).tolist() == [[0]]
    assert neighbour_lists([views[0][:3]], 5, False).shape == (3, 2)


@pytest.mark.parametrize(("images", "clusters", "count"), [(210, 10, 10), (50_000, 10, 50), (5, 5, 1), (1, 1, 1)])
def test_the_usual_neighbours_are_half_a_cluster_and_at_most_fifty(images: int, clusters: int, count: int) -> None:
    assert usual_neighbours(images, clusters) == count
