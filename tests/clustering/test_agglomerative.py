"""The linkages against hand-computed merges, scipy, and the published score of the UMist faces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.spatial.distance import pdist
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from stages.clustering import distances as distance_module
from stages.clustering.agglomerative import LINKAGES, Agglomerative
from stages.clustering.distances import condensed_distances
from stages.core.errors import ParameterError
from tests.clustering.faces import umist

features_of_any_kind = arrays(
    np.float64, st.tuples(st.integers(1, 9), st.integers(1, 4)), elements=st.integers(-3, 3).map(float)
)


@parametrize_with_checks([Agglomerative()])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


# Points on a line: 0, 2, 6, 7.
@pytest.mark.parametrize(
    ("linkage", "heights"),
    [
        ("single", [1, 2, 4]),
        ("complete", [1, 2, 7]),
        ("average", [1, 2, 5.5]),  # of 6, 7, 4, 5
        ("ward", [1, 2, 5.5 * np.sqrt(2)]),  # centroids 1 and 6.5; sqrt(2 * 2 * 2 / 4) times their distance
    ],
)
def test_the_dendrogram_by_hand(linkage, heights):
    clustering = Agglomerative(2, linkage).fit(np.array([[0.0], [2], [6], [7]]))
    np.testing.assert_allclose(clustering.merges_[:, 2], heights)
    np.testing.assert_array_equal(clustering.merges_[:, [0, 1, 3]], [[2, 3, 2], [0, 1, 2], [4, 5, 4]])
    assert clustering.labels_.tolist() == [0, 0, 1, 1]
    assert clustering.labels_.dtype == np.int32


@pytest.mark.parametrize("linkage", LINKAGES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_merge_is_scipys(linkage, dtype, monkeypatch):
    monkeypatch.setattr(distance_module, "_TILE", 64)  # several tiles of images and of columns
    monkeypatch.setattr(distance_module, "_COLUMNS", 7)
    features = (np.random.default_rng(1).normal(size=(300, 23)) + 100).astype(dtype)
    merges = Agglomerative(5, linkage).fit(features).merges_
    np.testing.assert_allclose(merges, scipy_linkage(pdist(features.astype(np.float64)), linkage), rtol=1e-9)


@pytest.mark.parametrize("linkage", LINKAGES)
def test_the_partition_is_scikit_learns(linkage):
    features = np.random.default_rng(2).normal(size=(400, 12))
    expected = AgglomerativeClustering(9, linkage=linkage).fit_predict(features)
    assert adjusted_rand_score(expected, Agglomerative(9, linkage).fit_predict(features)) == 1


@given(features_of_any_kind, st.sampled_from(LINKAGES), st.data())
@settings(deadline=None, max_examples=80)
def test_exactly_as_many_clusters_as_asked_for_despite_ties_and_duplicates(features, linkage, data):
    count = data.draw(st.integers(1, len(features)))
    clustering = Agglomerative(count, linkage).fit(features)
    assert sorted(set(clustering.labels_.tolist())) == list(range(count))
    assert (np.diff(clustering.merges_[:, 2]) >= 0).all()


def test_distances_keep_their_digits_where_products_cancel():
    # Two tight groups far apart: the squared distances within are lost in |a|^2 + |b|^2 - 2ab.
    rng = np.random.default_rng(3)
    features = np.repeat([[-1e6], [1e6]], 10, axis=0) + rng.normal(size=(20, 30)) * 1e-3
    np.testing.assert_allclose(condensed_distances(features), pdist(features), rtol=1e-9)


def test_duplicates_and_constant_features_are_at_distance_0():
    features = np.random.default_rng(4).normal(size=(50, 40)).astype(np.float32) + 7
    features[31] = features[8]
    assert Agglomerative(49).fit(features).labels_[31] == Agglomerative(49).fit(features).labels_[8]
    assert condensed_distances(features).min() == 0
    assert not condensed_distances(np.full((6, 5), 0.1)).any()


def test_neither_shuffling_nor_the_number_of_threads_matters(monkeypatch):
    features = np.random.default_rng(5).normal(size=(700, 6))
    order = np.random.default_rng(6).permutation(700)
    labels = Agglomerative(12).fit_predict(features)
    assert adjusted_rand_score(labels[order], Agglomerative(12).fit_predict(features[order])) == 1
    before = condensed_distances(features)
    monkeypatch.setattr(distance_module.os, "cpu_count", lambda: 1)
    assert condensed_distances(features).tobytes() == before.tobytes()


@pytest.mark.parametrize(("linkage", "published"), [("ward", 0.6456), ("average", 0.6428)])
def test_the_faces_score_as_published(linkage, published):
    features, persons = umist()
    labels = Agglomerative(20, linkage).fit_predict(features)
    assert normalized_mutual_info_score(persons, labels, average_method="geometric") == pytest.approx(
        published, abs=0.002
    )


def test_one_image_and_one_cluster():
    assert Agglomerative(1).fit_predict(np.ones((1, 3))).tolist() == [0]
    assert Agglomerative(1).fit_predict(np.eye(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("clustering", "features", "message"),
    [
        (Agglomerative(4), np.eye(3), "n_clusters is 4; give a whole number from 1 to 3"),
        (Agglomerative(0), np.eye(3), "n_clusters is 0; give a whole number"),
        (Agglomerative(2, "centroid"), np.eye(3), "linkage is 'centroid'; give one of ward, average"),
        (Agglomerative(2), np.array([[0.0], [np.nan]]), "features hold NaN in row 1, column 0"),
        (Agglomerative(2), np.array([[0.0], [np.inf]]), "features hold inf in row 1, column 0"),
        (Agglomerative(2), np.array([[0.0], [1e200]]), r"features of row \d are as large as .*: squares overflow"),
        (
            Agglomerative(2, "single"),
            np.zeros((500_000, 1)),
            "the distances of 500000 images would take 93",
        ),
    ],
)
def test_refused(clustering, features, message):
    with pytest.raises(ParameterError, match=message):
        clustering.fit(features)
