"""Confidences against hand-computed cases and the matrix."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stages.consensus import membership_confidence
from tests.consensus.reference import coassociation
from tests.consensus.strategies import incomplete_partitions

# Four images, three partitions: 0 and 1 always together, 2 and 3 twice, 1 and 2 once.
PARTITIONS = np.array([[0, 0, 5], [0, 0, 5], [1, 1, 5], [1, 1, 7]])


def test_by_hand():
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
