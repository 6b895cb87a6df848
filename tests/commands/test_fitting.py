"""Which new images fit their clusters, by distances that a reader can check."""

import numpy as np
import pytest

from stages.commands.fitting import fits


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)[:, None]


def test_an_image_fits_up_to_the_distance_between_images_of_its_cluster() -> None:
    known, clusters = column(0, 1, 2, 100, 110, 120), np.array([0, 0, 0, 1, 1, 1])
    new = column(3, 3.1, 130, 131, -1, 1.5)
    assert fits(new, np.array([0, 0, 1, 1, 0, 0]), known, clusters).tolist() == [
        True,
        False,
        True,
        False,
        True,
        True,
    ]
    assert not fits(column(130), np.array([0]), known, clusters).any(), "it is near images of another cluster"


def test_one_outlier_in_a_hundred_hardly_widens_a_cluster() -> None:
    """Of 1000 distances of 1 and one of 500, the quantile is 1; the largest would let everything in."""
    known = column(*range(1000), 1499)
    assert fits(column(-1, -2, -400), np.zeros(3, int), known, np.zeros(1001, int)).tolist() == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("members", [0, 1])
def test_a_cluster_without_spread_takes_everything(members: int) -> None:
    assert fits(column(9), np.array([1]), column(0, 1, 2), np.array([0, 0, members])).all()


def test_identical_images_take_only_more_of_the_same() -> None:
    assert fits(column(1, 1.5), np.zeros(2, int), column(1, 1, 1), np.zeros(3, int)).tolist() == [True, False]
