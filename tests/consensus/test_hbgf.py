"""HBGF against the spectral partitioning of the whole bipartite graph."""

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from stages.consensus.hbgf import HBGF
from tests.consensus.ensembles import noisy_copies


def test_the_partition_is_that_of_the_dense_bipartite_graph():
    hidden, copies = noisy_copies(150, 4, 8, share=0.55)
    incidence = np.hstack([(column[:, None] == np.unique(column)) for column in copies.T]).astype(float)
    side = sum(incidence.shape)
    adjacency = np.zeros((side, side))
    adjacency[:150, 150:], adjacency[150:, :150] = incidence, incidence.T
    degrees = adjacency.sum(axis=1)
    # The eigenvectors of the positive eigenvalues hold the left and the right singular vectors.
    _, vectors = np.linalg.eigh(adjacency / np.sqrt(degrees[:, None] * degrees))
    images, clusters = vectors[:150, -4:], vectors[150:, -4:]
    points = np.vstack([images, clusters])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    expected = KMeans(4, n_init=10, random_state=0).fit_predict(points)[:150]
    found = HBGF(4, random_state=0).fit_predict(copies)
    assert adjusted_rand_score(hidden, found) < 1, "an easy case would prove nothing"
    assert adjusted_rand_score(expected, found) == 1


def test_by_hand():
    # Two pairs of images, and an image that two of three partitions put with the second pair.
    partitions = np.array([[0, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1], [1, 1, 0]])
    assert HBGF(2, random_state=0).fit_predict(partitions).tolist() == [1, 1, 0, 0, 0]
