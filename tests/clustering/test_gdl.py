"""Graph degree linkage against a dense reference, merge by merge, on real faces, and in hard cases."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from stages.clustering.gdl import GraphDegreeLinkage, link_by_degree
from stages.clustering.neighbours import Digraph, digraph, nearest_components
from stages.core import memory
from stages.core.errors import ParameterError
from tests.clustering.faces import umist
from tests.clustering.graphs import archive, assert_numbered, blobs, dense_merges, dense_weights, needs, nmi


def _affinity(W):
    def affinity(i, j):
        there, back = W[np.ix_(i, j)], W[np.ix_(j, i)]
        return (there @ back).sum() / len(i) ** 2 + (back @ there).sum() / len(j) ** 2

    return affinity


def _random_graph(rng, n, k):
    indices = np.array([rng.permutation(np.delete(np.arange(n), i))[:k] for i in range(n)], dtype=np.int32)
    return Digraph(indices, rng.uniform(0.01, 1, (n, k)))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("singles", [True, False])
def test_merges_equal_the_dense_reference(seed, singles):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 45))
    k = int(rng.integers(1, min(n, 9)))
    graph = _random_graph(rng, n, k) if seed % 2 else digraph(rng.normal(size=(n, 3)), k, 1.0)
    names = np.arange(n, dtype=np.int32) if singles else nearest_components(graph.indices)
    expected = dense_merges(names, 1, _affinity(dense_weights(graph)), 11)
    left, merges = link_by_degree(graph, names, 1)
    np.testing.assert_array_equal(merges[:, :2], expected[:, :2])
    np.testing.assert_allclose(merges[:, 2], expected[:, 2], rtol=1e-10)
    assert len(np.unique(left)) == len(np.unique(names)) - len(merges)


def test_two_merges_by_hand():
    # All weights 1; 0, 1 and 2 are linked both ways, and 3 gives but does not take. Pairs of single images have
    # the affinity 1 + 1, and 0 and 1 the lowest column. {0, 1} gives 2 two and takes two, 2 gives each of them one
    # and takes one: 2 * 2 / 4 + (1 + 1) / 1 = 3.
    graph = Digraph(np.array([[1, 2], [0, 2], [0, 1], [1, 2]], dtype=np.int32), np.ones((4, 2)))
    one_way = dense_weights(graph)
    assert one_way[3].sum() == 2 and one_way[:, 3].sum() == 0, "nobody links to 3"
    names, merges = link_by_degree(graph, np.arange(4, dtype=np.int32), 1)
    assert merges.tolist() == [[0, 1, 2], [0, 2, 3]]
    assert names.tolist() == [0, 0, 0, 3], "and so it stays by itself"


def test_published_score_on_umist():
    features, people = umist()
    assert nmi(people, GraphDegreeLinkage(20).fit_predict(features)) == pytest.approx(0.7555, abs=0.002)


@needs("coil20.npz")
def test_score_on_coil20():
    """Published .945 for 128 x 128 pixels; these are 32 x 32."""
    features, objects = archive("coil20.npz")
    assert nmi(objects, GraphDegreeLinkage(20).fit_predict(features)) > 0.91


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_images_changes_nothing(seed):
    rng = np.random.default_rng(seed)
    features, order = rng.normal(size=(150, 4)), rng.permutation(150)
    labels = GraphDegreeLinkage(7, n_neighbors=8).fit_predict(features)
    assert (
        adjusted_rand_score(labels[order], GraphDegreeLinkage(7, n_neighbors=8).fit_predict(features[order])) == 1
    )


@given(arrays(np.float32, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=st.integers(0, 3)), st.data())
@settings(deadline=None, max_examples=80)
def test_as_many_clusters_as_asked_for_whatever_the_copies_and_ties(features, data):
    n_clusters = data.draw(st.integers(1, len(features)))
    linkage = GraphDegreeLinkage(n_clusters, n_neighbors=data.draw(st.integers(1, 12))).fit(features)
    assert_numbered(linkage.labels_, n_clusters)
    assert len(linkage.merges_) == linkage.initial_labels_.max() + 1 - n_clusters
    for row, column in linkage.merges_[:, :2].astype(int):
        assert row < column and linkage.labels_[row] == linkage.labels_[column]


def test_more_clusters_than_components_start_from_single_images():
    features, classes = blobs(60, 3, seed=0)
    few, many = (
        GraphDegreeLinkage(3, n_neighbors=5).fit(features),
        GraphDegreeLinkage(40, n_neighbors=5).fit(features),
    )
    assert few.initial_labels_.max() + 1 < 40
    np.testing.assert_array_equal(many.initial_labels_, np.arange(60))
    assert_numbered(many.labels_, 40)
    for label in range(40):
        assert len(set(classes[many.labels_ == label])) == 1


def test_what_nothing_links_is_merged_by_the_nearest_centroids():
    # Four groups too small to link to each other; those on the left have the nearest centroids, then the others.
    groups = np.repeat([0.0, 10, 40, 55], 4) + np.tile([0, 0.1, 0.2, 0.3], 4)
    linkage = GraphDegreeLinkage(2, n_neighbors=3).fit(groups[:, None])
    assert linkage.labels_.tolist() == [0] * 8 + [1] * 8
    assert linkage.merges_[-2:].tolist() == [[0, 4, 0], [8, 12, 0]]
    whole = GraphDegreeLinkage(1, n_neighbors=3).fit(groups[:, None])
    assert whole.merges_[-1].tolist() == [0, 8, 0]


@pytest.mark.parametrize("n_clusters", [1, 2, 29, 30])
def test_constant_features(n_clusters):
    assert_numbered(GraphDegreeLinkage(n_clusters).fit_predict(np.ones((30, 4))), n_clusters)


def test_copies_stay_together():
    features, _ = blobs(20, 4, seed=1)
    labels = GraphDegreeLinkage(4, n_neighbors=6).fit_predict(np.repeat(features, 3, axis=0))
    assert (labels.reshape(20, 3) == labels.reshape(20, 3)[:, :1]).all()


def test_one_image():
    assert GraphDegreeLinkage(1).fit_predict([[1.0, 2.0]]).tolist() == [0]


@pytest.mark.parametrize(
    ("parameters", "features", "message"),
    [
        ({"n_clusters": 6}, np.ones((5, 2)), "n_clusters is 6; give a whole number from 1 to 5"),
        ({"n_clusters": 0}, np.ones((5, 2)), "n_clusters is 0"),
        ({"n_neighbors": 0}, np.ones((5, 2)), "n_neighbors is 0; give a whole number of at least 1"),
        ({"a": 0}, np.ones((5, 2)), "a is 0; give a number of at least 1e-09"),
        ({}, np.array([[1.0], [np.nan], [2.0]]), "features hold NaN in row 1, column 0"),
        ({}, np.array([[1.0], [2.0], [np.inf]]), "features hold inf in row 2, column 0"),
    ],
)
def test_refused(parameters, features, message):
    with pytest.raises(ParameterError, match=message):
        GraphDegreeLinkage(**parameters).fit(features)


def test_what_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 20)
    with pytest.raises(ParameterError, match="graph degree linkage of 500 images with 20 neighbours would take"):
        GraphDegreeLinkage().fit(np.random.default_rng(0).normal(size=(500, 3)))


@parametrize_with_checks([GraphDegreeLinkage()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
