"""Clustering by name, and what is done to features before."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from stages.clustering import ALGORITHMS, find_algorithm, finer
from stages.core.errors import ParameterError

# What these find depends on densities, or on ranks beyond those of small sets.
PARTICULAR = {"hdbscan", "dbscan", "nmf_lp", "nmf_deep"}


def _blobs(rows=60, seed=0):
    rng = np.random.default_rng(seed)
    classes = np.arange(rows) % 3
    centres = np.eye(3, 5) * 10
    return np.abs(centres[classes] + rng.normal(size=(rows, 5))).astype(np.float32), classes


@pytest.mark.parametrize("name", sorted(set(ALGORITHMS) - PARTICULAR))
def test_separate_groups_are_found_and_the_seed_decides_all(name):
    if name == "genie":
        pytest.importorskip("genieclust")
    features, classes = _blobs()
    algorithm = find_algorithm(f"{name}:n_neighbors=8" if name in ("gdl", "agdl", "pic", "zeta") else name)
    labels = algorithm.partition(features, 3, 7, 3)
    assert labels.dtype == np.int32
    assert adjusted_rand_score(classes, labels) == 1
    np.testing.assert_array_equal(labels, algorithm.partition(features, 3, 7, 3))


@pytest.mark.parametrize("name", ["kmeans", "ward", "average", "gdl", "agdl", "pic", "zeta"])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_as_many_clusters_as_images_and_one(name, rows):
    features, _ = _blobs(rows)
    algorithm = find_algorithm(name)
    assert len(set(algorithm.partition(features, rows, 0, 1))) == rows
    assert set(algorithm.partition(features, 1, 0, 1)) == {0}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_has_an_estimator_that_takes_what_it_is_given(name):
    if name == "genie":
        pytest.importorskip("genieclust")
    algorithm = find_algorithm(f"{name}:subspace=0.5,seeds=3,multiple=2")
    assert algorithm.random
    assert algorithm.seeds(1) == 3
    assert algorithm.factors([1, 4]) == ([1] if algorithm.counts else [2])
    assert algorithm.label == f"{name}:multiple=2,seeds=3,subspace=0.5"
    assert find_algorithm(algorithm.label) == algorithm
    assert not algorithm.distances_only


@pytest.mark.parametrize("name", ["gdl", "agdl", "pic", "zeta"])
def test_copies_of_an_image_stay_together_however_few_neighbours_there_are(name):
    features, _ = _blobs(30)
    features[15:] = features[0]
    labels = find_algorithm(f"{name}:n_neighbors=3").partition(features, 6, 0, 1)
    assert len(set(labels[15:])) == 1
    assert labels[15] == labels[0]
    assert len(set(labels)) == 6


def test_parameters_reach_the_estimator():
    algorithm = find_algorithm("gdl:n_neighbors=3,a=0.5")
    assert algorithm.label == "gdl:a=0.5,n_neighbors=3"
    assert (algorithm.random, algorithm.distances_only, algorithm.seeds(5)) == (False, False, 1)
    assert find_algorithm("ward").distances_only
    assert algorithm.factors([1, 4, 4]) == [1, 4]
    features, _ = _blobs()
    from stages.clustering.gdl import GraphDegreeLinkage

    expected = GraphDegreeLinkage(4, n_neighbors=3, a=0.5).fit_predict(features)
    np.testing.assert_array_equal(algorithm.partition(features, 4, 0, 1), expected)
    few = find_algorithm("kmeans:n_init=1").partition(features, 9, 3, 10)
    np.testing.assert_array_equal(few, find_algorithm("kmeans").partition(features, 9, 3, 1))
    linkage = find_algorithm("average").partition(features, 7, 0, 1)
    assert (linkage != find_algorithm("complete").partition(features, 7, 0, 1)).any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kmean", r"no clustering algorithm is called 'kmean'; did you mean kmeans( or \w+)*\?"),
        ("gdl:neighbours=10", r"algorithm gdl has no parameter 'neighbours'; did you mean n_neighbors\?"),
        ("ward:linkage=single", "algorithm ward has no parameter 'linkage'; did you mean"),
        ("kmeans:random_state=1", "algorithm kmeans has no parameter 'random_state'"),
        ("gdl:10", "algorithm 'gdl:10' cannot be read; write it like gdl:n_neighbors=10,a=0.95"),
        ("gdl:multiple=0", "multiple of gdl is 0; give a whole number of at least 1"),
        ("gdl:seeds=many", "seeds of gdl is 'many'; give a whole number of at least 1"),
    ],
)
def test_what_cannot_be_is_told(text, message):
    with pytest.raises(ParameterError, match=message):
        find_algorithm(text)


@pytest.mark.parametrize(
    ("n_clusters", "multiple", "n_images", "expected"),
    [(10, 4, 210, 40), (10, 4, 100, 20), (3, 4, 24, 4), (10, 1, 20, 10), (10, 4, 12, 10)],
)
def test_finer_partitions_keep_five_images_a_cluster(n_clusters, multiple, n_images, expected):
    assert finer(n_clusters, multiple, n_images) == expected
