"""What is refused as input, with which words, and how the rest is scaled."""

import numpy as np
import pytest

from stages.clustering import count_different
from stages.core.errors import ParameterError
from stages.deep.view_encoding import check_views, scale


def with_value(value: float) -> np.ndarray:
    view = np.ones((4, 3))
    view[2, 1] = value
    return view


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ([], "views is empty; give a list of at least one array"),
        (np.ones((4, 3)), r"views is one array; .* fit\(\[features\]\)"),
        ([np.ones((4, 3)), np.ones(4)], r"view 1 has the shape \(4,\); give images in rows"),
        ([np.ones((0, 3))], r"view 0 has the shape \(0, 3\)"),
        ([np.array([["a"]])], "view 0 has values of type <U1; give real numbers"),
        ([np.ones((4, 3)), np.ones((5, 3))], "view 1 has 5 rows but view 0 has 4; give every view of every image"),
        (
            [with_value(np.nan)],
            r"view 0 has NaN or infinite features \(as float32\) in 1 of 4 rows, first in row 2; extract",
        ),
        ([np.ones((4, 3)), with_value(np.inf)], "view 1 has NaN or infinite features"),
        ([with_value(1e300)], "view 0 has NaN or infinite features"),
    ],
)
def test_what_cannot_be_used_is_named(views: list[np.ndarray], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        check_views(views)


def test_views_are_called_what_the_user_calls_them() -> None:
    with pytest.raises(ParameterError, match=r"^backbone 'lite' has NaN"):
        check_views([np.ones((4, 3)), with_value(np.nan)], ["backbone 'resnet'", "backbone 'lite'"])


def test_integers_and_doubles_become_floats() -> None:
    views = check_views([np.ones((2, 3), dtype=int), np.ones((2, 1))])
    assert [view.dtype for view in views] == [np.float32, np.float32]


def test_l2_gives_rows_of_mean_square_one() -> None:
    # (3, 4) has length 5, so (.6, .8) times sqrt(2).
    np.testing.assert_allclose(scale(np.float32([[3, -4]]), "l2"), np.sqrt(2) * np.array([[0.6, -0.8]]), rtol=1e-6)


def test_sqrt_takes_signed_roots_first() -> None:
    # Roots (3, -4) of (9, -16), then as above.
    scaled = scale(np.float32([[9, -16]]), "sqrt")
    np.testing.assert_allclose(scaled, np.sqrt(2) * np.array([[0.6, -0.8]]), rtol=1e-6)


@pytest.mark.parametrize("how", ["l2", "sqrt"])
@pytest.mark.parametrize("size", [1e-38, 1.0, 1e38])
def test_the_size_of_a_row_does_not_matter(how: str, size: float) -> None:
    scaled = scale(np.float32([[size, size, 0, 0]]), how)
    np.testing.assert_allclose(scaled, [[np.sqrt(2), np.sqrt(2), 0, 0]], rtol=1e-6)


def test_a_row_of_zeros_stays() -> None:
    assert scale(np.zeros((1, 3), np.float32), "l2").tolist() == [[0, 0, 0]]


def test_an_unknown_scaling_is_named() -> None:
    with pytest.raises(ParameterError, match="scaling is 'max'; give one of sqrt, l2"):
        scale(np.ones((1, 1), np.float32), "max")


def test_images_that_differ_in_any_view_are_counted() -> None:
    first = np.array([[1.0], [1.0], [2.0], [1.0]])
    second = np.array([[5.0], [6.0], [5.0], [5.0]])
    assert count_different([first]) == 2
    assert count_different([first, second]) == 3
