"""Base partitions weighed by their quality: what collapsed counts nothing, and no view more than before."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.consensus import weigh_by_quality
from stages.consensus.weighting import Weighted

GIANT = np.array([0] * 9 + [1])  # most of ten images in one cluster


def weighed(weights: np.ndarray, views: np.ndarray, quality: np.ndarray) -> Weighted:
    """As of partitions that all have a giant cluster, so that a low quality alone makes them collapsed."""
    return weigh_by_quality(np.tile(GIANT[:, None], len(weights)), weights, views, quality)


def test_fine_partitions_of_a_low_quality_have_not_collapsed() -> None:
    fine = np.arange(10) // 2
    partitions = np.column_stack([fine, fine, GIANT])
    found = weigh_by_quality(partitions, np.ones(3), np.zeros(3, dtype=int), np.array([0.8, 0.2, 0.2]))
    assert found.collapsed.tolist() == [False, False, True]
    assert found.weights[1] > 0 == found.weights[2]


ensembles = st.integers(1, 12).flatmap(
    lambda m: st.tuples(
        arrays(np.float64, m, elements=st.sampled_from([0.0, 0.25, 1.0, 3.0])),
        arrays(np.int64, m, elements=st.integers(0, 3)),
        arrays(np.float64, m, elements=st.floats(-1, 1, width=16)),
    )
)


def test_by_hand() -> None:
    """The square of the quality counts within a view, and each view has its total back."""
    found = weighed(np.array([1.0, 1, 2, 3, 3]), np.array([0, 0, 0, 1, 1]), np.array([0.8, 0.4, 0.3, 0.2, 0.1]))
    assert found.collapsed.tolist() == [False, False, True, False, False]
    # 1 and 1/4, times 4 / (5/4); then 3 and 3/4, times 6 / (15/4).
    np.testing.assert_allclose(found.weights, [3.2, 0.8, 0, 4.8, 1.2])


def test_equal_quality_changes_nothing() -> None:
    weights = np.array([0.25, 0.25, 1, 2])
    found = weighed(weights, np.array([0, 0, 0, 1]), np.full(4, 0.3))
    np.testing.assert_allclose(found.weights, weights)
    assert not found.collapsed.any()


@pytest.mark.parametrize("quality", [[0.0, 0.0], [-0.5, -0.1], [0.0, -0.2]])
def test_a_view_without_positive_quality_keeps_its_weights(quality: list[float]) -> None:
    found = weighed(np.array([1.0, 3, 1, 3]), np.array([0, 0, 1, 1]), np.array([*quality, 0.9, 0.1]))
    np.testing.assert_allclose(found.weights, [1, 3, 4, 0])
    assert found.collapsed.tolist() == [False, False, False, True]


def test_a_view_whose_quality_is_low_throughout_still_has_its_say() -> None:
    found = weighed(np.ones(4), np.array([0, 0, 1, 1]), np.array([0.9, 0.9, 0.01, 0.009]))
    assert not found.collapsed.any()
    assert found.weights[2:].sum() == pytest.approx(2)


def test_a_partition_that_has_no_share_does_not_judge_the_others() -> None:
    """However good it is, the others have not collapsed beside it, and weigh by their own quality."""
    found = weighed(np.array([0.0, 1, 1, 1]), np.zeros(4, dtype=int), np.array([0.9, 0.4, 0.2, 0.1]))
    assert found.collapsed.tolist() == [False, False, False, True]
    np.testing.assert_allclose(found.weights, [0, 2.4, 0.6, 0])


def test_what_is_given_is_not_changed() -> None:
    weights = np.array([1.0, 2])
    weighed(weights, np.zeros(2, dtype=int), np.array([0.5, 0.1]))
    assert weights.tolist() == [1, 2]


@given(ensembles)
@settings(deadline=None, max_examples=200)
def test_views_keep_their_totals_and_better_partitions_weigh_more(
    ensemble: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    weights, views, quality = ensemble
    found = weighed(weights, views, quality)
    assert found.weights.dtype == np.float64 and found.collapsed.dtype == bool
    assert (found.weights >= 0).all()
    assert not found.weights[found.collapsed | (weights == 0)].any()
    for view in np.unique(views):
        own = views == view
        assert found.weights[own].sum() == pytest.approx(weights[own].sum())
        used = np.flatnonzero(own & (weights > 0))
        if len(used) and quality[used].max() > 0:
            assert not found.collapsed[used[np.argmax(quality[used])]], "the best has not collapsed"
            assert (found.weights[used][quality[used] <= 0] == 0).all()
            factor = (found.weights[used] / weights[used])[np.argsort(quality[used], kind="stable")]
            assert (np.diff(factor) >= -1e-12).all()
        else:
            np.testing.assert_array_equal(found.weights[own], weights[own])
            assert not found.collapsed[own].any()
