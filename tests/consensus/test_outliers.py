"""Cuts that odd images do not use up."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.consensus import CoassociationClustering, cut_with_outliers, linkage
from stages.core.errors import ParameterError
from tests.consensus.reference import coassociation
from tests.consensus.strategies import incomplete_partitions

# Two groups of five, and image 10, which shares two of ten partitions with the first group and one with the
# second.
LABELS = np.repeat([[0], [1]], 5, axis=0) * np.ones(10, dtype=int)
ODD = np.array([[0, 0, 1, 7, 8, 7, 8, 7, 8, 7]])
PARTITIONS = np.concatenate([LABELS, ODD])


def test_an_odd_image_joins_the_group_it_agrees_with_most():
    dendrogram = linkage(PARTITIONS)
    assert np.bincount(dendrogram.cut(2)).tolist() == [6, 5]  # two clusters are two groups, anyhow
    three = np.concatenate([PARTITIONS, np.full((5, 10), 3)])
    dendrogram = linkage(three)
    assert np.bincount(dendrogram.cut(4)).tolist() == [5, 5, 5, 1]
    mixed = np.concatenate([three, [[3, 3, 3, 9, 9, 9, 9, 9, 9, 9]]])
    dendrogram = linkage(mixed)
    labels = cut_with_outliers(dendrogram, 3, 0.5, mixed)
    assert np.bincount(labels).tolist() == [6, 6, 5]
    assert labels[10] == labels[0]
    assert labels[16] == labels[11]


def test_a_cluster_asked_for_is_not_used_up_by_an_odd_image():
    """Two groups in common partitions, and an image that shares nothing: a plain cut at two has it alone."""
    loner = np.full((1, 10), 9)
    joined = LABELS.copy()
    joined[5:, :6] = 0  # the two groups agree in six of ten partitions
    values = np.concatenate([joined, loner])
    assert np.bincount(linkage(values).cut(2)).tolist() == [10, 1]
    labels = cut_with_outliers(linkage(values), 2, 0.2, values)
    assert np.bincount(labels).tolist() == [6, 5]
    assert CoassociationClustering(2).fit_predict(values).tolist() == labels.tolist()
    plain = CoassociationClustering(2, min_cluster_fraction=0).fit_predict(values)
    assert np.bincount(plain).tolist() == [10, 1]


@given(incomplete_partitions(), st.data())
@settings(deadline=None, max_examples=150)
def test_sizes_and_agreements(values, data):
    count = data.draw(st.integers(1, len(values)))
    share = data.draw(st.sampled_from([0, 0.3, 0.6, 0.9]))
    dendrogram = linkage(values)
    labels = cut_with_outliers(dendrogram, count, share, values)
    assert sorted(set(labels.tolist())) == list(range(count))
    least = share * len(values) / count
    depths = [k for k in range(1, len(values) + 1) if (np.bincount(dendrogram.cut(k)) >= least).sum() >= count]
    if not depths:
        np.testing.assert_array_equal(labels, dendrogram.cut(count))
        return
    before = dendrogram.cut(depths[0])
    large = np.bincount(before) >= least
    assert np.bincount(labels).min() >= least
    matrix = coassociation(values)
    for cluster in range(count):
        kept = large[before] & (labels == cluster)
        assert len(set(before[kept])) == 1, "large clusters stay as they were"
    for image in np.flatnonzero(~large[before]):
        means = [matrix[image, (before == cluster)].mean() for cluster in np.flatnonzero(large)]
        own = matrix[image, large[before] & (labels == labels[image])].mean()
        assert own == pytest.approx(max(means))


@pytest.mark.parametrize("share", [-0.1, 1, "half", True, float("nan")])
def test_a_share_that_cannot_be_is_refused(share):
    with pytest.raises(ParameterError, match=f"min_cluster_fraction is {share!r}; give a share from 0 to below 1"):
        CoassociationClustering(2, min_cluster_fraction=share).fit(PARTITIONS)
