"""The estimator by co-association: its cut, its attributes, what it refuses."""

import numpy as np
import pytest

from stages.consensus import CoassociationClustering
from stages.core.errors import ParameterError

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
