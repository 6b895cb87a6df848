"""Euclidean distances between images, from features about their mean: in blocks, without a copy of the whole.

|a - b|^2 = |a|^2 + |b|^2 - 2ab turns the work into matrix products, which are ten times as fast as differences.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from stages.core.errors import ParameterError

_COPIED = 1 << 21  # values of a block of features that is copied: 16 MiB of float64
_BLOCK = 1 << 25  # bytes of a block of distances
_TILE = 512  # images a side: a tile of distances (2 MiB) stays in the cache
_COLUMNS = 2048  # features that are multiplied at once
_NEAR = 1e-8  # squared distances below this part of the squared lengths have lost half their digits


def row_blocks(n_images: int, width: int, values: int = _COPIED) -> Iterator[slice]:
    """Slices over `n_images` rows of `width` values, of at most about `values` each, small enough to be copied."""
    yield from _blocks(0, n_images, max(1, values // max(width, 1)))


def mean_of(features: np.ndarray) -> np.ndarray:
    """Return the mean image, float64 (d), of features (n, d); of constant features exactly the constant."""
    first = features[0].astype(np.float64)
    total = np.zeros_like(first)
    with np.errstate(over="ignore", invalid="ignore"):  # `centred_squares` says which row is too large
        for rows in row_blocks(*features.shape):
            total += (features[rows] - first).sum(axis=0)
        mean: np.ndarray = first + total / len(features)
    return mean


def centred(features: np.ndarray, mean: np.ndarray, rows: slice, columns: slice) -> np.ndarray:
    """Return a block of the features less their mean, float64."""
    block: np.ndarray = features[rows, columns] - mean[columns]  # in one pass, without a float64 copy before
    return block


def centred_squares(features: np.ndarray, mean: np.ndarray, dtype: type = np.float64) -> np.ndarray:
    """Return the squared lengths of the centred rows, float64 (n).

    Raises `ParameterError` where squared distances would overflow `dtype`.
    """
    squares = np.empty(len(features))
    with np.errstate(over="ignore", invalid="ignore"):
        for rows in row_blocks(*features.shape):
            block = centred(features, mean, rows, slice(None))
            squares[rows] = np.einsum("ij,ij->i", block, block)
    too_large = np.flatnonzero(~(squares < np.finfo(dtype).max / 8))
    if len(too_large):
        row = too_large[0]
        peak = np.abs(features[row]).max()
        raise ParameterError(f"features of row {row} are as large as {peak:.3g}: squares overflow; scale down")
    return squares


def distance_blocks(features: np.ndarray, others: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield squared Euclidean distances between features (n, d) and others (m, d), float64, in blocks of rows.

    Each item is the index of the first row and the block (b, m), which the caller may overwrite. Raises
    `ParameterError` for features whose squares overflow.
    """
    mean = mean_of(others)
    squares = centred_squares(features, mean)
    everything = slice(None)
    others = centred(others, mean, everything, everything)
    other_squares = np.einsum("ij,ij->i", others, others)
    step = max(1, _BLOCK // (8 * len(others)))
    for start in range(0, len(features), step):
        rows = slice(start, min(start + step, len(features)))
        block = centred(features, mean, rows, everything) @ others.T
        block *= -2
        block += squares[rows, None]
        block += other_squares
        np.maximum(block, 0, out=block)
        yield start, block


def distances_memory(features: np.ndarray, n_others: int) -> int:
    """Bytes that `distance_blocks` to `n_others` takes, with a few copies of a block that its caller may make."""
    n_images, width = len(features), int(features.shape[1])
    rows = min(n_images, max(1, _BLOCK // (8 * n_others)))
    return 8 * width * (n_others + rows) + 32 * rows * n_others + min(16 * int(features.size), 1 << 25)


def squared_distances(features: np.ndarray) -> np.ndarray:
    """Return the squared Euclidean distances between the rows of features (n, d), float64 (n, n), diagonal 0."""
    n_images = len(features)
    distances = np.empty((n_images, n_images))
    for start, block in distance_blocks(features, features):
        distances[start : start + len(block)] = block
    np.fill_diagonal(distances, 0)
    return distances


def working_memory(features: np.ndarray) -> int:
    """Bytes that computing the distances takes beside them."""
    a_thread = 8 * _TILE * (2 * min(_COLUMNS, int(features.shape[1])) + 6 * _TILE)
    return (os.cpu_count() or 1) * a_thread + (64 << 20)


def condensed_distances(features: np.ndarray, squared: bool = False) -> np.ndarray:
    """Return the distances of features (n, d), `squared` or not, in scipy's condensed form, float64.

    Matrix products cancel where two images are close, so such pairs are computed again from their difference;
    images which are equal are at distance 0. Raises `ParameterError` for features whose squares overflow.
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

    from threadpoolctl import threadpool_limits

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
