"""Euclidean distances between all images, through matrix products."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from stages.clustering._centred import centred_squares, mean_of, row_blocks

_TILE = 512  # images a side: a tile of distances (2 MiB) stays in the cache
_COLUMNS = 2048  # features that are multiplied at once
_NEAR = 1e-8  # squared distances below this part of the squared lengths have lost half their digits


def working_memory(features: np.ndarray) -> int:
    """Bytes that computing the distances takes beside them."""
    a_thread = 8 * _TILE * (2 * min(_COLUMNS, features.shape[1]) + 6 * _TILE)
    return (os.cpu_count() or 1) * a_thread + (64 << 20)


def condensed_distances(features: np.ndarray, squared: bool = False) -> np.ndarray:
    """Return the distances of features (n, d), `squared` or not, in scipy's condensed form, float64.

    |a - b|^2 = |a|^2 + |b|^2 - 2ab turns the work into matrix products, which are ten times as fast as
    differences. It cancels where a and b are close, so such pairs are computed anew from their difference; images
    which are equal are at distance 0. Raises `ParameterError` for features whose squares overflow.
    """
    n_images = len(features)
    mean = mean_of(features)
    squares = centred_squares(features, mean)
    distances = np.empty(n_images * (n_images - 1) // 2)

    def fill(rows: slice) -> None:
        _fill(distances, features, mean, squares, rows)
        if not squared:
            part = distances[_place(rows.start, n_images) : _place(rows.stop, n_images)]
            np.sqrt(part, out=part)

    # A thread a strip, each with a BLAS of one thread: the same sums whatever the cores, and none that spin.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(fill, _blocks(0, n_images, _TILE)):
            pass
    return distances


def _place(row: int, n_images: int) -> int:
    """Where the distances of image `row` to those that follow begin."""
    return row * (2 * n_images - row - 1) // 2


def _blocks(start: int, stop: int, step: int) -> list[slice]:
    return [slice(first, min(first + step, stop)) for first in range(start, stop, step)]


def _fill(distances: np.ndarray, features: np.ndarray, mean: np.ndarray, squares: np.ndarray, rows: slice) -> None:
    """Write the squared distances of the images `rows` to themselves and to all that follow."""
    n_images = len(features)
    # Memory that is taken once: what is taken and given back for each tile costs more than filling it.
    left, right = np.empty((2, _TILE, min(_COLUMNS, features.shape[1])))
    for columns in _blocks(rows.start, n_images, _TILE):
        tile = _products(features, mean, rows, columns, left, right)
        tile += squares[rows, None]
        tile += squares[columns]
        near = tile < _NEAR * (squares[rows, None] + squares[columns].max())
        _renew(tile, near, features, rows, columns)
        for row in range(rows.start, rows.stop):
            first = max(columns.start, row + 1)  # left of the diagonal nothing is kept
            offset = _place(row, n_images) - row - 1
            distances[offset + first : offset + columns.stop] = tile[row - rows.start, first - columns.start :]


def _products(
    features: np.ndarray, mean: np.ndarray, rows: slice, columns: slice, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Return -2 times the inner products of the centred images `rows` with those of `columns`."""
    tile = np.zeros((rows.stop - rows.start, columns.stop - columns.start))
    for part in _blocks(0, features.shape[1], _COLUMNS):
        width = part.stop - part.start
        ours, others = left[: len(tile), :width], right[: tile.shape[1], :width]
        np.subtract(features[rows, part], mean[part], out=ours)
        np.subtract(features[columns, part], mean[part], out=others)
        others *= -2
        tile += ours @ others.T
    return tile


def _renew(tile: np.ndarray, near: np.ndarray, features: np.ndarray, rows: slice, columns: slice) -> None:
    """Compute the squared distances of `near` pairs from their differences."""
    if rows == columns:
        near = np.triu(near, 1)
    pairs = np.argwhere(near)
    for block in row_blocks(len(pairs), features.shape[1], _TILE * _TILE):
        left, right = pairs[block].T
        difference = features[rows][left].astype(np.float64) - features[columns][right]
        tile[left, right] = np.einsum("ij,ij->i", difference, difference)
