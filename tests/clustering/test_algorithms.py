"""Clustering by name, and what is done to features before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from stages.clustering.algorithms import ALGORITHMS, drawn_n_clusters, find_algorithm, finer
from stages.core.errors import ParameterError

# The clusters of these depend on densities, or on ranks beyond those of small sets.
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


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_may_draw_its_numbers_of_clusters_unless_it_counts_by_itself(name):
    algorithm = find_algorithm(f"{name}:multiple=auto,seeds=3")
    assert algorithm.label == f"{name}:multiple=auto,seeds=3"
    assert algorithm.factors([1, 4]) == ([1] if algorithm.counts else ["auto"])
    # Graph linkage with a few neighbours collapses where clusters are large or small: its range is narrower.
    assert algorithm.finest == (2 if algorithm.merges_copies else 4)


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
        ("gdl:multiple=any", "multiple of gdl is 'any'; give a whole number of at least 1"),
        ("gdl:seeds=auto", "seeds of gdl is 'auto'; give a whole number of at least 1"),
        ("gdl:seeds=many", "seeds of gdl is 'many'; give a whole number of at least 1"),
        ("kmeans:seeds=1000000000", "seeds of kmeans is 1000000000; give a whole number of at most 1000000"),
        ("kmeans:n_init=few", "n_init of kmeans is 'few'; give a whole number of at least 0"),
        ("gdl:a=NaN", "a of gdl is nan; give a number of at least 0"),
        ("gdl:subspace=2", "subspace is 2; give a share of the features, above 0 and at most 1"),
        ("hdbscan:allow_single_cluster=1", "allow_single_cluster of hdbscan is 1; give true or false"),
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


def drawn(n_clusters, n_images, n_runs, finest, first_seed=0):
    return [drawn_n_clusters(n_clusters, n_images, run, n_runs, finest, first_seed + run) for run in range(n_runs)]


@pytest.mark.parametrize(
    ("n_clusters", "n_images", "finest", "least", "most"),
    [
        (None, 10_000, 4, 100, 400),
        (None, 10_000, 2, 100, 200),
        (30, 10_000, 4, 100, 400),  # a number below the root changes nothing
        (250, 10_000, 4, 250, 1000),
        (250, 10_000, 2, 250, 500),
        (600, 10_000, 4, 600, 2000),  # five images in each
        (600, 10_000, 2, 600, 1000),  # ten images in each
        (None, 100, 4, 10, 20),
        (None, 100, 2, 10, 10),
        (3000, 10_000, 4, 3000, 3000),
    ],
)
def test_numbers_are_drawn_from_the_root_of_n_on(n_clusters, n_images, finest, least, most):
    found = np.concatenate([drawn(n_clusters, n_images, 10, finest, 10 * draw) for draw in range(20)])
    assert found.min() >= least and found.max() <= most
    # Ten runs reach both ends nearly.
    tenth = (most / least) ** 0.1
    assert found.min() <= least * tenth + 1 and found.max() >= most / tenth - 1


@given(
    st.one_of(st.none(), st.integers(1, 300)),
    st.integers(1, 3000),
    st.integers(1, 12),
    st.sampled_from([2, 4]),
    st.integers(0, 2**31 - 1),
)
@settings(deadline=None, max_examples=150)
def test_each_run_draws_from_a_stratum_of_its_own(n_clusters, n_images, n_runs, finest, seed):
    if n_clusters is not None:
        n_clusters = min(n_clusters, n_images)
    found = drawn(n_clusters, n_images, n_runs, finest, seed)
    assert found == drawn(n_clusters, n_images, n_runs, finest, seed)
    assert found == sorted(found), "the later runs are the finer ones"
    assert all(isinstance(count, int) and 1 <= count <= n_images for count in found)
    assert found[0] >= (n_clusters or 1)


def test_another_seed_draws_another_number():
    assert len({drawn_n_clusters(None, 10_000, 0, 1, 4, seed) for seed in range(20)}) > 10


def test_the_numbers_drawn_are_even_on_a_scale_of_ratios():
    """Half of them are below twice the least, of a range that ends at four times it."""
    found = np.array([drawn_n_clusters(None, 10_000, 0, 1, 4, seed) for seed in range(400)])
    assert 0.4 < (found < 200).mean() < 0.6
