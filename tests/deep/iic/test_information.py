"""The objective of invariant information clustering against a short reference in float64, and by hand."""

import math

import numpy as np
import pytest
import torch

from stages.deep.iic.information import joint_probabilities, mutual_information


def probabilities(b: int, *sides: int, seed: int = 0) -> torch.Tensor:
    logits = torch.randn((b, *sides), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (2 * logits).softmax(dim=-1)


def reference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The mutual information of the symmetric joint distribution, image by image and pair by pair."""
    b, k = ours.shape
    joint = np.zeros((k, k))
    for p, q in zip(ours, theirs, strict=True):
        joint += (np.outer(p, q) + np.outer(q, p)) / (2 * b)
    first = joint.sum(axis=1)
    return sum(joint[i, j] * math.log(joint[i, j] / (first[i] * first[j])) for i in range(k) for j in range(k))


@pytest.mark.parametrize("seed", range(3))
def test_it_is_that_of_the_reference(seed: int) -> None:
    ours, theirs = probabilities(9, 4, seed=seed), probabilities(9, 4, seed=seed + 50)
    expected = reference(ours.numpy(), theirs.numpy())
    assert mutual_information(ours, theirs).item() == pytest.approx(expected, rel=1e-12)
    single = mutual_information(ours.float(), theirs.float()).item()
    assert single == pytest.approx(expected, rel=1e-4)


def test_sub_heads_are_each_for_itself() -> None:
    ours, theirs = probabilities(6, 3, 4), probabilities(6, 3, 4, seed=1)
    found = mutual_information(ours, theirs)
    assert found.shape == (3,)
    for head in range(3):
        assert found[head].item() == pytest.approx(reference(ours[:, head].numpy(), theirs[:, head].numpy()))


def test_its_gradient_is_that_of_finite_differences() -> None:
    ours, theirs = (probabilities(5, 2, 3, seed=seed).requires_grad_() for seed in (0, 1))
    assert torch.autograd.gradcheck(mutual_information, (ours, theirs))


def test_the_joint_distribution_is_symmetric_and_sums_to_1() -> None:
    joint = joint_probabilities(probabilities(8, 5), probabilities(8, 5, seed=1))
    torch.testing.assert_close(joint, joint.mT)
    assert joint.sum().item() == pytest.approx(1)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_certain_and_equally_large_clusters_have_the_most(k: int) -> None:
    certain = torch.eye(k).repeat(4, 1)
    assert mutual_information(certain, certain).item() == pytest.approx(math.log(k), abs=1e-6)


@pytest.mark.parametrize("rows", [torch.eye(4)[[0] * 8], torch.full((8, 4), 0.25)])
def test_one_cluster_and_no_opinion_have_none(rows: torch.Tensor) -> None:
    rows = rows.clone().requires_grad_()
    information = mutual_information(rows, rows)
    assert information.item() == pytest.approx(0, abs=1e-6)
    information.backward()
    assert rows.grad is not None and rows.grad.isfinite().all(), "though some probabilities are 0"


def test_views_that_say_nothing_of_each_other_have_none() -> None:
    ours = torch.eye(2).repeat_interleave(2, dim=0)
    theirs = torch.eye(2).repeat(2, 1)
    assert mutual_information(ours, theirs).item() == pytest.approx(0, abs=1e-6)
