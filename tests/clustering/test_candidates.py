"""Shared candidates of the neighbours: against the exact search, with copies, and how many they miss."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from stages.clustering import candidates as module
from stages.clustering import find_algorithm, normalise, principal_axes
from stages.clustering.candidates import KeptCandidates, find_candidates, measure_recall, nearest_among
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


def test_a_copy_at_the_same_distance_counts_as_found():
    features = np.array([[0.0], [1], [1], [7], [15], [31]])
    some = np.array([[2, 3, 4, 5], [2, 4, 5, 3], [1, 4, 5, 3], [2, 1, 4, 5], [3, 0, 1, 2], [4, 1, 2, 3]])
    assert measure_recall(some.astype(np.int32), features, 1) == 1


@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(2, 9))
@settings(deadline=None, max_examples=25)
def test_with_all_cells_near_the_search_is_exact(seed, copies, most):
    features = np.random.default_rng(seed).normal(size=(90, 4)).astype(np.float32)
    features[:copies] = features[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MOST_CELLS", most)
        found = module._by_cells(features, 5)
    images = np.arange(90)
    assert (found != images[:, None]).all()
    assert all(len(set(row)) == 5 for row in found.tolist())
    distances = ((features[:, None].astype(float) - features[found]) ** 2).sum(axis=2)
    np.testing.assert_allclose(distances, nearest_neighbours(features, 5)[1], rtol=1e-5, atol=1e-12)


def test_few_near_cells_give_way_to_more_where_they_hold_too_few_images(monkeypatch):
    monkeypatch.setattr(module, "_NEAR_CELLS", 1)
    found = module._by_cells(_digits()[:300], 64)
    assert found.shape == (300, 64)
    assert all(len(set(row)) == 64 and number not in row for number, row in enumerate(found.tolist()))


def test_near_cells_hold_nearly_all_neighbours_of_real_digits(monkeypatch):
    monkeypatch.setattr(module, "_SEARCHED", 1000)
    monkeypatch.setattr(module, "_NEAR_CELLS", 14)  # a third
    features = _digits()
    candidates = _shared(features)
    assert candidates.shape == (1797, 64)
    assert find_algorithm("gdl:n_neighbors=10").neighbour_recall(features, 3, candidates) >= 0.98


def _drifting(steps):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 5))
    for _ in range(steps):
        yield features
        features = features + 0.02 * rng.normal(size=features.shape)


@pytest.mark.parametrize("searched", [100, 1000])  # by cells, and exactly
def test_candidates_are_kept_while_they_hold_the_neighbours(searched, monkeypatch):
    monkeypatch.setattr(module, "SHARED", 50)
    monkeypatch.setattr(module, "_KEPT_SEARCHED", searched)
    kept, before = KeptCandidates(), None
    for step, features in enumerate(_drifting(4)):
        indices, distances = kept.search(features, 6)
        exact = nearest_neighbours(features, 6)
        assert (indices.shape, indices.dtype) == (exact[0].shape, exact[0].dtype)
        assert np.isclose(distances, exact[1]).mean() >= 0.98
        assert step == 0 or kept.candidates is before
        before = kept.candidates
    other = np.random.default_rng(1).normal(size=(400, 5))
    assert np.isclose(kept.search(other, 6)[1], nearest_neighbours(other, 6)[1]).mean() >= 0.98
    assert kept.candidates is not before, "they held none of its neighbours"


def test_what_near_cells_miss_is_looked_for_among_all(monkeypatch):
    monkeypatch.setattr(module, "SHARED", 50)
    monkeypatch.setattr(module, "_KEPT_SEARCHED", 100)
    monkeypatch.setattr(module, "_by_cells", lambda features, number: np.zeros((400, number), dtype=np.int32))
    monkeypatch.setattr(module, "measure_recall", lambda *_: 0.97)
    features = next(_drifting(1))
    for found, expected in zip(KeptCandidates().search(features, 6), nearest_neighbours(features, 6), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_small_sets_keep_no_candidates():
    kept, features = KeptCandidates(), next(_drifting(1))
    np.testing.assert_array_equal(kept.search(features, 6)[0], nearest_neighbours(features, 6)[0])
    assert kept.candidates is None


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
