"""Co-association and its clustering against hand-computed cases and plain references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.consensus import LINKAGES, CoassociationClustering, coassociation, membership_confidence
from stages.errors import ParameterError

# Four images, three partitions: 0 and 1 always together, 2 and 3 twice, 1 and 2 once.
PARTITIONS = np.array([[0, 0, 5], [0, 0, 5], [1, 1, 5], [1, 1, 7]])

partitions = arrays(np.int32, st.tuples(st.integers(2, 12), st.integers(1, 5)), elements=st.integers(0, 4))


def test_the_matrix_by_hand():
    expected = np.array([[3, 3, 1, 0], [3, 3, 1, 0], [1, 1, 3, 2], [0, 0, 2, 3]]) / 3
    np.testing.assert_allclose(coassociation(PARTITIONS), expected, rtol=1e-6)


def test_the_dendrogram_by_hand():
    clustering = CoassociationClustering(2).fit(PARTITIONS)
    assert clustering.labels_.tolist() == [0, 0, 1, 1]
    # 0 joins 1 at distance 0, 2 joins 3 at 1/3, and the pairs join at the mean of 2/3, 2/3, 1, 1.
    np.testing.assert_allclose(clustering.merges_[:, 2], [0, 1 / 3, 5 / 6], atol=1e-6)


def test_confidence_by_hand():
    # Image 2 shares two of three partitions with image 3; image 3 alone in a cluster has nobody to share with.
    assert membership_confidence(PARTITIONS, np.array([0, 0, 1, 1])) == pytest.approx([1, 1, 2 / 3, 2 / 3])
    assert membership_confidence(PARTITIONS, np.array([0, 0, 0, 1])) == pytest.approx([2 / 3, 2 / 3, 1 / 3, 0])


@given(partitions, st.data())
@settings(deadline=None, max_examples=60)
def test_confidence_is_the_mean_of_the_matrix_over_the_other_members(values, data):
    labels = data.draw(arrays(np.int32, len(values), elements=st.integers(0, 3)))
    matrix = coassociation(values)
    for image, confidence in enumerate(membership_confidence(values, labels)):
        others = [other for other in range(len(values)) if other != image and labels[other] == labels[image]]
        assert confidence == pytest.approx(matrix[image, others].mean() if others else 0, abs=1e-6)


def _reference_heights(distances, linkage):
    """Plain agglomeration: join the nearest pair of groups until one is left; the heights in order."""
    combine = {"average": np.mean, "single": np.min, "complete": np.max}[linkage]
    groups, heights = [[i] for i in range(len(distances))], []
    while len(groups) > 1:
        pairs = [(a, b) for b in range(len(groups)) for a in range(b)]
        between = [combine(distances[np.ix_(groups[a], groups[b])]) for a, b in pairs]
        nearest = int(np.argmin(between))
        heights.append(between[nearest])
        a, b = pairs[nearest]
        groups[a] += groups.pop(b)
    return heights


@pytest.mark.parametrize("linkage", LINKAGES)
def test_heights_equal_a_plain_agglomeration(linkage):
    # With weights that are all different no two distances tie, and so the dendrogram is the only one.
    rng = np.random.default_rng(3)
    values = rng.integers(0, 3, (14, 200))
    clustering = CoassociationClustering(4, linkage=linkage).fit(values)
    expected = _reference_heights(1 - coassociation(values).astype(np.float64), linkage)
    np.testing.assert_allclose(clustering.merges_[:, 2], expected, atol=1e-5)


@given(partitions, st.data())
@settings(deadline=None, max_examples=60)
def test_exactly_as_many_clusters_as_asked_for_despite_ties(values, data):
    count = data.draw(st.integers(1, len(values)))
    labels = CoassociationClustering(count).fit_predict(values)
    assert sorted(set(labels.tolist())) == list(range(count))
    sizes = np.bincount(labels)
    assert (np.diff(sizes) <= 0).all(), "the largest cluster comes first"


def test_agreeing_partitions_are_returned_whatever_their_names():
    labels = np.array([2, 2, 0, 1, 1, 1])
    consensus = CoassociationClustering(3).fit_predict(np.column_stack([labels, labels + 7, -labels]))
    assert consensus.tolist() == [1, 1, 2, 0, 0, 0]


def test_one_image():
    assert CoassociationClustering(1).fit_predict(np.array([[3, 1]])).tolist() == [0]


@pytest.mark.parametrize(
    ("clustering", "values", "message"),
    [
        (CoassociationClustering(5), PARTITIONS, "n_clusters is 5; give a number from 1 to 4"),
        (CoassociationClustering(0), PARTITIONS, "n_clusters is 0; give a number from 1 to 4"),
        (
            CoassociationClustering(2, linkage="ward"),
            PARTITIONS,
            "linkage is 'ward'; give one of average, complete",
        ),
        (CoassociationClustering(2), PARTITIONS[0], r"partitions have the shape \(3,\)"),
        (CoassociationClustering(2), np.empty((4, 0)), r"partitions have the shape \(4, 0\)"),
        (
            CoassociationClustering(2),
            np.zeros((100_000, 1)),
            "100000 images needs 186 GiB, above the limit of 4 GiB",
        ),
    ],
)
def test_refused(clustering, values, message):
    with pytest.raises(ParameterError, match=message):
        clustering.fit(values)
