"""Scores against hand-computed cases."""

import numpy as np
import pytest

from stages.scoring.scores import external_scores, view_agreement

CLASSES = np.array([0, 0, 0, 1, 1, 1])
LABELS = np.array([5, 5, 7, 7, 7, 7])  # one image of class 0 strays into the cluster of class 1


def test_external_scores_by_hand():
    scores = external_scores(CLASSES, LABELS)
    h = -(1 / 3) * np.log(1 / 3) - (2 / 3) * np.log(2 / 3)  # entropy of the labels
    given = (2 / 3) * -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))  # of the classes within the clusters
    mutual = np.log(2) - given
    assert scores["nmi_geometric"] == pytest.approx(mutual / np.sqrt(h * np.log(2)))
    assert scores["nmi_arithmetic"] == pytest.approx(mutual / ((h + np.log(2)) / 2))
    assert scores["homogeneity"] == pytest.approx(mutual / np.log(2))
    assert scores["completeness"] == pytest.approx(mutual / h)
    assert scores["accuracy"] == pytest.approx(5 / 6)
    assert scores["purity"] == pytest.approx(5 / 6)
    # 15 pairs: 4 together in both, 6 in the same class, 7 in the same cluster.
    assert scores["fowlkes_mallows"] == pytest.approx(4 / np.sqrt(6 * 7))
    expected = 6 * 7 / 15
    assert scores["ari"] == pytest.approx((4 - expected) / ((6 + 7) / 2 - expected))


def test_accuracy_matches_clusters_to_classes_one_to_one_but_purity_does_not():
    scores = external_scores(np.array([0, 0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 2, 2]))
    assert scores["purity"] == 1
    assert scores["accuracy"] == pytest.approx(4 / 6)


def test_agreement_is_symmetric_and_blind_to_names():
    a, b = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    agreement = view_agreement([[a], [1 - a], [b], [a, b]])
    np.testing.assert_allclose(
        agreement, [[1, 1, 0, 0.5], [1, 1, 0, 0.5], [0, 0, 1, 0.5], [0.5, 0.5, 0.5, 1]], atol=1e-12
    )
