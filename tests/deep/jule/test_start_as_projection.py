"""A perceptron that starts as a projection: neighbours stay neighbours."""

import numpy as np
import pytest
import torch

from stages.deep.jule.on_features import start_as_projection
from stages.deep.networks import initialise, stacked


def started(rows, hidden=12, out=9, seed=0):
    network = stacked([rows.shape[1], hidden, out])
    generator = torch.Generator().manual_seed(seed)
    initialise(network, generator)
    start_as_projection(network, torch.tensor(rows, dtype=torch.float32), generator)
    with torch.no_grad():
        return network(torch.tensor(rows, dtype=torch.float32)).numpy()


def test_inner_products_are_those_of_the_best_approximation():
    rows = np.random.default_rng(0).normal(size=(40, 20)) * np.geomspace(10, 0.01, 20)
    left, values, _ = np.linalg.svd(rows, full_matrices=False)
    best = (left[:, :6] * values[:6] ** 2) @ left[:, :6].T  # 6 directions: half of 12 units
    found = started(rows)
    np.testing.assert_allclose(found @ found.T, best, atol=1e-3 * best.max())


def test_rows_of_low_rank_are_kept_whole():
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(30, 4)) @ rng.normal(size=(4, 50))
    found = started(rows)
    np.testing.assert_allclose(found @ found.T, rows @ rows.T, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("shape", [(1, 5), (3, 2), (50, 1)])
def test_few_rows_or_features(shape):
    rows = np.random.default_rng(2).normal(size=shape)
    found = started(rows)
    np.testing.assert_allclose(found @ found.T, rows @ rows.T, rtol=1e-3, atol=1e-3)


def test_rows_of_zeros_stay_zeros():
    assert not started(np.zeros((5, 3))).any()


def test_the_same_generator_gives_the_same_weights():
    rows = np.random.default_rng(3).normal(size=(30, 8))
    assert np.array_equal(started(rows), started(rows))
