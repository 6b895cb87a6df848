"""Features about their mean, block by block: what distances are computed from without a copy of the whole."""

from collections.abc import Iterator

import numpy as np

from stages.core.errors import ParameterError

_BLOCK = 1 << 21  # values of a block: 16 MiB of float64


def row_blocks(n_images: int, width: int, values: int = _BLOCK) -> Iterator[slice]:
    """Slices over `n_images` rows of `width` values, of at most about `values` each, small enough to be copied."""
    step = max(1, values // max(width, 1))
    for start in range(0, n_images, step):
        yield slice(start, min(start + step, n_images))


def mean_of(features: np.ndarray) -> np.ndarray:
    """Return the mean image, float64 (d), of features (n, d); of constant features exactly the constant."""
    first = features[0].astype(np.float64)
    total = np.zeros_like(first)
    with np.errstate(over="ignore", invalid="ignore"):  # `centred_squares` says which row is too large
        for rows in row_blocks(*features.shape):
            total += (features[rows] - first).sum(axis=0)
        return first + total / len(features)


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
