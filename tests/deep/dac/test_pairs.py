"""Pairs of images that are alike or not: thresholds, which pairs are known, and what they cost."""

import math

import numpy as np
import pytest
import torch

from stages.deep.dac.pairs import LOSSES, Pairs, certain_pairs, pair_loss, shares, thresholds
from stages.deep.image_networks import label_features


def features(b: int = 9, k: int = 4, seed: int = 0) -> torch.Tensor:
    logits = torch.randn((b, k), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    unit = (2 * logits).softmax(dim=1)
    return unit / unit.norm(dim=1, keepdim=True)


def reference(rows: np.ndarray, alike: np.ndarray, known: np.ndarray, loss: str) -> float:
    """The loss, pair by pair."""
    total = 0.0
    for i, ours in enumerate(rows):
        for j, theirs in enumerate(rows):
            if not known[i, j]:
                continue
            cosine = float(ours @ theirs)
            if loss == "squared":
                total += (cosine - alike[i, j]) ** 2
            else:
                total -= math.log(max(cosine if alike[i, j] else 1 - cosine, 1e-7))
    return total / len(rows) ** 2


@pytest.mark.parametrize("step", range(46))
def test_thresholds_are_the_papers(step: int) -> None:
    paper = 0.45 * step / 45  # lambda
    upper, lower = thresholds(0.95, 0.455, step / 45)
    assert upper == pytest.approx(0.95 - paper)
    assert lower == pytest.approx(0.455 + 0.1 * paper)


def test_thresholds_meet_at_one_half() -> None:
    assert thresholds(0.95, 0.455, 1.0) == pytest.approx((0.5, 0.5))
    assert thresholds(0.9, 0.9, 0.25) == pytest.approx((0.8, 0.8)), "the released code's, after 5 of 20 epochs"


def test_pairs_are_known_beyond_the_thresholds_by_hand() -> None:
    rows = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]])  # cosines .8, 0, .6
    pairs = certain_pairs(rows, thresholds(0.9, 0.3, 0.5))  # .7 and .4
    assert pairs.alike.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert pairs.known.tolist() == [[1, 1, 1], [1, 1, 0], [1, 0, 1]]
    assert shares(pairs).tolist() == pytest.approx([7 / 9, 5 / 9])
    some = pairs.of(torch.tensor([2, 1]))
    assert some.alike.tolist() == [[1, 0], [0, 1]] and some.known.tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("seed", range(3))
def test_the_loss_is_that_of_the_reference(loss: str, seed: int) -> None:
    rows = features(seed=seed)
    pairs = certain_pairs(features(seed=seed + 9), thresholds(0.95, 0.455, 0.3))
    assert 0 < pairs.known.mean() < 1
    expected = reference(rows.numpy(), pairs.alike.numpy(), pairs.known.numpy(), loss)
    assert pair_loss(rows, pairs, loss).item() == pytest.approx(expected, rel=1e-9)
    single = pair_loss(rows.float(), Pairs(*(values.float() for values in pairs)), loss).item()
    assert single == pytest.approx(expected, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_its_gradient_is_that_of_finite_differences(loss: str) -> None:
    logits = torch.randn((6, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    pairs = certain_pairs(features(6, 3), thresholds(0.95, 0.455, 0.2))
    off = 1 - torch.eye(
        6, dtype=torch.float64
    )  # the cosine of an image with itself is at the edge of the logarithm
    pairs = Pairs(pairs.alike, pairs.known * off)

    def of_logits(values: torch.Tensor) -> torch.Tensor:
        rows = values.softmax(dim=1)
        return pair_loss(rows / rows.norm(dim=1, keepdim=True), pairs, loss)

    assert torch.autograd.gradcheck(of_logits, (logits.requires_grad_(),))


@pytest.mark.parametrize("loss", LOSSES)
def test_pairs_that_are_seen_as_they_are_cost_nothing_and_others_have_finite_gradients(loss: str) -> None:
    rows = torch.eye(3)[[0, 0, 1, 2]]
    pairs = certain_pairs(rows, thresholds(0.9, 0.9, 0))
    assert pair_loss(rows, pairs, loss).item() == pytest.approx(0, abs=1e-6)
    logits = (100 * rows).requires_grad_()
    wrong = Pairs(1 - pairs.alike, pairs.known)
    pair_loss(label_features(logits), wrong, loss).backward()
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_without_known_pairs_the_loss_is_0() -> None:
    rows = features().requires_grad_()
    none = torch.zeros((9, 9), dtype=torch.float64)
    pair_loss(rows, Pairs(none, none)).backward()
    assert rows.grad is not None and not rows.grad.any()
