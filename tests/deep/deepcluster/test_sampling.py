"""Samples of images with pseudo-labels: as many of each label, none twice without need."""

import numpy as np
import pytest
import torch

from stages.deep.deepcluster.sampling import uniform_sample


def drawn(labels: list[int], seed: int = 0) -> np.ndarray:
    return uniform_sample(torch.tensor(labels), torch.Generator().manual_seed(seed)).numpy()


def test_large_and_small_labels_come_equally_often() -> None:
    labels = [0] * 970 + [1] * 25 + [2] * 5
    sample = drawn(labels)
    counts = np.bincount(np.array(labels)[sample])
    assert len(sample) == 1000 and counts.sum() == 1000
    assert counts.min() >= 330 and counts.max() <= 334, "334 of each are drawn, of which two are left out"
    large = sample[sample < 970]
    assert len(set(large)) == len(large), "enough images: none twice"
    assert set(sample[sample >= 970]) > set(range(995, 1000)), "all of a small one"


def test_a_label_without_images_is_left_out() -> None:
    labels = [0, 0, 0, 5, 5, 5]
    counts = np.bincount(np.array(labels)[drawn(labels)], minlength=6)
    assert counts[1:5].sum() == 0 and abs(counts[0] - counts[5]) <= 2


@pytest.mark.parametrize("labels", [[0], [3], [1, 0]])
def test_few_images(labels: list[int]) -> None:
    assert len(drawn(labels)) == len(labels) and set(drawn(labels)) <= set(range(len(labels)))


def test_the_order_is_random_and_of_the_seed() -> None:
    labels = [0] * 50 + [1] * 50
    assert np.array_equal(drawn(labels), drawn(labels)) and not np.array_equal(drawn(labels), drawn(labels, 1))
    first = np.array(labels)[drawn(labels)][:50]
    assert 10 < first.sum() < 40, "not one label after the other"
