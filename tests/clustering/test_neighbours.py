"""Exact neighbours against brute force, and the graph made of them by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.clustering import neighbours
from stages.clustering.neighbours import digraph, nearest_components, nearest_neighbours
from stages.core import memory
from stages.core.errors import ParameterError

# Small whole numbers make ties and copies; their distances are exact in any order of summing.
ties = arrays(np.float32, st.tuples(st.integers(2, 40), st.integers(1, 4)), elements=st.integers(-2, 2))


def _brute_force(features, k):
    differences = features[:, None].astype(np.float64) - features[None].astype(np.float64)
    distances = (differences**2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    indices = np.argsort(distances, axis=1, kind="stable")[:, : min(k, len(features) - 1)]
    return indices, np.take_along_axis(distances, indices, axis=1)


@given(ties, st.integers(1, 45))
@settings(deadline=None, max_examples=80)
def test_copies_and_ties_are_in_order_of_index(features, k):
    indices, distances = nearest_neighbours(features, k)
    expected, apart = _brute_force(features, k)
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_array_equal(distances, apart)


@pytest.mark.parametrize(
    ("shift", "scale", "dtype"),
    [(0, 1, "f4"), (1e5, 1, "f8"), (3e3, 1e-2, "f4"), (0, 1e-20, "f4"), (1, 1e100, "f8")],
)
def test_neighbours_far_from_the_origin_and_at_any_scale(shift, scale, dtype):
    # In float32, |x|^2 + |y|^2 - 2 x y would have lost all but the shift.
    features = (np.random.default_rng(0).normal(size=(300, 9)) * scale + shift).astype(dtype)
    indices, distances = nearest_neighbours(features, 12)
    expected, apart = _brute_force(features, 12)
    np.testing.assert_array_equal(indices, expected)
    np.testing.assert_allclose(distances, apart, rtol=1e-12)


def test_one_image_far_away_does_not_blur_the_others():
    features = np.random.default_rng(0).normal(size=(200, 5))
    features[7] = 1e9
    np.testing.assert_array_equal(nearest_neighbours(features, 6)[0], _brute_force(features, 6)[0])


def test_blocks_change_nothing(monkeypatch):
    features = np.random.default_rng(1).normal(size=(257, 8)).astype(np.float32)
    whole = nearest_neighbours(features, 5)
    monkeypatch.setattr(neighbours, "_BLOCK", 257 * 4 * 10)
    for expected, found in zip(whole, nearest_neighbours(features, 5), strict=True):
        np.testing.assert_array_equal(found, expected)


@given(ties, st.integers(1, 45), st.integers(0, 45))
@settings(deadline=None, max_examples=60)
def test_the_neighbours_of_the_first_images_are_the_first_rows_of_those_of_all(features, k, n_searched):
    for every, some in zip(
        nearest_neighbours(features, k), nearest_neighbours(features, k, n_searched), strict=True
    ):
        assert some.dtype == every.dtype and some.shape == (min(n_searched, len(features)), every.shape[1])
        np.testing.assert_array_equal(some, every[:n_searched])


@pytest.mark.parametrize("n_searched", [1, 9, 10, 11, 25, 257])
def test_the_first_images_may_end_within_a_block(monkeypatch, n_searched):
    features = np.random.default_rng(1).normal(size=(257, 8)).astype(np.float32)
    whole = nearest_neighbours(features, 5)
    monkeypatch.setattr(neighbours, "_BLOCK", 257 * 4 * 10)
    for expected, found in zip(whole, nearest_neighbours(features, 5, n_searched), strict=True):
        np.testing.assert_array_equal(found, expected[:n_searched])


def test_one_image_has_no_neighbours():
    indices, distances = nearest_neighbours(np.ones((1, 3)), 5)
    assert indices.shape == distances.shape == (1, 0)


def test_the_graph_by_hand():
    # The width is the mean squared distance to the three nearest, though only two are neighbours.
    features = np.array([[0.0], [1], [3], [45]])
    graph = digraph(features, 2, 1.0)
    assert graph.indices.tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    width = (1 + 9 + 2025 + 1 + 4 + 1936 + 4 + 9 + 1764 + 1764 + 1936 + 2025) / 12
    np.testing.assert_allclose(graph.weights, np.exp(-np.array([[1, 9], [1, 4], [4, 9], [1764, 1936]]) / width))


def test_the_width_is_doubled_until_everybody_has_a_neighbour_in_reach():
    features = np.array([[0.0], [1], [3], [45]])
    narrow = digraph(features, 2, 0.01)
    factor = np.log(digraph(features, 2, 1.0).weights[0, 0]) / np.log(narrow.weights[0, 0])
    doublings = np.log2(factor / 0.01)
    assert doublings == pytest.approx(round(doublings)) and doublings > 0
    assert 1e-5 <= narrow.weights[3, 0] < np.sqrt(1e-5), "and not once more"


def test_constant_features_have_weight_one():
    assert (digraph(np.full((30, 4), 7.0), 5, 1.0).weights == 1).all()


def test_components_by_hand():
    # 0 <-> 1 <- 4 and 2 <-> 3.
    assert nearest_components(np.array([[1], [0], [3], [2], [1]])).tolist() == [0, 0, 2, 2, 0]


def test_too_large_features_are_refused():
    with pytest.raises(ParameterError, match=r"features reach 2e\+200, and their squares overflow"):
        nearest_neighbours(np.array([[2e200], [0.0]]), 1)


def test_what_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 1 << 20)
    with pytest.raises(ParameterError, match=r"the neighbours of 5000 images would take .* GiB"):
        nearest_neighbours(np.zeros((5000, 10), dtype=np.float32), 3)
