"""Spectral clusterers against matrices that are formed entry by entry, on rings, and on real faces."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.cluster import KMeans
from sklearn.datasets import make_circles
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from stages.clustering import distances as distance_module
from stages.clustering import laplacian
from stages.clustering.distances import distance_blocks, squared_distances
from stages.clustering.laplacian import leading_eigenvectors, normalise_affinity
from stages.clustering.normalised_cuts import NormalisedCuts, _affinity, _discretise
from stages.clustering.spectral import SpectralNJW, SpectralSelfTuning
from stages.clustering.spectral_ls import SpectralLandmarks, _singular_vectors, _weights
from tests.clustering.faces import umist


def _points(n_images=40, width=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n_images, width))


def _plain_distances(rows, others):
    return np.array([[((a - b) ** 2).sum() for b in others] for a in rows])


def _plain_embedding(affinity, count):
    """Rows of length 1 from the leading eigenvectors of D^-1/2 A D^-1/2."""
    degrees = affinity.sum(axis=1)
    values, vectors = np.linalg.eigh(affinity / np.sqrt(np.outer(degrees, degrees)))
    leading = vectors[:, np.argsort(-values)[:count]]
    return leading / np.linalg.norm(leading, axis=1)[:, None]


def _assert_equal_up_to_rotation(embedding, expected):
    # Eigenvectors have no sign, and no K-means depends on it: inner products are all that matters.
    np.testing.assert_allclose(embedding @ embedding.T, expected @ expected.T, atol=1e-8)


def _geometric_nmi(classes, labels):
    """The score that the published comparisons give."""
    return normalized_mutual_info_score(classes, labels, average_method="geometric")


def test_distances_in_blocks(monkeypatch):
    rows, others = _points(11), _points(5, seed=1)
    monkeypatch.setattr(distance_module, "_BLOCK", 8 * 5 * 3)  # three rows a block
    blocks = list(distance_blocks(rows, others))
    assert [start for start, _ in blocks] == [0, 3, 6, 9]
    np.testing.assert_allclose(
        np.vstack([block for _, block in blocks]), _plain_distances(rows, others), atol=1e-12
    )


def test_distances_far_from_the_origin():
    rows = _points(9)
    np.testing.assert_allclose(squared_distances(rows + 1e6), _plain_distances(rows, rows), atol=1e-8)


def test_leading_eigenvectors_are_the_same_by_either_way(monkeypatch):
    rng = np.random.default_rng(5)
    matrix = rng.uniform(size=(60, 60))
    matrix = normalise_affinity(matrix + matrix.T)
    values, vectors = np.linalg.eigh(matrix)
    dense = leading_eigenvectors(matrix.copy(), 4)
    monkeypatch.setattr(laplacian, "DENSE", 0)
    inverse = leading_eigenvectors(matrix.copy(), 4)
    sparse = leading_eigenvectors(csr_array(matrix), 4)
    for found in (dense, inverse, sparse):
        np.testing.assert_allclose(np.abs((found * vectors[:, :-5:-1]).sum(axis=0)), 1, atol=1e-10)
        np.testing.assert_allclose(np.diag(found.T @ matrix @ found), values[:-5:-1], atol=1e-10)


def test_leading_eigenvectors_of_a_graph_in_pieces(monkeypatch):
    """Five pieces have the eigenvalue 1 five times over; Lanczos iterations find all, the same each time."""
    monkeypatch.setattr(laplacian, "DENSE", 0)
    pieces = np.repeat(np.arange(5), [3, 8, 13, 20, 36])
    affinity = normalise_affinity((pieces[:, None] == pieces).astype(float))
    found = leading_eigenvectors(affinity.copy(), 5)
    np.testing.assert_allclose(affinity @ found, found, atol=1e-9)
    np.testing.assert_allclose(found.T @ found, np.eye(5), atol=1e-9)
    np.testing.assert_array_equal(found, leading_eigenvectors(affinity, 5))


def test_images_without_a_degree_stay_zero():
    affinity = np.array([[0.0, 2, 0], [2, 2, 0], [0, 0, 0]])
    root = 2 / np.sqrt(2 * 4)
    np.testing.assert_allclose(normalise_affinity(affinity), [[0, root, 0], [root, 0.5, 0], [0, 0, 0]])


def test_njw_equals_the_explicit_matrix():
    points = _points()
    distances = _plain_distances(points, points)
    expected = _plain_embedding(np.exp(-distances / (0.1 * distances.mean())), 4)
    _assert_equal_up_to_rotation(SpectralNJW(4, scale=0.1)._embed(points, 4), expected)


def test_self_tuning_equals_the_explicit_matrix():
    points = _points()
    points[1] = points[0]
    distances = _plain_distances(points, points)
    scales = np.sort(distances, axis=1)[:, 6]
    affinity = np.exp(-distances / np.maximum(np.sqrt(np.outer(scales, scales)), 0.5))
    np.fill_diagonal(affinity, 0)
    embedding = SpectralSelfTuning(4, neighbour=6, floor=0.5)._embed(points, 4)
    _assert_equal_up_to_rotation(embedding, _plain_embedding(affinity, 4))


def test_self_tuning_with_fewer_images_than_neighbours_takes_the_last():
    points = _points(10)
    clipped = SpectralSelfTuning(3, neighbour=75)._embed(points, 3)
    _assert_equal_up_to_rotation(clipped, SpectralSelfTuning(3, neighbour=9)._embed(points, 3))


def test_landmark_weights_equal_the_explicit_matrix():
    points, landmarks = _points(), _points(12, seed=1)
    distances = _plain_distances(points, landmarks)
    expected = np.exp(-distances / (2 * distances.mean() ** 2))
    expected[distances > np.sort(distances, axis=1)[:, [4]]] = 0
    expected /= expected.sum(axis=1, keepdims=True)
    weights = _weights(points, landmarks, 5, None)
    np.testing.assert_allclose(weights.toarray(), expected, atol=1e-12)
    left, _, _ = np.linalg.svd(expected / np.sqrt(expected.sum(axis=0)))
    _assert_equal_up_to_rotation(_singular_vectors(weights, 4), left[:, 1:5])


def test_landmark_weights_of_far_images_do_not_vanish():
    points = _points() * 1e-5  # every exp(-d / (2 sigma^2)) is 0 in float64
    weights = _weights(points, points[:6] + 1e-6, 3, None).toarray()
    np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_cut_affinity_equals_the_explicit_matrix(monkeypatch):
    monkeypatch.setattr(distance_module, "_BLOCK", 8 * 40 * 7)
    points = _points()
    distances = _plain_distances(points, points)
    expected = np.exp(-((distances / (0.2 * distances.max())) ** 2))
    expected[expected < 1e-6] = 0
    assert 0 < (expected == 0).sum() < expected.size
    np.testing.assert_allclose(_affinity(points, 0.2).toarray(), expected, atol=1e-10)


def test_discretisation_undoes_a_rotation():
    rng = np.random.default_rng(4)
    axes = rng.permutation(np.arange(50) % 5)
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    nearness, labels = _discretise(np.eye(5)[axes] @ rotation, np.random.RandomState(0))
    assert nearness == pytest.approx(50)
    assert adjusted_rand_score(axes, labels) == 1


@pytest.mark.parametrize(
    "clusterer",
    [
        SpectralNJW(2, scale=0.02, random_state=0),
        SpectralSelfTuning(2, neighbour=7, random_state=0),
        SpectralLandmarks(2, n_landmarks=100, sigma=0.1, random_state=0),
        NormalisedCuts(2, scale=0.02, random_state=0),
    ],
    ids=lambda clusterer: type(clusterer).__name__,
)
@pytest.mark.parametrize("dense", [0, 1500], ids=["lanczos", "lapack"])
def test_rings_which_kmeans_cannot_tell_apart(clusterer, dense, monkeypatch):
    monkeypatch.setattr(laplacian, "DENSE", dense)
    points, rings = make_circles(300, factor=0.4, noise=0.04, random_state=0)
    assert adjusted_rand_score(rings, KMeans(2, n_init=3, random_state=0).fit_predict(points)) < 0.1
    assert adjusted_rand_score(rings, clusterer.fit_predict(points)) == 1


@pytest.mark.parametrize(
    ("clusterer", "low", "high"),
    [
        (NormalisedCuts, 0.78, 0.80),
        (SpectralLandmarks, 0.76, 0.815),
        (SpectralNJW, 0.685, 0.705),
        (SpectralSelfTuning, 0.62, 0.655),
    ],
)
def test_faces(clusterer, low, high):
    """The scores that the same definitions gave to others: .788 to .790, .763 to .813, .69 and .638."""
    features, people = umist()
    for seed in range(3):
        labels = clusterer(20, random_state=seed).fit_predict(features)
        assert low <= _geometric_nmi(people, labels) <= high
