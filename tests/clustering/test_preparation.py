"""Features made ready: scaled rows, random subspaces, and a reduction that leaves distances and partitions."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from stages.clustering import preparation
from stages.clustering.agglomerative import LINKAGES, Agglomerative
from stages.clustering.kmeans import KMeans
from stages.clustering.preparation import isometric, normalise, principal_axes, random_subspace
from stages.core.errors import ParameterError


def _wide(dtype=np.float64, rows=60, width=3000, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(5, width))
    return (centres[np.arange(rows) % 5] + 3 * rng.normal(size=(rows, width)) + 10).astype(dtype)


def _groups():
    noise = np.random.default_rng(0).normal(size=(60, 5))
    return np.abs(np.eye(3, 5)[np.arange(60) % 3] * 10 + noise).astype(np.float32)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-5)])
def test_distances_stay(dtype, tolerance, monkeypatch):
    monkeypatch.setattr(preparation, "_COLUMNS", 700)  # the last block is narrower
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


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 1e-4)])
def test_principal_axes_keep_distances_and_order_the_spread(dtype, tolerance):
    features = _wide(dtype, rows=2100, width=30)
    rotated = principal_axes(features)
    assert rotated.dtype == dtype
    np.testing.assert_allclose(pdist(rotated[:300]), pdist(features[:300]), rtol=tolerance)
    spread = rotated.var(axis=0)
    assert (np.diff(spread) <= 1e-6 * spread[0]).all()
    np.testing.assert_allclose(np.cov(rotated[:, :2].T)[0, 1], 0, atol=1e-3)
    order = np.random.default_rng(0).permutation(len(features))
    np.testing.assert_allclose(np.abs(principal_axes(features[order])), np.abs(rotated[order]), atol=1e-2)


def test_small_sets_are_not_turned():
    features = _wide(rows=1999, width=30)
    assert principal_axes(features) is features
    np.testing.assert_array_equal(principal_axes(_wide()), isometric(_wide()))


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


def test_a_subspace_has_its_share_of_the_columns_and_rows_of_length_one():
    features = _groups()
    rows = normalise(features, "l2")
    rows[3] = 0
    part = random_subspace(rows, 0.6, 4)
    assert part.shape == (60, 3)
    lengths = np.linalg.norm(part, axis=1)
    np.testing.assert_allclose(np.delete(lengths, 3), 1, rtol=1e-5)
    assert lengths[3] == 0
    np.testing.assert_array_equal(part, random_subspace(rows, 0.6, 4))
    raw = random_subspace(features, 0.6, 4)
    assert all(any(np.array_equal(column, other) for other in features.T) for column in raw.T)
    np.testing.assert_allclose(normalise(raw, "l2")[:3], part[:3], rtol=1e-5)
    assert random_subspace(features, 0.01, 0).shape == (60, 1)
    assert random_subspace(features, 1, 0).shape == features.shape


@pytest.mark.parametrize("share", [0, 1.5, -1, True, "half"])
def test_a_share_that_cannot_be_is_told(share):
    with pytest.raises(ParameterError, match=f"subspace is {share!r}; give a share of the features, above 0"):
        random_subspace(_groups(), share, 0)


def test_normalise():
    features = np.array([[3, 4], [0, 0], [0, 2]], dtype=np.float32)
    np.testing.assert_allclose(normalise(features, "l2"), [[0.6, 0.8], [0, 0], [0, 1]], rtol=1e-6)
    signed = np.array([[9, -16], [0, 0]], dtype=np.float32)
    np.testing.assert_allclose(normalise(signed, "sqrt"), [[0.6, -0.8], [0, 0]], rtol=1e-6)
    assert normalise(features, "none") is features
    assert normalise(features, "l2").dtype == np.float32
    with pytest.raises(ParameterError, match="normalise is 'l1'; give one of sqrt, l2, none"):
        normalise(features, "l1")
