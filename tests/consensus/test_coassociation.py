"""The cut that sets odd images aside, and the confidence, against the explicit co-association matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.consensus import CoassociationClustering, ConsensusCuts, linkage, membership_confidence
from stages.core.dendrogram import most_clusters
from stages.core.errors import ParameterError
from tests.consensus.reference import coassociation
from tests.consensus.strategies import incomplete_partitions

# Four images, three partitions: 0 and 1 always together, 2 and 3 twice, 1 and 2 once.
PARTITIONS = np.array([[0, 0, 5], [0, 0, 5], [1, 1, 5], [1, 1, 7]])


def test_by_hand():
    clustering = CoassociationClustering(2).fit(PARTITIONS)
    assert clustering.labels_.tolist() == [0, 0, 1, 1]
    assert clustering.labels_.dtype == np.int32
    assert clustering.n_clusters_ == 2
    # 0 joins 1 at distance 0, 2 joins 3 at 1/3, and the pairs join at the mean of 2/3, 2/3, 1, 1.
    np.testing.assert_allclose(clustering.dendrogram_.merges[:, 2], [0, 1 / 3, 5 / 6])
    assert clustering.dendrogram_.cut(4).tolist() == [0, 1, 2, 3]


def test_agreeing_partitions_are_returned_whatever_their_names():
    labels = np.array([2, 2, 0, 1, 1, 1])
    partitions = np.column_stack([labels, labels + 7, 2 - labels])
    assert CoassociationClustering(3).fit_predict(partitions).tolist() == [1, 1, 2, 0, 0, 0]
    automatic = CoassociationClustering("auto").fit(partitions)
    assert automatic.n_clusters_ == 3
    assert automatic.labels_.tolist() == [1, 1, 2, 0, 0, 0]


def test_an_image_that_most_views_could_not_read_goes_where_the_others_put_it():
    partitions = np.array([[0, 0, 0]] * 3 + [[1, 1, 1]] * 3 + [[-1, 1, -1]])
    assert CoassociationClustering(2).fit_predict(partitions).tolist() == [1, 1, 1, 0, 0, 0, 0]


def test_a_partition_without_weight_counts_for_nothing():
    other = np.array([0, 1, 0, 1])
    partitions = np.column_stack([PARTITIONS, other, other, other, other])
    assert CoassociationClustering(2).fit_predict(partitions).tolist() != [0, 0, 1, 1]
    weighted = CoassociationClustering(2, weights=[1, 1, 1, 0, 0, 0, 0])
    assert weighted.fit_predict(partitions).tolist() == [0, 0, 1, 1]


def test_one_image():
    assert CoassociationClustering(1).fit_predict(np.array([[3, 1]])).tolist() == [0]
    assert CoassociationClustering("auto").fit_predict(np.array([[3, 1]])).tolist() == [0]


@pytest.mark.parametrize(
    ("clustering", "values", "message"),
    [
        (CoassociationClustering(5), PARTITIONS, "n_clusters is 5; give a whole number from 1 to 4"),
        (CoassociationClustering(0), PARTITIONS, "n_clusters is 0; give a whole number from 1 to 4"),
        (CoassociationClustering("many"), PARTITIONS, "n_clusters is 'many'; give a whole number from 1 to 4"),
        (CoassociationClustering(2, linkage="ward"), PARTITIONS, "linkage is 'ward'; give one of average, single"),
        (CoassociationClustering(2), PARTITIONS[0], r"partitions have the shape \(3,\)"),
        (CoassociationClustering(2), np.empty((4, 0)), r"partitions have the shape \(4, 0\)"),
        (CoassociationClustering(2, weights=[1, -1, 1]), PARTITIONS, "weights hold -1.0 for partition 1"),
    ],
)
def test_refused(clustering, values, message):
    with pytest.raises(ParameterError, match=message):
        clustering.fit(values)


# Two groups of five, and image 10, which shares two of ten partitions with the first group and one with the
# second.
LABELS = np.repeat([[0], [1]], 5, axis=0) * np.ones(10, dtype=int)
ODD = np.array([[0, 0, 1, 7, 8, 7, 8, 7, 8, 7]])
WITH_ODD = np.concatenate([LABELS, ODD])


def test_an_odd_image_joins_the_group_it_agrees_with_most():
    dendrogram = linkage(WITH_ODD)
    assert np.bincount(dendrogram.cut(2)).tolist() == [6, 5]  # two clusters are two groups, anyhow
    three = np.concatenate([WITH_ODD, np.full((5, 10), 3)])
    dendrogram = linkage(three)
    assert np.bincount(dendrogram.cut(4)).tolist() == [5, 5, 5, 1]
    mixed = np.concatenate([three, [[3, 3, 3, 9, 9, 9, 9, 9, 9, 9]]])
    dendrogram = linkage(mixed)
    labels = ConsensusCuts(dendrogram, mixed, None, 0.5)(3)
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
    labels = ConsensusCuts(linkage(values), values, None, 0.2)(2)
    assert np.bincount(labels).tolist() == [6, 5]
    assert CoassociationClustering(2).fit_predict(values).tolist() == labels.tolist()
    plain = CoassociationClustering(2, min_cluster_fraction=0).fit_predict(values)
    assert np.bincount(plain).tolist() == [10, 1]


def test_the_longest_lifetime_is_not_looked_for_among_the_first_merges():
    """Pairs that few partitions join last from the first merge on, but are more than images fall into."""
    hidden = np.repeat([0, 1, 2], 20)
    fine = np.stack([hidden * 100 + np.random.default_rng(seed).integers(0, 60, 60) for seed in range(9)], axis=1)
    clustering = CoassociationClustering("auto").fit(np.column_stack([hidden, fine]))
    assert np.argmax(clustering.dendrogram_.lifetimes()) > most_clusters(60)
    assert 2 <= clustering.n_clusters_ <= most_clusters(60)
    assert len(set(clustering.labels_)) == clustering.n_clusters_


@given(incomplete_partitions(), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_one_object_cuts_into_any_number_in_any_order(values, random):
    weights = [random.choice([0.5, 1, 2]) for _ in values.T]
    cuts = ConsensusCuts(linkage(values, weights=weights), values, weights, 0.3)
    counts = random.sample(range(1, len(values) + 1), len(values))
    for count in counts:
        expected = CoassociationClustering(count, weights=weights, min_cluster_fraction=0.3).fit_predict(values)
        np.testing.assert_array_equal(cuts(count), expected)


def test_an_odd_image_joins_by_the_partitions_that_have_a_weight():
    """It agrees with the one group in most partitions, with the other in those that count."""
    mixed = np.concatenate([WITH_ODD, np.full((5, 10), 3)])
    weights = np.array([0.0, 0, 1, 1, 1, 1, 1, 1, 1, 1])
    dendrogram = linkage(mixed, weights=weights)
    assert np.bincount(dendrogram.cut(4)).tolist() == [5, 5, 5, 1]
    labels = ConsensusCuts(dendrogram, mixed, weights, 0.5)(3)
    assert labels[10] == labels[5]
    even = ConsensusCuts(linkage(mixed), mixed, None, 0.5)(3)
    assert even[10] == even[0]


@given(incomplete_partitions(), st.data())
@settings(deadline=None, max_examples=150)
def test_sizes_and_agreements(values, data):
    count = data.draw(st.integers(1, len(values)))
    share = data.draw(st.sampled_from([0, 0.3, 0.6, 0.9]))
    dendrogram = linkage(values)
    labels = ConsensusCuts(dendrogram, values, None, share)(count)
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
        CoassociationClustering(2, min_cluster_fraction=share).fit(WITH_ODD)


# Four images, three partitions: 0 and 1 always together, 2 and 3 twice, 1 and 2 once.


def test_confidence_by_hand():
    # Image 2 shares two of three partitions with image 3; image 3 alone in a cluster has nobody to share with.
    assert membership_confidence(PARTITIONS, np.array([0, 0, 1, 1])) == pytest.approx([1, 1, 2 / 3, 2 / 3])
    assert membership_confidence(PARTITIONS, np.array([0, 0, 0, 1])) == pytest.approx([2 / 3, 2 / 3, 1 / 3, 0])


@given(incomplete_partitions(), st.data())
@settings(deadline=None, max_examples=100)
def test_it_is_the_mean_of_the_matrix_over_the_other_members(values, data):
    labels = data.draw(arrays(np.int32, len(values), elements=st.integers(0, 3)))
    weights = data.draw(arrays(np.float64, values.shape[1], elements=st.floats(0.1, 3)))
    matrix = coassociation(values, weights)
    for image, confidence in enumerate(membership_confidence(values, labels, weights)):
        others = [other for other in range(len(values)) if other != image and labels[other] == labels[image]]
        assert confidence == pytest.approx(matrix[image, others].mean() if others else 0, abs=1e-6)
