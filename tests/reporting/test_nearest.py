import numpy as np
import pytest

from stages.reporting import nearest, nearest_rows


def test_by_hand() -> None:
    # Angles of 0, 10, 30 and 100 degrees; lengths do not matter.
    angles = np.deg2rad([0, 10, 30, 100])
    vectors = (np.column_stack([np.cos(angles), np.sin(angles)]) * [[1], [9], [2], [5]]).astype(np.float32)
    assert nearest_rows(vectors, 2).tolist() == [[1, 2], [0, 2], [1, 0], [2, 1]]
    assert nearest_rows(vectors, 3).tolist() == [[1, 2, 3], [0, 2, 3], [1, 0, 3], [2, 1, 0]]


def test_copies_come_in_their_order_and_never_the_row_itself() -> None:
    assert nearest_rows(np.ones((4, 3), np.float32), 2).tolist() == [[1, 2], [0, 2], [0, 1], [0, 1]]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_fewer_images_than_neighbours(count: int) -> None:
    found = nearest_rows(np.eye(count, 4, dtype=np.float32), 10)
    assert found.shape == (count, count - 1)
    assert np.isin(found, np.arange(count)).all()


def test_zero_vectors_are_no_error() -> None:
    assert nearest_rows(np.zeros((3, 2), np.float32), 1).tolist() == [[1], [0], [0]]


def test_in_blocks_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = np.random.default_rng(0).normal(size=(70, 9)).astype(np.float32)
    unit = vectors.astype(np.float64) / np.linalg.norm(vectors, axis=1, keepdims=True)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -np.inf)
    expected = np.argsort(-similar, axis=1)[:, :7]
    np.testing.assert_array_equal(nearest_rows(vectors, 7), expected)
    monkeypatch.setattr(nearest, "_BLOCK", 8 * 70 * 3)
    np.testing.assert_array_equal(nearest_rows(vectors, 7), expected)
