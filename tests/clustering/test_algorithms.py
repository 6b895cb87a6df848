"""Clustering by name, and what is done to features before."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from stages.clustering import ALGORITHMS, find_algorithm, finer, normalise
from stages.errors import ParameterError


def _blobs(rows=60, seed=0):
    rng = np.random.default_rng(seed)
    classes = np.arange(rows) % 3
    centres = np.eye(3, 5) * 10
    return (centres[classes] + rng.normal(size=(rows, 5))).astype(np.float32), classes


@pytest.mark.parametrize("name", ALGORITHMS)
def test_separate_groups_are_found_and_the_seed_decides_all(name):
    features, classes = _blobs()
    algorithm = find_algorithm(name)
    labels = algorithm.partition(features, 3, 7, 3)
    assert adjusted_rand_score(classes, labels) == 1
    assert sorted(set(labels)) == [0, 1, 2]
    np.testing.assert_array_equal(labels, algorithm.partition(features, 3, 7, 3))


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_as_many_clusters_as_images_and_one(name, rows):
    features, _ = _blobs(rows)
    algorithm = find_algorithm(name)
    assert len(set(algorithm.partition(features, rows, 0, 1))) == rows
    assert set(algorithm.partition(features, 1, 0, 1)) == {0}


def test_an_unknown_algorithm_is_answered_with_near_names():
    with pytest.raises(ParameterError, match=r"no clustering algorithm is called 'kmean'; did you mean kmeans\?"):
        find_algorithm("kmean")


def test_normalise():
    features = np.array([[3, 4], [0, 0], [0, 2]], dtype=np.float32)
    np.testing.assert_allclose(normalise(features, "l2"), [[0.6, 0.8], [0, 0], [0, 1]], rtol=1e-6)
    signed = np.array([[9, -16], [0, 0]], dtype=np.float32)
    np.testing.assert_allclose(normalise(signed, "sqrt"), [[0.6, -0.8], [0, 0]], rtol=1e-6)
    assert normalise(features, "none") is features
    assert normalise(features, "l2").dtype == np.float32
    with pytest.raises(ParameterError, match="normalise is 'l1'; give one of sqrt, l2, none"):
        normalise(features, "l1")


@pytest.mark.parametrize(
    ("n_clusters", "multiple", "n_images", "expected"),
    [(10, 4, 210, 40), (10, 4, 100, 20), (3, 4, 24, 4), (10, 1, 20, 10), (10, 4, 12, 10)],
)
def test_finer_partitions_keep_five_images_a_cluster(n_clusters, multiple, n_images, expected):
    assert finer(n_clusters, multiple, n_images) == expected
