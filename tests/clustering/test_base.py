"""The checks of clusterers; of those with chance also edge cases, scikit-learn's contract, and shuffled images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import parametrize_with_checks

from stages.clustering.base import check_features, kmeans
from stages.clustering.nmf_deep import DeepSemiNMF
from stages.clustering.nmf_lp import NMFLP
from stages.clustering.normalised_cuts import NormalisedCuts
from stages.clustering.spectral import SpectralNJW, SpectralSelfTuning
from stages.clustering.spectral_ls import SpectralLandmarks
from stages.core import memory
from stages.core.checks import check_choice, check_n_clusters, check_number
from stages.core.errors import ParameterError

CLUSTERERS = [
    SpectralNJW(random_state=3),
    SpectralSelfTuning(random_state=3),
    SpectralLandmarks(random_state=3),
    NormalisedCuts(random_state=3),
    NMFLP(n_starts=2, n_iterations=20, random_state=3),
    DeepSemiNMF(n_iterations=20, random_state=3),
]
every_clusterer = pytest.mark.parametrize("clusterer", CLUSTERERS, ids=lambda clusterer: type(clusterer).__name__)


def _expected_failures(clusterer):
    if isinstance(clusterer, NMFLP):
        return {"check_clustering": "the check standardises its features, and NMF takes none below 0"}
    return {}


@parametrize_with_checks(CLUSTERERS, expected_failed_checks=_expected_failures)
def test_the_contract_of_scikit_learn(estimator, check):
    check(estimator)


def _groups(n_images=60, seed=0):
    """Three groups, each with features of its own, that anything can tell apart; nothing below 0."""
    rng = np.random.default_rng(seed)
    classes = np.arange(n_images) % 3
    return np.repeat(np.eye(3), 4, axis=1)[classes] + rng.uniform(0, 0.2, (n_images, 12)), classes


def _same_partition(first, second):
    return len(set(zip(first.tolist(), second.tolist(), strict=True))) == len(set(first)) == len(set(second))


@every_clusterer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_groups_are_found(clusterer, dtype):
    features, classes = _groups()
    labels = clusterer.set_params(n_clusters=3).fit_predict(features.astype(dtype))
    assert labels.dtype == np.int32
    assert sorted(set(labels.tolist())) == [0, 1, 2]
    assert _same_partition(labels, classes)
    assert clusterer.n_features_in_ == 12


@every_clusterer
def test_the_order_of_the_images_changes_no_label(clusterer):
    # No groups: any change of a start or of rounding would show.
    features = np.random.default_rng(1).uniform(size=(50, 7))
    order = np.random.default_rng(2).permutation(50)
    labels = clusterer.set_params(n_clusters=6).fit_predict(features)
    np.testing.assert_array_equal(clusterer.fit_predict(features[order]), labels[order])
    np.testing.assert_array_equal(clusterer.fit_predict(features), labels)


few_values = arrays(
    np.float32, st.tuples(st.integers(2, 12), st.integers(1, 4)), elements=st.sampled_from([0, 0.5, 1, 3])
)


@every_clusterer
@given(features=few_values, data=st.data())
@settings(deadline=None, max_examples=25)
def test_duplicates_and_ties(clusterer, features, data):
    """Any small set is clustered, or refused because images are equal; their order is no matter."""
    n_clusters = data.draw(st.integers(1, len(features)))
    clusterer.set_params(n_clusters=n_clusters)
    n_distinct = len(np.unique(features, axis=0))
    if n_clusters > n_distinct:
        message = f"n_clusters is {n_clusters}, but only {n_distinct} of the {len(features)} images differ; give"
        with pytest.raises(ParameterError, match=message):
            clusterer.fit(features)
        return
    labels = clusterer.fit_predict(features)
    assert sorted(set(labels.tolist())) == list(range(labels.max() + 1))
    assert labels.max() < n_clusters
    if n_clusters == n_distinct:
        assert labels.max() == n_clusters - 1
    if n_distinct == len(features):  # equal images are told apart by their order alone
        np.testing.assert_array_equal(clusterer.fit_predict(features[::-1]), labels[::-1])


@every_clusterer
def test_as_many_clusters_as_images_and_one_cluster_and_one_image(clusterer):
    features, _ = _groups(7)
    assert sorted(clusterer.set_params(n_clusters=7).fit_predict(features).tolist()) == list(range(7))
    assert clusterer.set_params(n_clusters=1).fit_predict(features).tolist() == [0] * 7
    assert clusterer.fit_predict(features[:1]).tolist() == [0]
    assert clusterer.fit_predict(np.ones((5, 3))).tolist() == [0] * 5, "constant features are one cluster"


def test_signed_zeros_are_equal():
    with pytest.raises(ParameterError, match="only 1 of the 2 images differ"):
        SpectralNJW(2).fit(np.array([[0.0, 1.0], [-0.0, 1.0]]))


@every_clusterer
@pytest.mark.parametrize(
    ("features", "n_clusters", "message"),
    [
        (np.array([[1, 2], [3, np.nan]]), 2, "features hold NaN in row 1, column 1"),
        (np.array([[1, 2], [np.inf, 3]]), 2, "features hold inf in row 1, column 0"),
        (np.ones((4, 3)), 2, "n_clusters is 2, but only 1 of the 4 images differ; give at most 1"),
        (np.eye(3), 4, "n_clusters is 4; give a whole number from 1 to 3"),
        (np.eye(3), 0, "n_clusters is 0; give a whole number from 1 to 3"),
        (np.eye(3), 1.5, "n_clusters is 1.5; give a whole number from 1 to 3"),
    ],
)
def test_refused(clusterer, features, n_clusters, message):
    with pytest.raises(ParameterError, match=message) as raised:
        clusterer.set_params(n_clusters=n_clusters).fit(features)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("clusterer", CLUSTERERS[:4], ids=lambda clusterer: type(clusterer).__name__)
@pytest.mark.parametrize(
    ("factor", "message"), [(1e200, "squares overflow"), (1e-200, "squared distances vanish in rounding; scale")]
)
def test_distances_beyond_the_numbers_are_refused(clusterer, factor, message):
    with pytest.raises(ParameterError, match=message):
        clusterer.set_params(n_clusters=2).fit(np.eye(6) * factor)


@pytest.mark.parametrize(
    ("clusterer", "message"),
    [
        (SpectralNJW(scale=0), "scale is 0; give a number above 0"),
        (SpectralNJW(scale=-1.0), "scale is -1.0; give a number of at least 0"),
        (SpectralNJW(n_init=0), "n_init is 0; give a whole number of at least 1"),
        (SpectralSelfTuning(neighbour=0), "neighbour is 0; give a whole number of at least 1"),
        (SpectralSelfTuning(floor=0.0), "floor is 0.0; give a number above 0, as identical images divide by it"),
        (SpectralLandmarks(n_landmarks=2), "n_landmarks is 2, for 2 clusters; give at least one more"),
        (SpectralLandmarks(n_nearest=2.5), "n_nearest is 2.5; give a whole number"),
        (SpectralLandmarks(sigma=0), "sigma is 0; give a number above 0, or None"),
        (NormalisedCuts(scale=0), "scale is 0; give a number above 0"),
        (NormalisedCuts(n_init="ten"), "n_init is 'ten'; give a whole number"),
        (NMFLP(rank=0), "rank is 0; give a whole number of at least 1"),
        (DeepSemiNMF(layers=()), r"layers is \(\); give the layers' widths, such as \(160, 160\)"),
        (DeepSemiNMF(layers=(5, 0)), "a width in layers is 0; give a whole number of at least 1"),
        (DeepSemiNMF(tol=-1), "tol is -1; give a number of at least 0"),
    ],
)
def test_parameters_without_sense_are_refused(clusterer, message):
    with pytest.raises(ParameterError, match=message):
        clusterer.fit(np.eye(5))


@every_clusterer
def test_what_would_not_fit_is_refused_before_it_is_allocated(clusterer, monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 20_000)
    features, _ = _groups(100)
    with pytest.raises(
        ParameterError, match=r"of 100 images would take .* GiB of memory, of which 0\.0 GiB are free"
    ):
        clusterer.set_params(n_clusters=3).fit(features)


def test_kmeans_keeps_coinciding_points_together():
    points = np.repeat([[0.0], [5.0]], 4, axis=0)
    labels = kmeans(points, 3, 2, np.random.RandomState(0))
    assert len(set(labels[:4])) == len(set(labels[4:])) == 1
    assert labels[0] != labels[4]


class Estimator(BaseEstimator):
    pass


@pytest.mark.parametrize(
    ("given", "dtype"), [(np.float32, np.float32), (np.float64, np.float64), (np.int16, np.float64)]
)
def test_features_keep_their_precision_and_lie_row_by_row(given, dtype):
    estimator = Estimator()
    features = check_features(estimator, np.asfortranarray(np.arange(6).reshape(3, 2), dtype=given))
    assert features.dtype == dtype
    assert features.flags.c_contiguous
    assert features.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert estimator.n_features_in_ == 2


def test_features_that_need_no_change_are_not_copied():
    values = np.ones((3, 2), dtype=np.float32)
    assert np.shares_memory(check_features(Estimator(), values), values)


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "inf")])
def test_the_first_value_that_is_not_finite_is_named_even_in_a_later_block(value, name):
    features = np.zeros((5000, 3), dtype=np.float32)
    features[4500, 2] = features[4600, 0] = value
    with pytest.raises(ParameterError, match=f"features hold {name} in row 4500, column 2; "):
        check_features(Estimator(), features)


@pytest.mark.parametrize(
    ("features", "least", "message"),
    [
        (np.ones(4), 1, "Expected 2D array, got 1D array"),
        (np.ones((0, 4)), 1, r"0 sample\(s\)"),
        (np.ones((4, 0)), 1, r"0 feature\(s\)"),
        (np.ones((1, 4)), 2, r"1 sample\(s\).* minimum of 2 is required"),
    ],
)
def test_shapes_that_are_refused_in_one_line(features, least, message):
    with pytest.raises(ParameterError, match=message) as raised:
        check_features(Estimator(), features, least)
    assert "\n" not in str(raised.value)


def test_sparse_features_are_refused():
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        check_features(Estimator(), csr_array(np.eye(3)))


@pytest.mark.parametrize("n_clusters", [1, 5, np.int64(3)])
def test_numbers_of_clusters(n_clusters):
    assert check_n_clusters(n_clusters, 5) == n_clusters
    assert type(check_n_clusters(n_clusters, 5)) is int


@pytest.mark.parametrize("n_clusters", [0, -1, 6, 2.0, "3", None])
def test_numbers_of_clusters_that_are_refused(n_clusters):
    with pytest.raises(ParameterError) as raised:
        check_n_clusters(n_clusters, 5)
    assert str(raised.value) == f"n_clusters is {n_clusters!r}; give a whole number from 1 to 5, the images"


def test_numbers():
    check_number("scale", 0)
    check_number("scale", np.float32(0.5), least=0.5)
    check_number("count", np.int64(2), least=2, whole=True)


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "1", None, True])
def test_numbers_that_are_refused(value):
    with pytest.raises(ParameterError) as raised:
        check_number("scale", value)
    assert str(raised.value) == f"scale is {value!r}; give a number of at least 0"


@pytest.mark.parametrize("value", [1, 2.0, True])
def test_whole_numbers_that_are_refused(value):
    with pytest.raises(ParameterError, match=f"count is {value!r}; give a whole number of at least 2"):
        check_number("count", value, least=2, whole=True)


def test_choices():
    check_choice("linkage", "ward", ("ward", "single"))
    with pytest.raises(ParameterError, match="linkage is 'wrad'; give one of ward, single"):
        check_choice("linkage", "wrad", ("ward", "single"))
