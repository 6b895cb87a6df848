"""q, p, the loss and its gradient, against hand-computed values and plain float64 numpy."""

import numpy as np
import pytest
import torch

from stages.deep.dec.phases import divergences, soft_assignments, target_distribution


def reference_q(z: np.ndarray, mu: np.ndarray) -> np.ndarray:
    q = np.array([[1 / (1 + ((a - b) ** 2).sum()) for b in mu] for a in z])
    return q / q.sum(axis=1, keepdims=True)


def reference_p(q: np.ndarray) -> np.ndarray:
    p = np.array([[q[i, j] ** 2 / q[:, j].sum() for j in range(q.shape[1])] for i in range(len(q))])
    return p / p.sum(axis=1, keepdims=True)


@pytest.fixture
def case() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(3)
    return random.normal(size=(6, 4)), random.normal(size=(3, 4))


def test_q_by_hand() -> None:
    # Squared distances 0 and 3 give kernels 1 and 1/4; 1 and 1 give 1/2 and 1/2.
    embedding = torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    centers = torch.tensor([[0.0, 0.0], [3**0.5, 0.0]], dtype=torch.float64)
    q = soft_assignments(embedding[:1], centers)
    assert q.tolist() == [pytest.approx([0.8, 0.2])]
    q = soft_assignments(embedding[1:], torch.tensor([[0.0, 0.0], [2.0, 0.0]], dtype=torch.float64))
    assert q.tolist() == [[0.5, 0.5]]


def test_p_by_hand() -> None:
    # f = (1.4, 0.6); row 0: .64/1.4 to .04/.6, row 1: .36/1.4 to .16/.6.
    p = target_distribution(torch.tensor([[0.8, 0.2], [0.6, 0.4]], dtype=torch.float64))
    first = (0.64 / 1.4) / (0.64 / 1.4 + 0.04 / 0.6)
    second = (0.36 / 1.4) / (0.36 / 1.4 + 0.16 / 0.6)
    np.testing.assert_allclose(p.numpy(), [[first, 1 - first], [second, 1 - second]], rtol=1e-12)


def test_the_loss_by_hand() -> None:
    target = torch.tensor([[1.0, 0.0], [0.5, 0.5]], dtype=torch.float64)
    assignments = torch.tensor([[0.8, 0.2], [0.5, 0.5]], dtype=torch.float64)
    assert divergences(target, assignments).mean().item() == pytest.approx(-np.log(0.8) / 2)


def test_q_p_and_loss_match_the_reference(case: tuple[np.ndarray, np.ndarray], device: str) -> None:
    z, mu = case
    q = soft_assignments(torch.tensor(z, device=device), torch.tensor(mu, device=device))
    p = target_distribution(q)
    expected_q = reference_q(z, mu)
    expected_p = reference_p(expected_q)
    np.testing.assert_allclose(q.cpu(), expected_q, rtol=1e-12)
    np.testing.assert_allclose(p.cpu(), expected_p, rtol=1e-12)
    expected = (expected_p * np.log(expected_p / expected_q)).sum() / len(z)
    assert divergences(p, q).mean().item() == pytest.approx(expected, rel=1e-12)


def test_the_gradient_is_the_papers(case: tuple[np.ndarray, np.ndarray]) -> None:
    z, mu = case
    embedding, centers = torch.tensor(z, requires_grad=True), torch.tensor(mu, requires_grad=True)
    q = soft_assignments(embedding, centers)
    p = target_distribution(q).detach()
    divergences(p, q).mean().backward()
    # Equations 4 and 5 for alpha = 1, divided by n as the loss is a mean over the images.
    differences = z[:, None] - mu[None]
    kernel = 1 / (1 + (differences**2).sum(axis=2))
    terms = 2 * (kernel * (p - q).detach().numpy())[:, :, None] * differences / len(z)
    np.testing.assert_allclose(embedding.grad, terms.sum(axis=1), rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(centers.grad, -terms.sum(axis=0), rtol=1e-9, atol=1e-15)


def test_autograd_agrees_with_finite_differences(case: tuple[np.ndarray, np.ndarray]) -> None:
    z, mu = (torch.tensor(values, requires_grad=True) for values in case)
    target = torch.tensor(reference_p(reference_q(*case)))
    assert torch.autograd.gradcheck(lambda a, b: divergences(target, soft_assignments(a, b)).mean(), (z, mu))


def test_an_image_on_its_center_has_a_finite_gradient() -> None:
    embedding = torch.zeros(1, 2, requires_grad=True)
    centers = torch.tensor([[0.0, 0.0], [1.0, 0.0]])
    divergences(torch.tensor([[1.0, 0.0]]), soft_assignments(embedding, centers)).mean().backward()
    assert embedding.grad is not None
    assert torch.isfinite(embedding.grad).all()
