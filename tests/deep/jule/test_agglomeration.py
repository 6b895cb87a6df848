"""Graphs of several spaces, and the clusters nearest to each."""

import numpy as np
import pytest

from stages.clustering.candidates import KeptCandidates
from stages.clustering.merge_rule import Rule
from stages.clustering.neighbours import Digraph, digraph, mean_digraph
from stages.deep.jule.agglomeration import Agglomeration, nearest_clusters
from tests.clustering.graphs import dense_weights


def agglomeration(n_neighbors=5):
    return Agglomeration(n_neighbors, 1.0, Rule(5, 1.0), 0.2)


def test_the_mean_graph_is_the_mean_of_the_matrices():
    rng = np.random.default_rng(0)
    graphs = [digraph(rng.normal(size=(30, 3)), k, 1.0) for k in (3, 5, 4)]
    shares = [0.5, 0.2, 0.3]
    mean = mean_digraph(graphs, shares)
    expected = sum(share * dense_weights(graph) for graph, share in zip(graphs, shares, strict=True))
    found = np.zeros((30, 30))
    for image in range(30):
        np.add.at(found[image], mean.indices[image], mean.weights[image])
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert (np.diff(mean.weights, axis=1) <= 0).all(), "the nearest come first"
    assert np.array_equal(mean.indices[:, 0], expected.argmax(axis=1))


def test_views_weigh_as_much_together_as_the_embedding():
    rng = np.random.default_rng(1)
    spaces = [rng.normal(size=(20, 2)) for _ in range(4)]
    expected = [dense_weights(digraph(space, 5, 1.0)) for space in spaces]
    graph = agglomeration().graph(spaces[0], agglomeration().view_graphs(spaces[1:], [KeptCandidates()] * 3))
    found = np.zeros((20, 20))
    for image in range(20):
        np.add.at(found[image], graph.indices[image], graph.weights[image])
    np.testing.assert_allclose(found, expected[0] / 2 + sum(expected[1:]) / 6, rtol=1e-12)


def test_too_few_components_start_from_single_images():
    features = np.repeat(np.eye(3), 4, axis=0) + 0.01 * np.random.default_rng(2).normal(size=(12, 3))
    parts = agglomeration(3)
    graph = parts.graph(features)
    assert len(np.unique(parts.start(graph, 3))) < 12
    assert parts.start(graph, 12).tolist() == list(range(12))


@pytest.mark.parametrize("seed", range(3))
def test_the_nearest_clusters_have_the_largest_affinities(seed):
    rng = np.random.default_rng(seed)
    graph = digraph(rng.normal(size=(40, 2)), 6, 1.0)
    labels = rng.integers(0, 9, size=40)
    labels[:9] = np.arange(9)
    W, sizes = dense_weights(graph), np.bincount(labels)
    affinity = np.zeros((9, 9))
    for i in range(9):
        for j in range(9):
            if i != j:
                there, back = W[np.ix_(labels == i, labels == j)], W[np.ix_(labels == j, labels == i)]
                affinity[i, j] = (there @ back).sum() / sizes[i] ** 2 + (back @ there).sum() / sizes[j] ** 2
    found = nearest_clusters(graph, labels, 4)
    for i in range(9):
        expected = [j for j in np.argsort(-affinity[i], kind="stable")[:4] if affinity[i, j] > 0]
        assert found[i].tolist() == expected + [-1] * (4 - len(expected))


def test_without_edges_there_is_no_nearest_cluster():
    graph = Digraph(np.zeros((3, 0), dtype=np.int32), np.zeros((3, 0)))
    assert nearest_clusters(graph, np.arange(3), 2).tolist() == [[-1, -1]] * 3
