"""CSPA against the spectral embedding of the dense similarity."""

import numpy as np

from stages.consensus.cspa import CSPA, spectral_embedding
from stages.consensus.graph_consensus import Ensemble
from stages.consensus.hypergraph import distinct_rows, hypergraph
from tests.consensus.ensembles import noisy_copies, same_partition


def test_the_embedding_is_that_of_the_dense_graph_of_all_images():
    _, copies = noisy_copies(80, 4, 3, share=0.4)
    weights = np.array([0.5, 1, 1.5])
    distinct = distinct_rows(copies)
    assert len(distinct.rows) < 60, "some images are equal"
    rows = spectral_embedding(Ensemble(hypergraph(distinct.rows), distinct.counts, weights), 4)[distinct.inverse]
    similarity = sum(w * (column[:, None] == column) for w, column in zip(weights, copies.T, strict=True))
    degrees = similarity.sum(axis=1)
    _, vectors = np.linalg.eigh(similarity / np.sqrt(degrees[:, None] * degrees))
    expected = vectors[:, -4:] / np.linalg.norm(vectors[:, -4:], axis=1, keepdims=True)
    np.testing.assert_allclose(rows @ rows.T, expected @ expected.T, atol=1e-8)  # whatever the vectors' signs


def test_by_hand():
    # 0, 1, 2 are together twice and thrice; 3 and 4 twice; the third partition joins 2 with 3.
    partitions = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 1], [1, 1, 1], [1, 1, 2]])
    assert CSPA(2, random_state=0).fit_predict(partitions).tolist() == [0, 0, 0, 1, 1]


def test_components_without_common_labels_are_clusters():
    rng = np.random.default_rng(0)
    component = np.repeat(np.arange(5), 20)
    partitions = component[:, None] * 3 + rng.integers(0, 3, (100, 6))
    assert same_partition(CSPA(5, random_state=0).fit_predict(partitions).tolist(), component.tolist())
