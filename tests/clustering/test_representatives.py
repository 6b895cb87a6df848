"""Representatives of many images: how they divide them, and Ward's method on them."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import ward
from sklearn.metrics import adjusted_rand_score

from stages.clustering import agglomerative, representatives
from stages.clustering.agglomerative import Agglomerative
from stages.clustering.representatives import centroids, micro_clusters


def _groups(rows=1500, groups=12, spread=1.0):
    rng = np.random.default_rng(0)
    return (6 * rng.normal(size=(groups, 10)))[np.arange(rows) % groups] + spread * rng.normal(size=(rows, 10))


def _ward(features, number):
    return Agglomerative(number).fit(features).labels_


@pytest.mark.parametrize("largest", [5000, 60])
def test_micro_clusters_are_numbered_without_gaps_and_at_least_as_many_as_asked_for(largest, monkeypatch):
    monkeypatch.setattr(representatives, "_LARGEST", largest)
    own = micro_clusters(_groups(), 200, _ward)
    assert own.shape == (1500,)
    assert set(own.tolist()) == set(range(own.max() + 1))
    assert 200 <= own.max() + 1 <= 240


def test_copies_can_be_divided_too():
    own = micro_clusters(np.ones((1000, 3)), 50, _ward)
    assert set(own.tolist()) == set(range(own.max() + 1)) and own.max() >= 49


def test_centroids_by_hand():
    found = centroids(np.array([[0.0, 2], [4, 4], [2, 0]]), np.array([1, 0, 1]))
    assert found.tolist() == [[4, 4], [1, 1]]


def test_ward_of_representatives_goes_on_as_ward_of_the_images():
    # Where the micro-clusters are those that the first merges make, the last ones are the same, heights included.
    features = np.repeat(_groups(60), 3, axis=0) + 1e-6 * np.random.default_rng(1).normal(size=(180, 10))
    own = np.repeat(np.arange(60), 3)
    merged = agglomerative._merge(centroids(features, own), np.full(60, 3.0), "ward")
    np.testing.assert_allclose(merged.merges[:, 2], ward(features)[-59:, 2], rtol=1e-4)


def test_above_the_size_the_partition_is_extended_to_all_images(monkeypatch):
    features = _groups()
    exact = Agglomerative(12).fit(features)
    monkeypatch.setattr(agglomerative, "REPRESENTED", 200)
    fast = Agglomerative(12).fit(features)
    assert adjusted_rand_score(exact.labels_, fast.labels_) >= 0.95
    assert (np.diff(np.bincount(fast.labels_)) <= 0).all(), "numbered by size"
    assert fast.labels_.dtype == np.int32
    assert 200 <= len(fast.merges_) + 1 < 300
    order = np.random.default_rng(0).permutation(len(features))
    assert adjusted_rand_score(fast.labels_[order], Agglomerative(12).fit(features[order]).labels_) >= 0.95
    assert len(set(Agglomerative(150).fit(features).labels_.tolist())) == 150, "four representatives a cluster"


@pytest.mark.parametrize("linkage", ["average", "complete", "single"])
def test_the_other_linkages_merge_all_images(linkage, monkeypatch):
    monkeypatch.setattr(agglomerative, "REPRESENTED", 50)
    assert len(Agglomerative(3, linkage).fit(_groups(120)).merges_) == 119
