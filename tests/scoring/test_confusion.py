"""Scores of single classes and their clusters, by hand and against counting all pairs."""

import numpy as np
import pytest

from stages.scoring.confusion import class_scores, confusion
from stages.scoring.scores import external_scores

CLASSES = np.array([0, 0, 0, 1, 1, 1])
LABELS = np.array([5, 5, 7, 7, 7, 7])  # one image of class 0 strays into the cluster of class 1


def _by_pairs(classes: np.ndarray, labels: np.ndarray) -> list[float]:
    """The mean over each class of the local Fowlkes-Mallows scores, counted pair by pair."""
    local = []
    for i in range(len(classes)):
        others = [j for j in range(len(classes)) if j != i]
        both = sum(classes[i] == classes[j] and labels[i] == labels[j] for j in others)
        together = sum(labels[i] == labels[j] for j in others)
        alike = sum(classes[i] == classes[j] for j in others)
        local.append(both / np.sqrt(together * alike) if together * alike else 0.0)
    return [float(np.mean(np.array(local)[classes == number])) for number in np.unique(classes)]


def test_by_hand():
    table = confusion(CLASSES, LABELS)
    assert table.classes.tolist() == [0, 1]
    assert table.clusters.tolist() == [5, 7]
    assert table.counts.tolist() == [[2, 1], [0, 3]]
    assert table.matched.tolist() == [0, 1]
    scores = class_scores(table)
    np.testing.assert_allclose(scores.precision, [1, 3 / 4])
    np.testing.assert_allclose(scores.recall, [2 / 3, 1])
    np.testing.assert_allclose(scores.f1, [4 / 5, 6 / 7])
    # Of class 0, two images have the pairs 1 of 1 and 2, the third has none; of class 1, each has 2 of 3 and 2.
    np.testing.assert_allclose(scores.fowlkes_mallows, [2 * (1 / np.sqrt(2)) / 3, 2 / np.sqrt(6)])


@pytest.mark.parametrize("seed", range(8))
def test_against_all_pairs(seed):
    rng = np.random.default_rng(seed)
    classes, labels = rng.integers(0, 1 + seed, 60), rng.integers(0, 9 - seed, 60)
    classes[:2] = 90, 91  # two classes of one image
    labels[2] = 92
    table = confusion(classes, labels)
    scores = class_scores(table)
    np.testing.assert_allclose(scores.fowlkes_mallows, _by_pairs(classes, labels))
    matched = table.counts[np.arange(len(table.classes)), table.matched][table.matched >= 0].sum()
    assert matched / 60 == pytest.approx(external_scores(classes, labels)["accuracy"])


def test_a_class_alone_has_the_score_of_its_clusters():
    scores = class_scores(confusion(np.zeros(5, int), np.array([0, 0, 0, 1, 1])))
    assert scores.fowlkes_mallows[0] == pytest.approx((3 * np.sqrt(2 / 4) + 2 * np.sqrt(1 / 4)) / 5)
    assert scores.recall[0] == pytest.approx(3 / 5)


def test_a_perfect_partition_has_ones():
    scores = class_scores(confusion(CLASSES, 9 - CLASSES))
    for values in (scores.precision, scores.recall, scores.f1, scores.fowlkes_mallows):
        assert values.tolist() == [1, 1]


def test_one_cluster_stands_for_the_largest_class():
    table = confusion(np.array([3, 3, 4, 4, 4]), np.zeros(5, int))
    assert table.matched.tolist() == [-1, 0]
    scores = class_scores(table)
    assert scores.precision.tolist() == [0, 3 / 5]
    assert scores.recall.tolist() == [0, 1]
    np.testing.assert_allclose(scores.fowlkes_mallows, [1 / np.sqrt(4), 2 / np.sqrt(4 * 2)])


def test_more_clusters_than_classes_leave_some_over():
    table = confusion(np.array([0, 0, 0, 1, 1]), np.array([2, 2, 0, 1, 3]))
    assert table.matched[0] == 2  # cluster 2 has two of the three
    assert table.matched[1] in (1, 3)
    assert class_scores(table).recall.tolist() == [2 / 3, 1 / 2]


def test_nothing_in_common_is_no_match():
    # Cluster 1 has only images of class 0, which the larger cluster 0 stands for.
    table = confusion(np.array([0, 0, 0, 1]), np.array([0, 0, 1, 0]))
    assert table.counts.tolist() == [[2, 1], [1, 0]]
    assert table.matched.tolist() in ([0, -1], [1, 0])
    assert (table.counts[np.arange(2), table.matched][table.matched >= 0] > 0).all()
    alone = confusion(np.array([0, 0, 1]), np.array([0, 1, 0]))
    assert alone.matched.tolist() == [1, 0]


def test_both_classes_of_one_image_are_scored_zero():
    assert class_scores(confusion(np.array([0, 1]), np.array([0, 0]))).fowlkes_mallows.tolist() == [0, 0]
