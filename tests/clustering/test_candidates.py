"""Shared candidates of the neighbours: against the exact search, with copies, and how many they miss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from stages.clustering import find_algorithm, normalise, principal_axes
from stages.clustering.candidates import find_candidates, measure_recall, nearest_among
from stages.clustering.neighbours import nearest_neighbours
from stages.clustering.preparation import different_images

ties = arrays(np.float32, st.tuples(st.integers(5, 40), st.integers(1, 4)), elements=st.integers(-2, 2))


@given(ties, st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_among_all_images_the_nearest_are_those_of_the_exact_search(features, k):
    everybody = np.tile(
        np.arange(len(features), dtype=np.int32), (len(features), 4)
    )  # itself and others, four times
    for expected, found in zip(
        nearest_neighbours(features, k), nearest_among(everybody, features, k), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype


def test_only_candidates_are_chosen_by_hand():
    features = np.array([[0.0], [1], [3], [7], [15], [31]])
    some = np.array([[2, 3, 4, 5], [0, 4, 5, 3], [3, 4, 5, 1], [0, 1, 2, 5], [0, 1, 2, 3], [0, 1, 2, 3]])
    indices, distances = nearest_among(some.astype(np.int32), features, 1)
    assert indices.ravel().tolist() == [2, 0, 1, 2, 3, 3]
    assert distances.ravel().tolist() == [9, 1, 4, 16, 64, 576]


@pytest.mark.parametrize(
    "some",
    [
        np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]),  # less than four times as many as neighbours
        np.array([[0, 0, 0, 0], [0, 2, 3, 0], [0, 1, 3, 0], [0, 1, 2, 0]]),  # none but the image itself
    ],
)
def test_where_candidates_lack_all_images_are_searched(some):
    features = np.array([[0.0], [1], [3], [7]])
    indices, _ = nearest_among(some.astype(np.int32), features, 1)
    assert indices.ravel().tolist() == [1, 0, 1, 2]
    assert measure_recall(some.astype(np.int32), features, 1) == 1


def test_the_recall_by_hand():
    features = np.array([[0.0], [1], [3], [7], [15], [31]])
    some = np.array([[1, 3, 4, 5], [0, 4, 5, 3], [0, 4, 5, 3], [0, 1, 4, 5], [0, 1, 2, 3], [0, 1, 2, 3]])
    # Of the nearest, 1, 0, 1, 2, 3 and 4, those of the third, the fourth and the last are no candidates.
    assert measure_recall(some.astype(np.int32), features, 1) == 0.5


def _digits():
    return normalise(load_digits().data.astype(np.float32), "sqrt")


def _shared(features, number=64):
    return find_candidates(_turned(features), *different_images([features]), number)


def _turned(features):
    """Along the principal axes of a set that is large enough to be turned."""
    return principal_axes(np.concatenate([features, features]))[: len(features)]


# Half of 64 pixels is little: half of a layer's features, of which there are many alike, needs fewer candidates.
@pytest.mark.parametrize(("name", "number"), [("gdl:n_neighbors=10", 64), ("gdl:n_neighbors=5,subspace=0.5", 256)])
def test_real_digits_keep_their_neighbours_and_clusters(name, number):
    features = _digits()
    candidates = _shared(features, number)
    assert candidates.shape == (1797, number)
    algorithm = find_algorithm(name)
    assert algorithm.neighbour_recall(features, 3, candidates) >= 0.98
    exact, fast = (algorithm.partition(features, 40, 3, 1, some) for some in (None, candidates))
    assert adjusted_rand_score(exact, fast) >= (0.95 if "subspace" not in name else 0.8)


def test_neither_order_nor_threads_change_the_candidates():
    features = _digits()
    with threadpool_limits(1):
        first = _shared(features)
    with threadpool_limits(4):
        assert _shared(features).tobytes() == first.tobytes()
    order = np.random.default_rng(0).permutation(len(features))
    again = order[_shared(features[order])]
    same = [len(np.intersect1d(a, b)) for a, b in zip(first[order], again, strict=True)]
    assert np.mean(same) > 63.9, "but for rounding"


def test_copies_are_no_candidates_of_one_another():
    features = _digits()[np.r_[0:1500, np.zeros(200, dtype=int)]]
    candidates = _shared(features)
    assert (candidates[1500:] == candidates[0]).all()
    assert not np.isin(candidates[0], [0, *range(1500, 1700)]).any()
    labels = find_algorithm("gdl:n_neighbors=5").partition(features, 30, 0, 1, candidates)
    assert len({labels[0], *labels[1500:]}) == 1


def test_images_that_only_a_subspace_makes_copies_are_one():
    features = _digits()[:1200].copy()
    features[600:, :] = features[:600]
    features[600:, -1] += 0.5  # unlike the first half in one column alone
    algorithm = find_algorithm("gdl:n_neighbors=5,subspace=0.3")
    labels = algorithm.partition(features, 30, 0, 1, _shared(features))
    np.testing.assert_array_equal(labels[:600], labels[600:])
