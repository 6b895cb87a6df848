"""Which views see which classes, on a case counted by hand."""

import numpy as np
import pytest

from stages.studies.view_classes import complementarity, complementarity_sentences

CLASSES = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
VIEWS = {
    "merging": np.array([0, 0, 0, 0, 0, 0, 0, 0, 1, 1]),  # class 2 alone, the others joined
    "good": np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2]),
}


def test_scores_by_hand():
    found = complementarity(CLASSES, VIEWS)
    # Pairs of one class 6 + 6 + 1; merging has 28 + 1 pairs in clusters, of which 13 are of one class.
    assert found.overall[0] == pytest.approx(13 / np.sqrt(29 * 13))
    assert found.overall[1] == pytest.approx((6 + 3 + 1) / np.sqrt((6 + 3 + 3) * 13))
    np.testing.assert_allclose(found.by_class[0], [3 / np.sqrt(7 * 3), 3 / np.sqrt(7 * 3), 1])
    np.testing.assert_allclose(found.by_class[1], [1, 3 * (2 / np.sqrt(2 * 3)) / 4, 1 / np.sqrt(2 * 1)])
    assert (found.best, found.worst) == (1, 0)
    assert found.leaders().tolist() == [1, 0, 0], "3 / sqrt(21) is above 1.5 / sqrt(6)"


def test_the_worse_view_is_named_where_it_is_better():
    first, second, third = complementarity_sentences(complementarity(CLASSES, VIEWS), ["ant", "bee", "cow"])
    assert first == "good is the best view on the whole (0.801), merging the worst (0.670)."
    beginning = "Yet 2 of 3 classes are separated better by another view: cow by merging (1.00 against 0.71)"
    assert second.startswith(beginning)
    assert third == "Even merging is the best on 2 of them: bee, cow."


def test_of_many_classes_ten_are_named_and_the_rest_counted():
    """`worse` joins the two large classes; `good`, better on the whole, joins the twelve small ones in twos."""
    classes = np.repeat(np.arange(14), [2] * 12 + [30, 30])
    good = np.where(classes < 12, classes // 2, classes)
    worse = np.where(classes < 12, classes, 12)
    sentences = complementarity_sentences(
        complementarity(classes, {"good": good, "worse": worse}), list("abcdefghijklmn")
    )
    assert sentences[1].startswith("Yet 12 of 14 classes") and sentences[1].endswith(", and 2 more.")
    assert sentences[2] == "Even worse is the best on 12 of them: a, b, c, d, e, f, g, h, i, j, and 2 more."


def test_equal_views_and_a_single_one():
    equal = complementarity(CLASSES, {"a": CLASSES, "b": CLASSES})
    assert equal.leaders().tolist() == [0, 0, 0]
    assert complementarity_sentences(equal, "xyz")[-1] == "No other view separates any of the 3 classes better."
    (alone,) = complementarity_sentences(complementarity(CLASSES, {"a": CLASSES}), "xyz")
    assert alone == "There is one view only, a, so none can complement another."
