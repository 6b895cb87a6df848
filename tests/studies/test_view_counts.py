"""Subsets of the views and their scores by size."""

import math

import numpy as np
import pytest

from stages.core.errors import ParameterError
from stages.studies.view_counts import scores_by_size, view_subsets


def test_all_subsets_of_few_views():
    assert view_subsets(3, 252, 0) == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    assert len(view_subsets(10, 252, 0)) == 1023


def test_a_sample_of_each_size_of_many_views():
    subsets = view_subsets(14, 20, seed=3)
    sizes = [len(subset) for subset in subsets]
    assert [sizes.count(size) for size in range(1, 15)] == [min(20, math.comb(14, k)) for k in range(1, 15)]
    assert len(set(subsets)) == len(subsets)
    assert all(list(subset) == sorted(set(subset)) for subset in subsets)
    assert subsets == view_subsets(14, 20, seed=3) != view_subsets(14, 20, seed=4)


def test_mean_and_deviation_by_size():
    single, both = scores_by_size([(0,), (1,), (2,), (0, 1)], [0.5, 0.75, np.nan, 0.8])
    assert (single.size, single.count, single.mean, single.deviation) == (1, 2, 0.625, 0.125)
    assert (single.least, single.most) == (0.5, 0.75)
    assert (both.size, both.count, both.mean, both.deviation) == (2, 1, 0.8, 0)


def test_impossible_numbers():
    with pytest.raises(ParameterError, match="most is 0; give a whole number of at least 1"):
        view_subsets(3, 0, 0)
