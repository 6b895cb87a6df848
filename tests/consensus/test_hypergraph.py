"""The hypergraph of partitions, and the form that is the same for all ways to write them."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.consensus.canonical import distinct_rows
from stages.consensus.hypergraph import hypergraph
from tests.consensus.ensembles import same_partition

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
