"""One factor for a whole view: what it is, and that new images get the one that was learnt."""

import numpy as np
import pytest

from stages.deep.dec.estimators import IDEC
from stages.deep.view_encoding import global_factor, scale


def test_one_factor_gives_mean_square_one() -> None:
    # Mean square (9 + 16 + 0 + 0) / 4 = 6.25.
    view = np.float32([[3, 4], [0, 0]])
    assert global_factor(view) == np.float32(0.4)
    np.testing.assert_allclose(scale(view, "global"), [[1.2, 1.6], [0, 0]], rtol=1e-6)
    np.testing.assert_allclose(scale(view, "global", np.float32(2)), [[6, 8], [0, 0]])


@pytest.mark.parametrize("size", [1e-30, 1e30])
def test_huge_and_tiny_values_neither_overflow_nor_vanish(size: float) -> None:
    np.testing.assert_allclose(scale(np.full((2, 2), size, np.float32), "global"), 1, rtol=1e-6)


def test_zeros_stay() -> None:
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
    assert model.state()["factors"].tolist() == [global_factor(view) for view in views]
