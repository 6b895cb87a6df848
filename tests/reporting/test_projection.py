"""Vectors in the plane, and the nearest of each."""

import numpy as np
import pytest

from stages.reporting import projection
from stages.reporting.projection import nearest_rows, project, project_each, sample_rows


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 12])
def test_few_images_have_finite_places_apart(count: int) -> None:
    vectors = np.random.default_rng(0).normal(size=(count, 7)).astype(np.float32)
    points = project(vectors, seed=0)
    assert points.shape == (count, 2)
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) == count


@pytest.mark.parametrize("vectors", [np.zeros((6, 4)), np.ones((6, 4)), np.ones((6, 1)), np.eye(6)[:, :1]])
def test_degenerate_vectors_are_no_error(vectors: np.ndarray) -> None:
    assert np.isfinite(project(vectors.astype(np.float32), seed=0)).all()


def test_groups_stay_together_and_views_at_once_change_nothing() -> None:
    rng = np.random.default_rng(1)
    centres = np.eye(3, 20).repeat(20, axis=0)
    views = [(centres + 0.02 * rng.normal(size=centres.shape)).astype(np.float32) for _ in range(3)]
    projected = project_each(views, seed=3)
    for view, points in zip(views, projected, strict=True):
        np.testing.assert_array_equal(points, project(view, seed=3))
        distances = np.linalg.norm(points[:, None] - points[None], axis=2)
        np.fill_diagonal(distances, np.inf)
        np.testing.assert_array_equal(distances.argmin(axis=1) // 20, np.arange(60) // 20)


def test_a_vectors_length_does_not_matter() -> None:
    vectors = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)
    np.testing.assert_array_equal(project(vectors, 0), project(vectors * 4, 0))


def test_sample_is_ascending_distinct_and_repeatable() -> None:
    assert sample_rows(5, 5, seed=0).tolist() == [0, 1, 2, 3, 4]
    rows = sample_rows(1000, 50, seed=0)
    assert len(rows) == 50
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, sample_rows(1000, 50, seed=0))
    assert (rows != sample_rows(1000, 50, seed=1)).any()


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
    monkeypatch.setattr(projection, "_BLOCK", 8 * 70 * 3)
    np.testing.assert_array_equal(nearest_rows(vectors, 7), expected)
