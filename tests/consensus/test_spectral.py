"""Leading singular vectors by every way they are computed, against the dense ones."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from stages.consensus import spectral


def _sparse(rows, columns):
    rng = np.random.default_rng(1)
    return csr_matrix(rng.random((rows, columns)) * (rng.random((rows, columns)) < 0.4))


@pytest.mark.parametrize("dense_up_to", [1, 3000], ids=["iterative", "dense"])
@pytest.mark.parametrize("shape", [(60, 25), (25, 60)])
def test_singular_vectors_equal_the_dense_ones(monkeypatch, dense_up_to, shape):
    monkeypatch.setattr(spectral, "_DENSE", dense_up_to)
    matrix = _sparse(*shape)
    left, right = spectral.leading_singular_vectors(matrix, 4)
    expected_left, _, expected_right = np.linalg.svd(matrix.toarray())
    for found, expected in ((left, expected_left[:, :4]), (right, expected_right[:4].T)):
        np.testing.assert_allclose(np.abs((found * expected).sum(axis=0)), 1, atol=1e-8)
        np.testing.assert_allclose(np.linalg.norm(found, axis=0), 1, atol=1e-8)


@pytest.mark.parametrize("dense_up_to", [1, 3000], ids=["iterative", "dense"])
def test_eigenvectors_equal_the_dense_ones(monkeypatch, dense_up_to):
    monkeypatch.setattr(spectral, "_DENSE", dense_up_to)
    half = _sparse(40, 30).toarray()
    values, vectors = spectral.leading_eigenvectors(half @ half.T, 5)
    expected_values, expected = np.linalg.eigh(half @ half.T)
    np.testing.assert_allclose(values, expected_values[::-1][:5])
    np.testing.assert_allclose(np.abs((vectors * expected[:, ::-1][:, :5]).sum(axis=0)), 1, atol=1e-8)


def test_no_more_vectors_than_the_rank():
    matrix = csr_matrix(np.outer(np.arange(1.0, 8), [1, 2, 3]))
    left, right = spectral.leading_singular_vectors(matrix, 3)
    assert left.shape == (7, 1)
    assert right.shape == (3, 1)


def test_points_that_coincide_give_fewer_clusters_without_a_warning():
    points = np.array([[0.0, 1], [0, 1], [1, 0], [1, 0]])
    labels = spectral.kmeans(points, np.ones(4), 3, random_state=0)
    assert labels[0] == labels[1] != labels[2] == labels[3]


def test_unit_rows_leave_zeros():
    np.testing.assert_allclose(spectral.unit_rows(np.array([[3.0, 4], [0, 0]])), [[0.6, 0.8], [0, 0]])
