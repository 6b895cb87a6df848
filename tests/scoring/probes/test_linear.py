"""Linear classification of a representation: planes that separate classes, on images kept apart."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits

from stages.scoring.probes import MOST, FoldScores, draw_rows, linear_accuracy

CLASSES = np.repeat([0, 1, 2], 10)


def test_separate_classes_are_read_off_and_noise_is_not():
    rng = np.random.default_rng(0)
    apart = np.eye(3, 4, dtype=np.float32)[CLASSES] + 0.01 * rng.random((30, 4), dtype=np.float32)
    found = linear_accuracy(apart, CLASSES, 0)
    assert found.accuracies == [1.0] * 5
    assert (found.mean, found.ste, found.samples, found.chance) == (1, 0, 30, pytest.approx(1 / 3))
    noise = rng.random((3000, 5), dtype=np.float32)
    assert linear_accuracy(noise, np.tile(CLASSES, 100), 0).mean == pytest.approx(1 / 3, abs=0.04)


def test_a_unit_of_a_feature_changes_nothing():
    """Each is standardised; without that, the penalty would hide the one that matters."""
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(30, 6))
    vectors[:, 0] += 4 * CLASSES
    scaled = (vectors * [1e-5, 1, 1e3, 1, 1, 1]).astype(np.float32)
    plain = linear_accuracy(vectors.astype(np.float32), CLASSES, 0).accuracies
    assert linear_accuracy(scaled, CLASSES, 0).accuracies == plain


def test_images_that_are_judged_do_not_train():
    """Random labels: a classifier that had seen them would know them by their 400 random features."""
    rng = np.random.default_rng(2)
    vectors, classes = rng.normal(size=(200, 400)).astype(np.float32), rng.integers(0, 2, 200)
    assert 0.35 < linear_accuracy(vectors, classes, 0).mean < 0.65


def test_unlabelled_images_and_classes_too_small_for_the_folds_are_left_out():
    classes = np.concatenate([CLASSES, [3] * 4, [-1] * 5])
    vectors = np.eye(5, dtype=np.float32)[classes]
    assert linear_accuracy(vectors, classes, 0).samples == 30
    assert linear_accuracy(vectors[:10], classes[:10], 0) is None, "a single class"
    assert linear_accuracy(vectors[30:], classes[30:], 0) is None
    assert linear_accuracy(vectors[:0], classes[:0], 0) is None


def test_the_same_seed_gives_the_same_and_digits_are_nearly_linear():
    vectors, classes = load_digits(return_X_y=True)
    with warnings.catch_warnings(action="error"):
        one, again = (linear_accuracy(vectors.astype(np.float32), classes, 3) for _ in range(2))
    assert one == again
    assert 0.93 < one.mean < 0.99


def test_of_many_images_some_are_drawn():
    classes = np.arange(2 * MOST) % 10
    rows = draw_rows(classes, 5, 0)
    assert len(rows) == len(np.unique(rows)) == MOST and (np.diff(rows) > 0).all()
    assert rows.tolist() == draw_rows(classes, 5, 0).tolist() != draw_rows(classes, 5, 1).tolist()


def test_the_standard_error_is_that_of_the_mean():
    found = FoldScores([0.5, 0.7, 0.9], 3, 0.5)
    assert found.mean == pytest.approx(0.7)
    assert found.ste == pytest.approx(0.2 / 3**0.5)
