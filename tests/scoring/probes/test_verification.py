"""Verification of pairs: balanced folds, a threshold chosen on the others."""

from itertools import combinations

import numpy as np
import pytest

from stages.scoring.probes import verification
from stages.scoring.probes.verification import best_threshold, verification_accuracy

CLASSES = np.repeat([0, 1, 2], 10)


@pytest.mark.parametrize(
    ("same", "other", "threshold"),
    [
        ([0.9, 0.7], [0.1, 0.3], 0.5),
        ([0.9, 0.2], [0.1, 0.3], 0.15),  # three of four are right there, and as many at 0.6
        ([0.5, 0.5], [0.5, 0.5], -np.inf),
        ([0.1, 0.2], [0.8, 0.9], -np.inf),
        ([0.4], [0.4, 0.6], np.inf),
    ],
)
def test_the_threshold_is_the_lowest_of_the_best(same, other, threshold):
    assert best_threshold(np.array(same), np.array(other)) == pytest.approx(threshold)


def test_the_threshold_is_as_good_as_any():
    rng = np.random.default_rng(0)
    same, other = rng.normal(0.3, 1, 50), rng.normal(0, 1, 50)

    def right(value):
        return (same > value).sum() + (other <= value).sum()

    assert right(best_threshold(same, other)) == max(map(right, [-np.inf, *same, *other]))


def test_classes_in_other_directions_are_told_apart_whatever_their_lengths():
    rng = np.random.default_rng(0)
    lengths = np.exp(rng.normal(0, 3, (30, 1)))
    vectors = (lengths * np.eye(3, 4)[CLASSES]).astype(np.float32)
    found = verification_accuracy(vectors, CLASSES, 0)
    assert (found.mean, found.ste, found.chance, len(found.accuracies)) == (1, 0, 0.5, 10)
    assert found.samples == 260, "3 x 45 pairs of one class: 13 in each of ten folds, and as many of two"
    alike = verification_accuracy(np.ones((30, 4), np.float32), CLASSES, 0)
    assert alike.accuracies == [0.5] * 10


def test_pairs_are_of_their_kind_and_none_is_drawn_twice(monkeypatch):
    drawn = []
    cosines = verification._cosines
    monkeypatch.setattr(verification, "_cosines", lambda *of: drawn.append(of[1]) or cosines(*of))
    classes = np.random.default_rng(5).permutation(np.concatenate([CLASSES, [-1] * 6, [3]]))
    verification_accuracy(np.ones((37, 2), np.float32), classes, 0)
    same, other = (classes[pairs] for pairs in drawn)
    assert (same[0] == same[1]).all() and (other[0] != other[1]).all()
    assert (same >= 0).all() and (other >= 0).all()
    for pairs in drawn:
        assert len({frozenset(pair) for pair in pairs.T.tolist()}) == pairs.shape[1] == 130


def test_every_pair_can_be_drawn():
    """Of all 45 pairs of ten places, each is one that the class makes."""
    places = np.arange(10)
    pairs = verification._drawn(places + 1, np.full(10, 10), 45, np.random.default_rng(0))
    assert sorted(map(tuple, pairs.T.tolist())) == list(combinations(range(10), 2))


def test_a_fold_does_not_choose_its_own_threshold(monkeypatch):
    seen = []
    monkeypatch.setattr(verification, "best_threshold", lambda same, other: seen.append(len(same)) or 0.5)
    verification_accuracy(np.eye(3, dtype=np.float32)[CLASSES], CLASSES, 0)
    assert seen == [9 * 13] * 10


def test_too_few_pairs_have_no_score():
    vectors = np.ones((30, 2), np.float32)
    assert verification_accuracy(vectors, np.zeros(30, int), 0) is None, "no pair of two classes"
    assert verification_accuracy(vectors, np.arange(30), 0) is None, "no pair of one class"
    assert verification_accuracy(vectors, np.full(30, -1), 0) is None
    assert verification_accuracy(vectors[:0], np.zeros(0, int), 0) is None


def test_large_sets_have_as_many_pairs_as_the_protocol_and_a_vector_of_zeros_is_like_none():
    classes = np.repeat([0, 1], 100)
    vectors = np.eye(2, dtype=np.float32)[classes]
    vectors[:5] = 0
    found = verification_accuracy(vectors, classes, 1)
    assert found.samples == 6000
    assert 0.9 < found.mean < 1
    assert found == verification_accuracy(vectors, classes, 1) != verification_accuracy(vectors, classes, 2)
