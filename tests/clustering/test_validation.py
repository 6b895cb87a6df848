"""The checks that clusterers share: what passes, and the one line that answers what does not."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator

from stages.clustering.validation import check_features
from stages.core.checks import check_choice, check_n_clusters, check_number
from stages.core.errors import ParameterError


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
