"""Cuts in which a few odd images do not use up the clusters asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.clustering.gdl import GraphDegreeLinkage
from stages.clustering.neighbours import Digraph
from stages.clustering.small_clusters import without_outliers
from stages.core.errors import ParameterError

NO_EDGES = np.zeros((7, 1))


def graph_of(edges, n_images):
    """The graph with the given edges (i, j, weight), as many for every image by adding empty ones."""
    k = max(sum(i == image for i, _, _ in edges) for image in range(n_images)) or 1
    indices, weights = np.zeros((n_images, k), dtype=np.int32), np.zeros((n_images, k))
    for image in range(n_images):
        own = [(j, weight) for i, j, weight in edges if i == image]
        for place, (j, weight) in enumerate(own):
            indices[image, place], weights[image, place] = j, weight
    return Digraph(indices, weights)


# Seven images: 0-1-2 and 3-4-5 are groups, 6 is odd. The merges leave two clusters: all six, and the odd one.
START = np.arange(7, dtype=np.int32)
MERGES = np.array([[0, 1, 0.9], [3, 4, 0.8], [0, 2, 0.7], [3, 5, 0.6], [0, 3, 0.1]])


def test_merges_are_undone_until_enough_clusters_count():
    graph = graph_of([(6, 4, 0.5), (1, 6, 0.2), (6, 0, 0.1)], 7)
    # To the first group 6 has (.2 + .1) / 3, to the second .5 / 3.
    assert without_outliers(graph, NO_EDGES, START, MERGES, 2, 0.5).tolist() == [0, 0, 0, 3, 3, 3, 3]
    assert without_outliers(graph, NO_EDGES, START, MERGES, 2, 0.0).tolist() == [0, 0, 0, 0, 0, 0, 6]


def test_an_image_without_edges_joins_the_nearest_centroid():
    features = np.array([[0.0], [1], [2], [10], [11], [12], [6.6]])
    assert without_outliers(graph_of([], 7), features, START, MERGES, 2, 0.5).tolist() == [0, 0, 0, 3, 3, 3, 3]


def test_all_merges_hold_where_never_so_many_clusters_count():
    labels = without_outliers(graph_of([], 7), NO_EDGES, START, MERGES[:4], 3, 0.9)
    assert labels.tolist() == [0, 0, 0, 3, 3, 3, 6]


def test_clusters_before_the_first_merge_count_too():
    start = np.array([0, 0, 0, 3, 3, 3, 6], dtype=np.int32)
    graph = graph_of([(6, 4, 0.5)], 7)
    assert without_outliers(graph, NO_EDGES, start, MERGES[4:], 2, 0.5).tolist() == [0, 0, 0, 3, 3, 3, 3]


@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([0.1, 0.3, 0.7, 0.95]))
@settings(deadline=None, max_examples=60)
def test_there_are_always_as_many_clusters_as_asked_for(seed, n_clusters, min_cluster_fraction):
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(int(rng.integers(n_clusters, 60)) + 1, 2)) ** 3
    labels = GraphDegreeLinkage(n_clusters, n_neighbors=4, min_cluster_fraction=min_cluster_fraction).fit_predict(
        features
    )
    assert sorted(set(labels.tolist())) == list(range(n_clusters))


def test_an_odd_image_does_not_use_up_a_cluster():
    rng = np.random.default_rng(0)
    groups = rng.normal(size=(80, 2)) + np.repeat([[0, 0], [6, 0]], 40, axis=0)
    features = np.concatenate([groups, [[60.0, 60], [61, 60]]])
    plain = GraphDegreeLinkage(2, n_neighbors=10).fit_predict(features)
    counting = GraphDegreeLinkage(2, n_neighbors=10, min_cluster_fraction=0.2).fit_predict(features)
    assert np.bincount(plain).min() == 2
    assert np.bincount(counting[:80]).tolist() == [40, 40]


def test_a_share_out_of_range_is_named():
    with pytest.raises(ParameterError, match="min_cluster_fraction is 1; give a share from 0 to below 1"):
        GraphDegreeLinkage(2, min_cluster_fraction=1).fit(np.eye(4))
