"""MCLA by hand: the meta-clusters, and where images go."""

import numpy as np
import pytest

from stages.consensus.graph_consensus import Ensemble
from stages.consensus.hypergraph import hypergraph
from stages.consensus.mcla import MCLA, _strongest


def _strongest_of(rows, meta, weights):
    rows = np.array(rows)
    ensemble = Ensemble(hypergraph(rows), np.ones(len(rows)), np.array(weights, dtype=float))
    sizes = np.asarray(ensemble.graph.indicator.sum(axis=0)).reshape(-1)
    return _strongest(ensemble, np.array(meta), sizes).tolist()


def test_the_example_of_the_paper():
    # Strehl and Ghosh, table 1: 7 objects, 4 partitions, three labels missing in the last.
    partitions = np.array(
        [[0, 1, 0, 0], [0, 1, 0, 1], [0, 1, 1, -1], [1, 2, 1, 0], [1, 2, 2, -1], [2, 0, 2, -1], [2, 0, 2, 1]]
    )
    labels = MCLA(3, random_state=0).fit_predict(partitions)
    assert labels.tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_images_go_to_the_meta_cluster_that_holds_them_most():
    # Clusters in order: partition 0 has 0, 1; partition 1 has 0, 1; partition 2 has 0, 1.
    rows = [[0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]]
    assert _strongest_of(rows, meta=[0, 1, 0, 1, 0, 1], weights=[1, 1, 1]) == [0, 0, 1, 1]


def test_the_share_of_a_meta_cluster_counts_not_its_votes():
    # Image 0 has the one cluster of meta-cluster 0, and two of the three clusters of 1.
    assert _strongest_of([[0, 0, 0], [1, 1, 1]], meta=[0, 1, 1, 2, 1, 2], weights=[1, 1, 1]) == [0, 2]


def test_weights_decide_votes():
    rows = [[0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]]
    assert _strongest_of(rows, meta=[0, 1, 0, 1, 0, 1], weights=[1, 1, 3]) == [0, 1, 0, 1]


def test_ties_go_to_more_votes_then_to_more_images():
    # Image 0 has all of meta-cluster 0, a cluster of five images, and all of 1, two clusters of two and of one.
    rows = [[0, 0, 0], [0, 0, 1], [0, 1, 1], [0, 1, 1], [0, 1, 1], [1, 1, 1]]
    assert _strongest_of(rows, meta=[0, 2, 1, 2, 1, 2], weights=[1, 1, 1])[0] == 1
    # Image 0 has one cluster in each: that of meta-cluster 1 has three images, that of 0 has two.
    rows = [[0, 0], [0, 0], [1, 0], [1, 1]]
    assert _strongest_of(rows, meta=[0, 2, 1, 2], weights=[1, 1])[0] == 1
    rows = [[0, 0], [0, 0], [0, 1], [1, 1]]
    assert _strongest_of(rows, meta=[0, 2, 1, 2], weights=[1, 1])[0] == 0


def test_a_meta_cluster_that_no_image_prefers_leaves_room_for_another_cluster():
    # Six clusters at most can be meta-clusters, but ten are asked for.
    partitions = np.array([[a, b] for a in range(3) for b in range(4)])
    labels = MCLA(10, random_state=0).fit_predict(partitions)
    assert sorted(set(labels.tolist())) == list(range(10))


@pytest.mark.parametrize("weights", [[1, 1, 1], [1, 2, 5]])
def test_the_embedding_is_that_of_the_jaccard_graph(weights):
    rng = np.random.default_rng(4)
    rows = np.unique(rng.integers(0, 4, (40, 3)), axis=0)
    ensemble = Ensemble(hypergraph(rows), np.ones(len(rows)), np.array(weights, dtype=float))
    clusters = [set(np.flatnonzero(column == label)) for column in rows.T for label in np.unique(column)]
    # Weights as numbers of copies, each a vertex of its own.
    copies = np.repeat(np.arange(12), np.repeat(weights, 4))
    jaccard = np.array(
        [[len(clusters[a] & clusters[b]) / len(clusters[a] | clusters[b]) for b in copies] for a in copies]
    )
    degrees = jaccard.sum(axis=1)
    _, vectors = np.linalg.eigh(jaccard / np.sqrt(degrees[:, None] * degrees))
    expected = vectors[:, -3:] / np.linalg.norm(vectors[:, -3:], axis=1, keepdims=True)
    sizes = np.array([float(len(cluster)) for cluster in clusters])
    found = MCLA._embedding(ensemble, sizes, 3)[copies]
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-8)
