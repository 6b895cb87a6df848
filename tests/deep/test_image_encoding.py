"""Images as networks take them: bytes of one size, of one or three channels."""

from typing import Any

import numpy as np
import pytest

from stages.core.errors import ParameterError
from stages.deep.image_encoding import check_image_count, check_images
from stages.deep.jule.on_images import unit_pixels

GREY = np.arange(2 * 4 * 5, dtype=np.uint8).reshape(2, 4, 5)


def test_grey_images_get_a_channel() -> None:
    assert np.array_equal(check_images(GREY), GREY[:, None])
    assert check_images(GREY[:, None]).shape == (2, 1, 4, 5)
    assert check_images(np.zeros((2, 3, 4, 5), np.uint8)).shape == (2, 3, 4, 5)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (GREY.astype(np.float32), r"images have values of type float32; give bytes \(uint8\), 0 to 255"),
        (GREY[0], r"images have the shape \(4, 5\); give \(images, height, width\), or"),
        (np.zeros((2, 4, 5, 3), np.uint8), r"images have the shape \(2, 4, 5, 3\); .* with 1 or 3 channels"),
        ([GREY[0], GREY[0, 1:]], "images are of several sizes; resize them to one"),
        (GREY[:0], r"images have the shape \(0, 4, 5\)"),
    ],
)
def test_what_is_no_set_of_images_is_refused(images: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        check_images(images)


def test_more_clusters_than_different_images_are_refused() -> None:
    images = check_images(np.concatenate([GREY, GREY]))
    check_image_count(2, images)
    with pytest.raises(ParameterError, match="n_clusters is 3 but only 2 of the 4 images differ; give at most 2"):
        check_image_count(3, images)
    with pytest.raises(ParameterError, match="n_clusters is 5 but there are 4 images; give a number from 1 to 4"):
        check_image_count(5, images)


def test_pixels_become_rows_of_length_one_but_black_stays_zero() -> None:
    rows = unit_pixels(np.array([[[[3, 4]]], [[[0, 0]]], [[[255, 0]]]], np.uint8))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [1, 0]], rtol=1e-6)
    assert rows.dtype == np.float32


def test_read_only_memory_is_copied() -> None:
    assert check_images(np.frombuffer(bytes(12), np.uint8).reshape(3, 2, 2)).flags.writeable
