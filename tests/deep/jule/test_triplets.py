"""The triplet loss against loops over all triplets, in float64."""

import itertools

import numpy as np
import pytest
import torch

from stages.deep.jule.periods import triplet_loss


def reference(embedding, labels, gamma, margin, nearest=None, anchors_only=False):
    """The mean over pairs of the mean over their negatives, written out."""
    pairs = itertools.combinations if anchors_only else itertools.permutations
    losses = []
    for a, p in pairs(range(len(labels)), 2):
        if labels[a] != labels[p]:
            continue
        negatives = [
            n
            for n in range(len(labels))
            if (labels[n] != labels[a] if nearest is None else labels[n] in nearest[labels[a]])
        ]
        if negatives:
            near = gamma * np.sum((embedding[a] - embedding[p]) ** 2)
            far = [np.sum((embedding[a] - embedding[n]) ** 2) for n in negatives]
            losses.append(np.mean([max(0.0, near - one + margin) for one in far]))
    return float(np.mean(losses)) if losses else 0.0


@pytest.mark.parametrize("anchors_only", [False, True])
@pytest.mark.parametrize("near", [False, True])
@pytest.mark.parametrize(("gamma", "margin"), [(1.0, 0.2), (2.0, 0.0), (0.5, 3.0), (0.0, 0.0)])
@pytest.mark.parametrize("seed", range(3))
def test_loss_equals_the_loops(seed, gamma, margin, near, anchors_only, device):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, size=23)
    embedding = rng.normal(size=(23, 4)) * 0.5
    nearest = rng.permuted(np.tile(np.arange(5), (5, 1)), axis=1)[:, :2] if near else None
    if nearest is not None:
        nearest[nearest == np.arange(5)[:, None]] = -1
    found = triplet_loss(
        torch.tensor(embedding, device=device),
        torch.tensor(labels, device=device),
        gamma=gamma,
        margin=margin,
        nearest=None if nearest is None else torch.tensor(nearest, device=device),
        anchors_only=anchors_only,
    )
    assert found.item() == pytest.approx(
        reference(embedding, labels, gamma, margin, nearest, anchors_only), rel=1e-9
    )


def test_one_triplet_by_hand():
    # |a - p|^2 = 1, |a - n|^2 = 9, |p - n|^2 = 4. With gamma 2 and margin 3, a has 2 - 9 + 3 < 0 and p 2 - 4 + 3.
    embedding = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 1])
    assert triplet_loss(embedding, labels, gamma=2, margin=3).item() == pytest.approx((0 + 1) / 2)
    assert triplet_loss(embedding, labels, gamma=2, margin=3, anchors_only=True).item() == 0


@pytest.mark.parametrize("labels", [[0, 1, 2], [4, 4, 4]])
def test_without_a_pair_or_a_negative_the_loss_and_its_gradient_are_0(labels):
    embedding = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    loss = triplet_loss(embedding, torch.tensor(labels), gamma=1, margin=0.2)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(embedding.grad, torch.zeros(3, 2))


def test_gradients():
    rng = np.random.default_rng(1)
    embedding = torch.tensor(rng.normal(size=(9, 3)), requires_grad=True)
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 2])
    assert torch.autograd.gradcheck(lambda rows: triplet_loss(rows, labels, gamma=1.5, margin=0.4), embedding)


def test_only_anchors_learn_if_asked():
    embedding = torch.tensor([[0.0, 0], [1, 0], [0.5, 1]], requires_grad=True)
    triplet_loss(embedding, torch.tensor([0, 0, 1]), gamma=1, margin=1, anchors_only=True).backward()
    assert embedding.grad[0].any()
    assert not embedding.grad[1:].any()
    # The anchor's own gradient: 2 (a - p) - 2 (a - n) = 2 (n - p).
    assert embedding.grad[0].tolist() == pytest.approx([-1, 2])
