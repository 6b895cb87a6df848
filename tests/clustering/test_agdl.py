"""Accelerated graph degree linkage against the exact one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from stages.clustering.gdl import AcceleratedGraphDegreeLinkage, GraphDegreeLinkage, link_by_degree
from stages.clustering.neighbours import digraph
from stages.core.errors import ParameterError
from tests.benchmarks.agdl import dense_linkage, turntables
from tests.clustering.faces import umist
from tests.clustering.graphs import archive, assert_numbered, blobs, needs, nmi


@given(st.integers(0, 10_000), st.integers(2, 40))
@settings(deadline=None, max_examples=60)
def test_with_all_as_candidates_it_is_exact(seed, n_images):
    graph = digraph(np.random.default_rng(seed).normal(size=(n_images, 3)), 6, 1.0)
    names = np.arange(n_images, dtype=np.int32)
    for exact, limited in zip(
        link_by_degree(graph, names, 1), link_by_degree(graph, names, 1, n_images), strict=True
    ):
        np.testing.assert_array_equal(limited, exact)


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_affinities_are_exact_whatever_the_candidates(seed, n_candidates):
    """Which pairs are merged may differ; what their affinity is may not."""
    features = np.random.default_rng(seed).normal(size=(60, 3))
    graph = digraph(features, 6, 1.0)
    W = np.zeros((60, 60))
    np.put_along_axis(W, graph.indices.astype(np.int64), graph.weights, axis=1)
    clusters = {image: [image] for image in range(60)}
    _, merges = link_by_degree(graph, np.arange(60, dtype=np.int32), 2, n_candidates)
    for row, column, value in merges:
        i, j = clusters[int(row)], clusters.pop(int(column))
        there, back = W[np.ix_(i, j)], W[np.ix_(j, i)]
        exact = (there @ back).sum() / len(i) ** 2 + (back @ there).sum() / len(j) ** 2
        assert value == pytest.approx(exact, rel=1e-10)
        i.extend(j)


@pytest.mark.parametrize("n_candidates", [1, 2, 10])
def test_separate_groups_are_found(n_candidates):
    features, classes = blobs(300, 5, seed=2)
    linkage = AcceleratedGraphDegreeLinkage(5, n_neighbors=8, n_candidates=n_candidates)
    assert adjusted_rand_score(classes, linkage.fit_predict(features)) == 1


def test_no_worse_than_dense_exact_linkage_on_views_of_objects():
    features, classes = turntables(20, 72, 64, 0.6, seed=1)
    exact = nmi(classes, dense_linkage(features, 20, 20))
    assert exact > 0.8
    assert nmi(classes, AcceleratedGraphDegreeLinkage(20).fit_predict(features)) >= exact - 1e-9


def test_no_worse_than_exact_on_umist():
    features, people = umist()
    exact = nmi(people, GraphDegreeLinkage(20).fit_predict(features))
    assert nmi(people, AcceleratedGraphDegreeLinkage(20).fit_predict(features)) >= exact


@needs("usps.npz")
def test_no_worse_than_exact_on_usps():
    features, digits = archive("usps.npz")
    exact = nmi(digits, GraphDegreeLinkage(10).fit_predict(features))
    assert nmi(digits, AcceleratedGraphDegreeLinkage(10).fit_predict(features)) >= exact


@pytest.mark.parametrize("n_clusters", [1, 2, 29, 30])
def test_constant_features(n_clusters):
    assert_numbered(
        AcceleratedGraphDegreeLinkage(n_clusters, n_candidates=2).fit_predict(np.ones((30, 4))), n_clusters
    )


def test_one_image():
    assert AcceleratedGraphDegreeLinkage(1).fit_predict([[1.0, 2.0]]).tolist() == [0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_candidates": 0}, "n_candidates is 0; give a whole number of at least 1"),
        ({"n_clusters": 31}, "n_clusters is 31; give a whole number from 1 to 30"),
    ],
)
def test_refused(parameters, message):
    with pytest.raises(ParameterError, match=message):
        AcceleratedGraphDegreeLinkage(**parameters).fit(np.ones((30, 2)))


@parametrize_with_checks([AcceleratedGraphDegreeLinkage()])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
