"""First clusters: given, computed by a function, or by K-means; and the fine partitions for a consensus."""

from typing import Any

import numpy as np
import pytest
from numpy.random import RandomState

from stages.core.errors import ParameterError
from stages.deep.dec.first_clusters import given_labels, kmeans_labels, overclusterings

VIEWS = [np.arange(8, dtype=np.float32).reshape(4, 2)]


def test_labels_are_renumbered_from_zero() -> None:
    assert given_labels([7, -1, 7, 9], VIEWS, 3, RandomState(0)).tolist() == [1, 0, 1, 2]


def test_a_function_gets_views_count_and_randomness() -> None:
    seen: list[Any] = []

    def init(views: list[np.ndarray], n_clusters: int, random: RandomState) -> np.ndarray:
        seen.extend([views, n_clusters, random])
        return np.array([0, 1, 1, 0])

    random = RandomState(0)
    assert given_labels(init, VIEWS, 2, random).tolist() == [0, 1, 1, 0]
    assert seen == [VIEWS, 2, random]


@pytest.mark.parametrize(
    ("init", "message"),
    [
        ("ward", "init is 'ward'; give 'kmeans', an array of labels or a function"),
        ([0, 1], r"init gives labels of shape \(2,\) and type int64; give one integer for each of the 4 images"),
        ([0.5, 1, 0, 1], r"shape \(4,\) and type float64"),
        ([0, 0, 0, 0], "init gives 1 different labels but n_clusters is 2"),
        ([0, 1, 2, 2], "init gives 3 different labels but n_clusters is 2"),
    ],
)
def test_labels_that_cannot_be_used_are_named(init: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        given_labels(init, VIEWS, 2, RandomState(0))


def test_kmeans_finds_two_heaps() -> None:
    labels = kmeans_labels(np.float32([[0], [0.1], [5], [5.1]]), 2, 3, RandomState(0))
    assert labels[0] == labels[1] != labels[2] == labels[3]


def _fine(views: Any, n_clusters: int, overclustering: list[int], runs: int, seed: int = 0) -> np.ndarray:
    return overclusterings(views, n_clusters, ["kmeans"], [1], overclustering, runs, RandomState(seed))[0]


def test_each_algorithm_has_its_share_of_every_view() -> None:
    views = [RandomState(1).normal(size=(60, width)) for width in (3, 5)]
    algorithms = ["kmeans", "gdl:n_neighbors=5,multiple=2,seeds=3,subspace=0.5", "ward"]
    partitions, weights = overclusterings(views, 4, algorithms, [1, 6, 2], [2, 3], 2, RandomState(0))
    # K-means and Ward at two factors, the former in two runs each; graph degree linkage in three at its own one.
    expected = [*[8, 8, 12, 12], *[8, 8, 8], *[8, 12]]
    assert [len(np.unique(column)) for column in partitions.T] == expected * 2
    np.testing.assert_allclose(weights, ([1 / 4] * 4 + [2] * 3 + [1] * 2) * 2)


def test_runs_that_draw_their_numbers_of_clusters_have_them_and_share_their_weight() -> None:
    views = [RandomState(1).normal(size=(150, width)) for width in (3, 5)]
    algorithms = ["kmeans:multiple=auto,seeds=3", "ward:multiple=2", "kmeans"]
    partitions, weights = overclusterings(views, 4, algorithms, [3, 1, 2], [5], 2, RandomState(0))
    np.testing.assert_allclose(weights, [*[1] * 3, 1, *[1] * 2] * 2)
    found = np.array([len(np.unique(column)) for column in partitions.T]).reshape(2, 6)
    assert (found[:, 3:] == [8, 20, 20]).all()
    for drawn in found[:, :3]:  # the root of 150 is 12, and 30 clusters have five images each
        assert 12 <= drawn[0] < drawn[1] < drawn[2] <= 30
    assert (found[0, :3] != found[1, :3]).any(), "each view has numbers of its own"


def test_a_number_that_is_drawn_is_at_least_the_one_wanted_and_at_most_that_of_different_images() -> None:
    views = [RandomState(1).normal(size=(60, 3))]
    algorithms = ["kmeans:multiple=auto,seeds=2"]
    partitions, _ = overclusterings(views, 25, algorithms, [1], [4], 2, RandomState(0))
    assert [len(np.unique(column)) for column in partitions.T] == [25, 25]
    copies = [np.repeat(views[0][:6], 10, axis=0)]
    partitions, _ = overclusterings(copies, 2, algorithms, [1], [4], 2, RandomState(0))
    assert [len(np.unique(column)) for column in partitions.T] == [6, 6]


def test_fine_partitions_have_the_multiples_clusters() -> None:
    views = [RandomState(1).normal(size=(60, width)) for width in (3, 5)]
    partitions = _fine(views, 4, [2, 3], 2)
    assert partitions.dtype == np.int32
    assert [len(np.unique(column)) for column in partitions.T] == [8, 8, 12, 12] * 2


def test_fine_partitions_keep_five_images_a_cluster_but_never_fall_below_n_clusters() -> None:
    views = [RandomState(1).normal(size=(25, 3))]
    assert _fine(views, 3, [4], 1).max() + 1 == 5
    assert _fine(views, 7, [4], 1).max() + 1 == 7


def test_a_constant_view_gives_one_cluster() -> None:
    assert not _fine([np.ones((10, 3))], 3, [4], 2).any()


def test_the_same_randomness_gives_the_same_partitions() -> None:
    views = [RandomState(1).normal(size=(40, 3))]
    first, same, other = (_fine(views, 5, [3], 2, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)
