"""Partitions: their checks, their hypergraph, and one form for all ways to write the same ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.consensus.hypergraph import check_ensemble, check_partitions, check_weights, distinct_rows, hypergraph
from stages.core.errors import ParameterError
from tests.consensus.ensembles import same_partition


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64, np.float32, np.float64])
def test_whole_numbers_of_any_type(dtype):
    partitions = check_partitions(np.array([[0, 3], [7, 3]], dtype=dtype))
    assert partitions.dtype == np.int32
    assert partitions.flags.c_contiguous
    assert partitions.tolist() == [[0, 3], [7, 3]]


def test_lists_and_missing_labels():
    assert check_partitions([[0, -1], [-1.0, 2]]).tolist() == [[0, -1], [-1, 2]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2, 3], r"the shape \(3,\); give \(images, partitions\)"),
        (np.empty((4, 0)), r"the shape \(4, 0\)"),
        (np.empty((0, 4)), r"the shape \(0, 4\)"),
        ([[0, 1], [0]], "rows of different lengths"),
        ([[True, False]], "the type bool; give whole numbers"),
        ([["a", "b"]], "the type <U1"),
        ([[0, None]], "the type object"),
        ([[0, 1], [0, 0.5]], "hold 0.5 in row 1, column 1; give whole numbers, and -1"),
        ([[0, np.nan]], "hold nan in row 0, column 1; give whole numbers, and -1"),
        ([[0, np.inf]], "hold inf in row 0, column 1; number clusters from 0 to 2147483647"),
        ([[0, 1], [-2, 0]], "hold -2 in row 1, column 0; number clusters from 0, and give -1 only"),
        ([[0, 2**31]], "hold 2147483648 in row 0, column 1; number clusters from 0 to 2147483647"),
        (np.array([[2**63]], dtype=np.uint64), "hold 9223372036854775808 in row 0, column 0"),
        ([[0, 0], [-1, -1]], "image 1 has no label in any partition; leave that image out"),
        ([[0, -1], [1, -1]], "partition 1 has no label for any image; leave that partition out"),
    ],
)
def test_refused_partitions(values, message):
    with pytest.raises(ParameterError, match=message) as refused:
        check_partitions(values)
    assert "\n" not in str(refused.value)


def test_weights():
    assert check_weights(None, 3).tolist() == [1, 1, 1]
    assert check_weights([0, 2, 1], 3).tolist() == [0, 2, 1]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], r"the shape \(2,\); give \(3,\)"),
        (1, r"the shape \(\); give \(3,\)"),
        ([1, -1, 1], "hold -1.0 for partition 1; give numbers of at least 0"),
        ([1, 1, np.nan], "hold nan for partition 2"),
        ([1, 1, np.inf], "hold inf for partition 2"),
        ([0, 0, 0], "weights are all 0"),
        ("abc", "weights are 'abc'; give 3 numbers"),
    ],
)
def test_refused_weights(weights, message):
    with pytest.raises(ParameterError, match=message):
        check_weights(weights, 3)


def test_partitions_without_weight_are_left_out():
    partitions, weights = check_ensemble([[0, 5, 1], [1, 6, -1]], [1, 0, 2.5])
    assert partitions.tolist() == [[0, 1], [1, -1]]
    assert weights.tolist() == [1, 2.5]


def test_an_image_that_only_partitions_without_weight_could_read():
    with pytest.raises(ParameterError, match="image 1 has no label in any partition with a weight above 0"):
        check_ensemble([[0, 5], [-1, 6]], [1, 0])


def test_the_caller_keeps_the_values():
    partitions, weights = np.array([[0, 1]], dtype=np.int32), np.array([1.0, 0.0])
    found, _ = check_ensemble(partitions, weights)
    found[0, 0] = 9
    assert partitions.tolist() == [[0, 1]]
    assert weights.tolist() == [1, 0]


shapes = st.tuples(st.integers(1, 12), st.integers(1, 5))
partitions = arrays(np.int32, shapes, elements=st.integers(-1, 4)).filter(
    lambda values: (values >= 0).any(axis=1).all() and (values >= 0).any(axis=0).all()
)


def test_the_indicator_by_hand():
    indicator, partition = hypergraph(np.array([[7, 0], [2, -1], [-1, 0], [7, 3]]))
    assert partition.tolist() == [0, 0, 1, 1], "labels 2 and 7 of the first partition, 0 and 3 of the second"
    assert indicator.toarray().tolist() == [[0, 1, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 1]]
    assert indicator.nnz == 6
    assert indicator.dtype == np.float64


@given(partitions)
@settings(deadline=None, max_examples=60)
def test_its_product_counts_common_labels(values):
    indicator, partition = hypergraph(values)
    equal = (values[:, None] == values[None]) & (values >= 0)[:, None]
    np.testing.assert_array_equal((indicator @ indicator.T).toarray(), equal.sum(axis=2))
    assert np.bincount(partition).tolist() == [len(set(column[column >= 0])) for column in values.T]


@given(partitions)
@settings(deadline=None, max_examples=60)
def test_distinct_rows_are_the_same_partitions(values):
    distinct = distinct_rows(values)
    back = distinct.rows[distinct.inverse]
    for before, after in zip(values.T, back.T, strict=True):
        assert same_partition(before.tolist(), after.tolist())
        np.testing.assert_array_equal(before < 0, after < 0)
        sizes = np.bincount(after[after >= 0])
        assert (np.diff(sizes) <= 0).all(), "clusters are named by size"
        assert sizes.all()
    assert len(np.unique(distinct.rows, axis=0)) == len(distinct.rows)
    assert distinct.counts.tolist() == np.bincount(distinct.inverse).tolist()


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=25)
def test_one_form_whatever_the_order_of_images_and_the_names_of_labels(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(-1, 5, (60, 4))
    values = values[(values >= 0).any(axis=1)]
    names = rng.permutation(100)[:5]
    order = rng.permutation(len(values))
    one, other = distinct_rows(values), distinct_rows(np.where(values < 0, -1, names[values])[order])
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_array_equal(one.counts, other.counts)
    np.testing.assert_array_equal(one.inverse[order], other.inverse)


def test_clusters_of_equal_size_are_told_apart_by_what_they_meet():
    # Both clusters of the first partition have two images; the second partition splits one of them.
    values = np.array([[0, 0], [0, 0], [1, 0], [1, 1]])
    swapped = np.array([[1, 0], [1, 0], [0, 0], [0, 1]])
    np.testing.assert_array_equal(distinct_rows(values).rows, distinct_rows(swapped).rows)
    np.testing.assert_array_equal(distinct_rows(values).rows, distinct_rows(values[::-1]).rows)
