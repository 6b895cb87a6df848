"""The isometric reduction: distances and partitions stay what they were."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from stages.clustering import reduction
from stages.clustering.agglomerative import LINKAGES, Agglomerative
from stages.clustering.kmeans import KMeans
from stages.clustering.reduction import isometric
from stages.core.errors import ParameterError


def _wide(dtype=np.float64, rows=60, width=3000, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, width))
    return (centres[np.arange(rows) % 5] + 3 * rng.normal(size=(rows, width)) + 10).astype(dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-5)])
def test_distances_stay(dtype, tolerance, monkeypatch):
    monkeypatch.setattr(reduction, "_COLUMNS", 700)  # the last block is narrower
    features = _wide(dtype)
    reduced = isometric(features)
    assert reduced.shape == (60, 60)
    assert reduced.dtype == dtype
    np.testing.assert_allclose(pdist(reduced), pdist(features), rtol=tolerance)


def test_duplicates_and_constant_features_stay_together():
    features = _wide()
    features[9] = features[2]
    reduced = isometric(features)
    assert np.linalg.norm(reduced[9] - reduced[2]) < 1e-5 * np.linalg.norm(reduced[9])
    assert not isometric(np.full((3, 8), 0.1)).any()
    assert isometric(np.full((1, 8), 0.1)).tolist() == [[0.0]]


def test_what_is_not_wide_is_returned_as_it_is():
    features = np.ones((5, 5))
    assert isometric(features) is features


@pytest.mark.parametrize("linkage", LINKAGES)
def test_the_linkages_find_the_same_partition(linkage):
    features = _wide()
    before, after = Agglomerative(7, linkage).fit(features), Agglomerative(7, linkage).fit(isometric(features))
    np.testing.assert_array_equal(before.labels_, after.labels_)
    np.testing.assert_allclose(before.merges_, after.merges_, rtol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_kmeans_finds_the_same_partition_from_the_same_seed(seed):
    # Its draws and its steps depend on distances between images and to means alone, and images are drawn in the
    # order of their distances from the mean: nothing that it decides by changes, but for rounding.
    features = _wide(seed=seed)
    before = KMeans(7, n_init=2, random_state=seed).fit(features)
    after = KMeans(7, n_init=2, random_state=seed).fit(isometric(features))
    np.testing.assert_array_equal(before.labels_, after.labels_)
    assert after.inertia_ == pytest.approx(before.inertia_, rel=1e-9)


def test_what_overflows_is_refused():
    with pytest.raises(ParameterError, match=r"as large as 1e\+200: squares overflow"):
        isometric(np.array([[1e200, 0, 0], [0, 0, 0]]))
