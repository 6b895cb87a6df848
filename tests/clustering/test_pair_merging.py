"""Path integral and zeta function clustering: what holds for both."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from stages.clustering.neighbours import digraph, nearest_components
from stages.clustering.path_integral import PathIntegral
from stages.clustering.zeta import Zeta
from stages.core.errors import ParameterError
from tests.clustering.graphs import assert_numbered, blobs, dense_merges, dense_weights

both = pytest.mark.parametrize("method", [PathIntegral, Zeta])


def _dense(graph, z, value):
    """The affinity of two clusters: by how much the `value` of each grows within their union."""
    W = dense_weights(graph) + np.eye(len(graph.indices))
    P = W / W.sum(axis=1, keepdims=True)

    def affinity(i, j):
        union = np.concatenate([i, j])
        return sum(
            value(np.eye(len(within)) - z * P[np.ix_(within, within)], np.isin(within, part), sign)
            for part in (i, j)
            for within, sign in ((union, 1), (part, -1))
        )

    return affinity


def _path_integral(system, inside, sign):
    return sign * (inside @ np.linalg.solve(system, inside.astype(float)) / inside.sum() ** 2)


def _cycles(system, inside, sign):
    return sign * np.log(np.diag(np.linalg.inv(system)))[inside].mean()


@pytest.mark.parametrize(
    ("method", "a", "value", "decimals", "tolerance"),
    [(PathIntegral, 1.0, _path_integral, 9, 1e-7), (Zeta, 0.95, _cycles, 8, 1e-6)],
)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("z", [0.01, 0.6])
def test_merges_equal_the_dense_reference(method, a, value, decimals, tolerance, seed, z):
    features = np.random.default_rng(seed).normal(size=(30, 3))
    found = method(4, n_neighbors=5, z=z).fit(features).merges_
    graph = digraph(features, 5, a)
    expected = dense_merges(nearest_components(graph.indices), 4, _dense(graph, z, value), decimals)
    np.testing.assert_array_equal(found[:, :2], expected[:, :2])
    np.testing.assert_allclose(found[:, 2], expected[:, 2], rtol=tolerance, atol=2e-15)


@both
def test_separate_groups_are_found_in_any_order(method):
    features, classes = blobs(200, 4, seed=3)
    assert adjusted_rand_score(classes, method(4, n_neighbors=8).fit_predict(features)) == 1


@both
@given(
    features=arrays(np.float32, st.tuples(st.integers(1, 25), st.integers(1, 3)), elements=st.integers(0, 3)),
    data=st.data(),
)
@settings(deadline=None, max_examples=50)
def test_as_many_clusters_as_asked_for_whatever_the_copies_and_ties(method, features, data):
    n_clusters = data.draw(st.integers(1, len(features)))
    labels = method(n_clusters, n_neighbors=data.draw(st.integers(1, 8))).fit_predict(features)
    assert_numbered(labels, n_clusters)


@both
@pytest.mark.parametrize("n_clusters", [1, 2, 29, 30])
def test_constant_features(method, n_clusters):
    assert_numbered(method(n_clusters).fit_predict(np.ones((30, 4))), n_clusters)


@both
def test_what_nothing_links_is_merged_by_the_nearest_centroids(method):
    groups = np.repeat([0.0, 10, 40, 55], 4) + np.tile([0, 0.1, 0.2, 0.3], 4)
    fitted = method(2, n_neighbors=3).fit(groups[:, None])
    assert fitted.labels_.tolist() == [0] * 8 + [1] * 8
    assert fitted.merges_[-2:].tolist() == [[0, 4, 0], [8, 12, 0]]


@both
@pytest.mark.parametrize("z", [0, 1, -0.5, 1.5, "much", True])
def test_z_out_of_range(method, z):
    with pytest.raises(ParameterError, match=r"z is .*; give a number between 0 and 1"):
        method(z=z).fit(np.ones((30, 2)))


@parametrize_with_checks([PathIntegral(), Zeta()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
