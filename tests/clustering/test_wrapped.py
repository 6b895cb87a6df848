"""The clusterers of other libraries behind our checks: right answers, the seed decides all, clear refusals."""

import sys

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from stages.clustering.agglomerative import Genie
from stages.clustering.density import DBSCAN, HDBSCAN
from stages.clustering.gaussian_mixture import GaussianMixture
from stages.clustering.kmeans import MiniBatchKMeans
from stages.core.errors import ParameterError

COUNTED = [MiniBatchKMeans(3, random_state=0), GaussianMixture(3, random_state=0), Genie(3)]
DENSITY = [HDBSCAN(min_cluster_size=4), DBSCAN(eps=2.5)]


@pytest.fixture(autouse=True)
def _genieclust(request):
    if "Genie" in request.node.name and "missing" not in request.node.name:
        pytest.importorskip("genieclust")


@parametrize_with_checks([MiniBatchKMeans(n_clusters=2), GaussianMixture(), Genie(), HDBSCAN(), DBSCAN()])
def test_scikit_learns_contract(estimator, check):
    check(estimator)


def _name(clustering):
    return type(clustering).__name__


def _blobs(rows=90, seed=0):
    rng = np.random.default_rng(seed)
    classes = np.arange(rows) % 3
    return (np.eye(3, 5)[classes] * 12 + rng.normal(size=(rows, 5))).astype(np.float32), classes


@pytest.mark.parametrize("clustering", COUNTED + DENSITY, ids=_name)
def test_separate_groups_are_found_the_same_again_and_in_any_order(clustering):
    features, classes = _blobs()
    labels = clustering.fit_predict(features)
    assert labels.dtype == np.int32
    assert set(labels.tolist()) - {-1} == {0, 1, 2}
    kept = labels >= 0
    assert kept.mean() > 0.9
    assert adjusted_rand_score(classes[kept], labels[kept]) == 1
    assert labels.tobytes() == clustering.fit_predict(features).tobytes()
    order = np.random.default_rng(1).permutation(len(features))
    assert adjusted_rand_score(labels[order], clustering.fit_predict(features[order])) == 1


@pytest.mark.parametrize("clustering", COUNTED, ids=_name)
def test_one_image_one_cluster_and_as_many_clusters_as_images(clustering):
    features, _ = _blobs(12)
    assert clustering.set_params(n_clusters=1).fit_predict(features[:1]).tolist() == [0]
    assert clustering.fit_predict(features).tolist() == [0] * 12
    assert sorted(clustering.set_params(n_clusters=12).fit_predict(features).tolist()) == list(range(12))
    clustering.set_params(n_clusters=3)


@pytest.mark.parametrize("clustering", COUNTED, ids=_name)
def test_duplicates_and_constant_columns(clustering):
    features, classes = _blobs(30)
    features = np.concatenate([features, features])
    features[:, 4] = 5
    assert adjusted_rand_score(np.tile(classes, 2), clustering.fit_predict(features)) == 1


@pytest.mark.parametrize("clustering", DENSITY, ids=_name)
def test_noise_has_the_label_minus_one(clustering):
    features, _ = _blobs()
    labels = clustering.fit_predict(np.concatenate([features, [[100, 100, 100, 100, 100]]]))
    assert labels[-1] == -1


def test_one_image_and_constant_features_with_density():
    assert DBSCAN(min_samples=1).fit_predict(np.ones((1, 2))).tolist() == [0]
    assert DBSCAN().fit_predict(np.ones((1, 2))).tolist() == [-1]
    assert DBSCAN().fit_predict(np.ones((9, 2))).tolist() == [0] * 9
    assert HDBSCAN(min_samples=1).fit_predict(np.ones((1, 2))).tolist() == [-1]
    assert HDBSCAN(allow_single_cluster=True).fit_predict(np.ones((9, 2))).tolist() == [0] * 9


def test_a_missing_genieclust_is_told_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "genieclust", None)
    with pytest.raises(ParameterError, match=r"genieclust; pip install 'manyviews\[genie\]'"):
        Genie(2).fit(np.eye(3))


@pytest.mark.parametrize("clustering", COUNTED + DENSITY, ids=_name)
@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "inf")])
def test_values_that_are_not_finite_are_refused(clustering, value, name):
    features, _ = _blobs(12)
    features[3, 1] = value
    with pytest.raises(ParameterError, match=f"features hold {name} in row 3, column 1"):
        clustering.fit(features)


@pytest.mark.parametrize("clustering", COUNTED, ids=_name)
def test_more_clusters_than_images_are_refused(clustering):
    with pytest.raises(ParameterError, match="n_clusters is 3; give a whole number from 1 to 2"):
        clustering.fit(np.eye(2))


@pytest.mark.parametrize(
    ("clustering", "message"),
    [
        (MiniBatchKMeans(2, batch_size=0), "batch_size is 0; give a whole number of at least 1"),
        (GaussianMixture(2, covariance_type="round"), "covariance_type is 'round'; give one of diag, spherical"),
        (GaussianMixture(2, reg_covar=-1), "reg_covar is -1; give a number of at least 0"),
        (Genie(2, gini_threshold=1.5), "gini_threshold is 1.5; give a number from 0 to 1"),
        (HDBSCAN(min_cluster_size=1), "min_cluster_size is 1; give a whole number of at least 2"),
        (HDBSCAN(min_cluster_size=20), "min_cluster_size is 20, but there are only 12 images"),
        (HDBSCAN(min_samples=13), "min_samples is 13, but there are only 12 images"),
        (HDBSCAN(cluster_selection_method="best"), "cluster_selection_method is 'best'; give one of eom, leaf"),
        (DBSCAN(eps=0), "eps is 0; give a distance above 0"),
        (DBSCAN(min_samples=0), "min_samples is 0; give a whole number of at least 1"),
    ],
)
def test_refused(clustering, message):
    with pytest.raises(ParameterError, match=message):
        clustering.fit(_blobs(12)[0])


def test_what_would_not_fit_in_memory_is_refused():
    with pytest.raises(ParameterError, match=r"the neighbours of 400000 images would take .* GiB"):
        DBSCAN().fit(np.zeros((400_000, 1)))
    with pytest.raises(ParameterError, match=r"a mixture of 2 Gaussians over 3 images of 100000 features"):
        GaussianMixture(2, covariance_type="full").fit(np.eye(3, 100_000))
