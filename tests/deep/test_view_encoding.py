"""Views as input: which are refused, in which words, and how the others are scaled; new images, too."""

import numpy as np
import pytest

from stages.clustering import count_different
from stages.core.errors import ParameterError
from stages.deep.dec.estimators import IDEC
from stages.deep.view_encoding import check_views, global_factor, scale, trained_tensors


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


def test_one_factor_gives_mean_square_one() -> None:
    # Mean square (9 + 16 + 0 + 0) / 4 = 6.25.
    view = np.float32([[3, 4], [0, 0]])
    assert global_factor(view) == np.float32(0.4)
    np.testing.assert_allclose(scale(view, "global"), [[1.2, 1.6], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(scale(view, "global", np.float32(2)), [[6, 8], [0, 0]])


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_huge_and_tiny_values_neither_overflow_nor_vanish(size: float) -> None:
    np.testing.assert_allclose(scale(np.full((2, 2), size, np.float32), "global"), 1, rtol=1e-6)


def test_zeros_times_one_factor_stay() -> None:
    assert not scale(np.zeros((2, 2), np.float32), "global").any()


def test_none_leaves_the_view_as_it_is() -> None:
    view = np.float32([[3, 4]])
    assert scale(view, "none") is view


def test_rows_are_scaled_as_one_whatever_their_number() -> None:
    view = np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)
    assert np.array_equal(scale(view, "l2")[4500:], scale(view[4500:], "l2"))


def test_new_images_are_scaled_as_those_that_were_trained_on(blobs: tuple[list[np.ndarray], np.ndarray]) -> None:
    views, _ = blobs
    model = IDEC(3, network="mlp", width=8, scaling="global", pretrain_epochs=10, batch_size=16, random_state=0)
    model.fit(views)
    # The five images alone have another mean square.
    few = [view[18:23] for view in views]
    assert np.array_equal(model.predict(few), model.labels_[18:23])
    np.testing.assert_allclose(model.transform(few), model.embedding_[18:23], rtol=1e-3, atol=1e-4)
    assert trained_tensors(model)["factors"].tolist() == [global_factor(view) for view in views]
