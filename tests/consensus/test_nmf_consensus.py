"""NMF consensus against the same updates on the dense matrix."""

import numpy as np
import pytest
from scipy.sparse import diags

from stages.consensus.hypergraph import distinct_rows, hypergraph
from stages.consensus.nmf import NMFConsensus
from stages.core.errors import ParameterError
from tests.consensus.ensembles import noisy_copies


def _dense_updates(M, Q, n_updates):
    """The paper's updates, as printed; the factors, and the squared error after each."""
    S = Q.T @ M @ Q
    errors = []
    for _ in range(n_updates):
        Q = Q * np.sqrt((M @ Q @ S) / (Q @ Q.T @ M @ Q @ S))
        S = S * np.sqrt((Q.T @ M @ Q) / (Q.T @ Q @ S @ Q.T @ Q))
        errors.append(((M - Q @ S @ Q.T) ** 2).sum())
    return Q, errors


def _problem():
    _, copies = noisy_copies(80, 4, 3, share=0.4)
    distinct = distinct_rows(copies)
    assert len(distinct.rows) < 60, "some images are equal"
    dense = sum(column[:, None] == column for column in copies.T) / 3
    root = (hypergraph(distinct.rows).indicator @ diags(np.full(12, np.sqrt(1 / 3)))).tocsr()
    start = np.random.default_rng(0).random((len(distinct.rows), 4)) / 5
    return distinct, dense, root, start


def test_the_factors_are_those_of_the_dense_matrix_of_all_images():
    distinct, dense, root, start = _problem()
    expected, _ = _dense_updates(dense, start[distinct.inverse], 7)
    clustering = NMFConsensus(4, max_iter=7, tol=0)
    found = clustering._factorise(root, distinct.counts, start.copy())
    np.testing.assert_allclose(found[distinct.inverse], expected, rtol=1e-8)
    assert clustering.n_iter_ == 7


def test_it_stops_where_the_error_settles():
    distinct, dense, root, start = _problem()
    clustering = NMFConsensus(4, max_iter=500, tol=1e-4)
    clustering._factorise(root, distinct.counts, start.copy())
    _, errors = _dense_updates(dense, start[distinct.inverse], clustering.n_iter_)
    changes = np.abs(np.diff(errors)) / (dense**2).sum()
    assert 2 < clustering.n_iter_ < 500
    assert changes[-1] <= 1e-4 < changes[:-1].min()


def test_by_hand():
    partitions = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1], [1, 1, 1], [1, 1, 2]])
    assert NMFConsensus(2, random_state=0).fit_predict(partitions).tolist() == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"max_iter": 0}, "max_iter is 0; give a whole number"), ({"tol": -1}, "tol is -1; give a number")],
)
def test_refused(parameters, message):
    with pytest.raises(ParameterError, match=message):
        NMFConsensus(2, **parameters).fit([[0], [1], [2]])
