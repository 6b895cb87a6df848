"""Cutting a dendrogram, and how long its numbers of clusters last."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.consensus.linkage import linkage
from stages.core.dendrogram import Dendrogram, most_clusters
from stages.core.errors import ParameterError
from tests.consensus.strategies import partitions

# Five images: {0, 1} at 1/8, {2, 3} at 2/8, both at 3/8, and 4 joins them at 7/8.
MERGES = np.array([[0, 1, 0.125, 2], [2, 3, 0.25, 2], [5, 6, 0.375, 4], [4, 7, 0.875, 5]])


def test_cuts_by_hand():
    dendrogram = Dendrogram(MERGES)
    assert dendrogram.cut(1).tolist() == [0] * 5
    assert dendrogram.cut(2).tolist() == [0, 0, 0, 0, 1]
    assert dendrogram.cut(3).tolist() == [0, 0, 1, 1, 2]
    assert dendrogram.cut(4).tolist() == [0, 0, 1, 2, 3]
    assert dendrogram.cut(5).tolist() == [0, 1, 2, 3, 4]


def test_lifetimes_by_hand():
    # Two clusters last from 3/8 to 7/8, every other number for one eighth.
    dendrogram = Dendrogram(MERGES)
    np.testing.assert_allclose(dendrogram.lifetimes(), [0, 0.125, 0.5, 0.125, 0.125, 0.125])
    assert dendrogram.longest_lived() == 2
    assert dendrogram.longest_lived(least=3) == 3
    assert dendrogram.longest_lived(least=3, most=4) == 3


def test_fewest_groups_of_a_size_by_hand():
    dendrogram = Dendrogram(MERGES)
    assert [dendrogram.fewest_groups(count, 2) for count in (1, 2, 3)] == [1, 3, None]
    assert [dendrogram.fewest_groups(count, 1) for count in range(1, 6)] == [1, 2, 3, 4, 5]
    assert Dendrogram(np.zeros((0, 4))).fewest_groups(1, 0.2) == 1


def test_lifetimes_of_separate_groups_end_at_height_one():
    assert linkage(np.array([[0], [0], [1], [1], [2], [2]])).longest_lived() == 3


def test_the_most_clusters_that_are_looked_for():
    assert [most_clusters(n) for n in (1, 2, 3, 9, 210, 7200)] == [1, 2, 3, 6, 28, 170]


def test_one_image_is_one_cluster():
    dendrogram = Dendrogram(np.zeros((0, 4)))
    assert dendrogram.longest_lived() == 1
    assert dendrogram.cut(1).tolist() == [0]


@given(partitions, st.data())
@settings(deadline=None, max_examples=60)
def test_exactly_as_many_clusters_as_asked_for_despite_ties(values, data):
    count = data.draw(st.integers(1, len(values)))
    labels = linkage(values).cut(count)
    assert labels.dtype == np.int32
    assert sorted(set(labels.tolist())) == list(range(count))
    assert (np.diff(np.bincount(labels)) <= 0).all(), "the largest cluster comes first"


@pytest.mark.parametrize("count", [0, 6, 2.5, "two"])
def test_a_cut_that_cannot_be_is_refused(count):
    with pytest.raises(ParameterError, match=f"n_clusters is {count!r}; give a whole number from 1 to 5"):
        Dendrogram(MERGES).cut(count)
