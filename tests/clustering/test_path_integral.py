"""Path integral clustering against dense solves, merge by merge, and on real faces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from stages.clustering.neighbours import Digraph, digraph, nearest_components
from stages.clustering.path_integral import PathIntegral
from stages.core import memory
from stages.core.errors import ParameterError
from tests.clustering.faces import umist
from tests.clustering.graphs import (
    archive,
    assert_numbered,
    blobs,
    dense_merges,
    dense_weights,
    needs,
    nmi,
)


def _affinity(graph, z):
    W = dense_weights(graph) + np.eye(len(graph.indices))
    P = W / W.sum(axis=1, keepdims=True)

    def integral(part, within):
        inside = np.isin(within, part).astype(float)
        return (
            inside @ np.linalg.solve(np.eye(len(within)) - z * P[np.ix_(within, within)], inside) / len(part) ** 2
        )

    def affinity(i, j):
        both = np.concatenate([i, j])
        return sum(integral(part, both) - integral(part, part) for part in (i, j))

    return affinity


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("z", [0.01, 0.6])
def test_merges_equal_the_dense_reference(seed, z):
    features = np.random.default_rng(seed).normal(size=(30, 3))
    method = PathIntegral(4, n_neighbors=5, z=z).fit(features)
    graph = digraph(features, 5, 1.0)
    expected = dense_merges(nearest_components(graph.indices), 4, _affinity(graph, z), 9)
    np.testing.assert_array_equal(method.merges_[:, :2], expected[:, :2])
    np.testing.assert_allclose(method.merges_[:, 2], expected[:, 2], rtol=1e-7, atol=1e-15)


def test_an_affinity_by_hand():
    # Two images linked to each other with weight w: P is [[1, w], [w, 1]] / (1 + w). Alone an image has the
    # integral 1 / (1 - z / (1 + w)); together it is the diagonal of the inverse of a matrix of two by two.
    z, w = 0.01, 0.5
    pair = Digraph(np.array([[1], [0]], dtype=np.int32), np.full((2, 1), w))
    names, merges = PathIntegral(1, z=z)._merge(pair, np.arange(2, dtype=np.int32), 1)
    stay, go = 1 - z / (1 + w), z * w / (1 + w)
    assert merges[0] == pytest.approx([0, 1, 2 * (stay / (stay**2 - go**2) - 1 / stay)], rel=1e-9)
    assert names.tolist() == [0, 0]


def test_published_score_on_umist():
    features, people = umist()
    assert nmi(people, PathIntegral(20).fit_predict(features)) == pytest.approx(0.7506, abs=0.002)


@needs("coil20.npz")
def test_score_on_coil20():
    """Published .950 for 128 x 128 pixels; these are 32 x 32."""
    features, objects = archive("coil20.npz")
    assert nmi(objects, PathIntegral(20).fit_predict(features)) > 0.89


def test_separate_groups_are_found_in_any_order():
    features, classes = blobs(200, 4, seed=3)
    labels = PathIntegral(4, n_neighbors=8).fit_predict(features)
    assert adjusted_rand_score(classes, labels) == 1


@given(arrays(np.float32, st.tuples(st.integers(1, 25), st.integers(1, 3)), elements=st.integers(0, 3)), st.data())
@settings(deadline=None, max_examples=50)
def test_as_many_clusters_as_asked_for_whatever_the_copies_and_ties(features, data):
    n_clusters = data.draw(st.integers(1, len(features)))
    labels = PathIntegral(n_clusters, n_neighbors=data.draw(st.integers(1, 8))).fit_predict(features)
    assert_numbered(labels, n_clusters)


@pytest.mark.parametrize("n_clusters", [1, 2, 29, 30])
def test_constant_features(n_clusters):
    assert_numbered(PathIntegral(n_clusters).fit_predict(np.ones((30, 4))), n_clusters)


def test_what_nothing_links_is_merged_by_the_nearest_centroids():
    groups = np.repeat([0.0, 10, 40, 55], 4) + np.tile([0, 0.1, 0.2, 0.3], 4)
    method = PathIntegral(2, n_neighbors=3).fit(groups[:, None])
    assert method.labels_.tolist() == [0] * 8 + [1] * 8
    assert method.merges_[-2:].tolist() == [[0, 4, 0], [8, 12, 0]]


@pytest.mark.parametrize("z", [0, 1, -0.5, "much", True])
def test_z_out_of_range(z):
    with pytest.raises(ParameterError, match=r"z is .*; give a number between 0 and 1"):
        PathIntegral(z=z).fit(np.ones((30, 2)))


def test_what_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 20)
    with pytest.raises(
        ParameterError, match="path integral clustering of 500 images with 20 neighbours would take"
    ):
        PathIntegral().fit(np.random.default_rng(0).normal(size=(500, 3)))


@parametrize_with_checks([PathIntegral()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
