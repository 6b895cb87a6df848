"""Silhouettes of many partitions, against scikit-learn and by hand."""

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from stages.scoring.silhouettes import MOST, silhouettes


def test_a_hand_computed_case_is_averaged_over_the_views() -> None:
    one = np.array([[0.0], [0.0], [9.0], [9.0]])  # the clusters are two points
    other = np.array([[0.0], [2.0], [0.0], [2.0]])  # each cluster has both points: own 2, other 1
    labels = np.array([0, 0, 1, 1])
    assert silhouettes([one], [labels]) == [pytest.approx(1)]
    assert silhouettes([other], [labels]) == [pytest.approx(-0.5)]
    assert silhouettes([one, other], [labels]) == [pytest.approx(0.25)]


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_one_cluster_and_as_many_as_images_have_none(labels: list[int]) -> None:
    view = np.arange(3.0)[:, None]
    some = np.array([4, 4, 7])
    assert silhouettes([view], [np.array(labels), some])[0] is None
    assert silhouettes([view], [np.array(labels), some])[1] is not None
    assert silhouettes([view], []) == []


def test_each_partition_has_the_score_that_scikit_learn_gives_it() -> None:
    rng = np.random.default_rng(0)
    views = [rng.normal(size=(120, 5)).astype(np.float32), rng.normal(size=(120, 9)).astype(np.float32)]
    views[0][:4] = views[0][0]  # copies
    partitions = [rng.integers(0, k, 120) * 3 - 1 for k in (2, 5, 40, 100)]  # some images alone, gaps, a -1
    found = silhouettes(views, [*partitions, partitions[1] + 7])
    assert found[:-1] == [
        pytest.approx(np.mean([silhouette_score(view, labels) for view in views]), abs=1e-6)
        for labels in partitions
    ]
    assert found[-1] == found[1], "numbers mean nothing"


def test_images_that_are_all_equal_score_nothing() -> None:
    assert silhouettes([np.ones((6, 2), np.float32)], [np.arange(6) % 2]) == [0]


def test_many_images_are_sampled_with_a_small_error() -> None:
    rng = np.random.default_rng(1)
    labels = rng.permutation(np.arange(3 * MOST) % 3)
    view = (np.eye(3)[labels] * 2 + rng.normal(size=(len(labels), 3))).astype(np.float32)
    (found,) = silhouettes([view], [labels])
    whole = silhouette_score(view[:9000], labels[:9000])
    assert found == pytest.approx(whole, abs=0.01)
