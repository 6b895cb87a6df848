"""Checks that all consensus functions share: partitions that can be combined, weights that make sense."""

from typing import Any

import numpy as np

from stages.core.errors import ParameterError

MISSING = -1  # the label of an image that a view could not read
_LARGEST = np.iinfo(np.int32).max


def check_partitions(X: Any) -> np.ndarray:
    """Return the partitions `X` as int32 (n, m), C-contiguous: one row an image, one column a partition.

    Labels are whole numbers from 0, as integers or floats; they need not follow one another, and -1 says that the
    view could not read the image. Raises `ParameterError` for another shape, for any other value, naming the
    first of them, and for images or partitions without a single label.
    """
    try:
        values = np.asarray(X)
    except ValueError:  # rows of different lengths
        raise ParameterError("partitions have rows of different lengths; give (images, partitions)") from None
    if values.ndim != 2 or 0 in values.shape:
        raise ParameterError(f"partitions have the shape {values.shape}; give (images, partitions)")
    if values.dtype.kind not in "iuf":
        raise ParameterError(f"partitions have the type {values.dtype}; give whole numbers")
    if values.dtype.kind == "f":
        _refuse(values, values != np.trunc(values), "give whole numbers, and -1 for an image without a label")
    if values.dtype.kind != "u":
        _refuse(values, values < MISSING, "number clusters from 0, and give -1 only for an image without a label")
    _refuse(values, values > _LARGEST, f"number clusters from 0 to {_LARGEST}")
    partitions = np.ascontiguousarray(values, dtype=np.int32)
    empty = (partitions == MISSING).all(axis=0)
    if empty.any():
        raise ParameterError(f"partition {np.argmax(empty)} has no label for any image; leave that partition out")
    _refuse_unlabelled(partitions, "any partition")
    return partitions


def check_weights(weights: Any, n_partitions: int) -> np.ndarray:
    """Return `weights` as float64 (m), one for each partition; None gives each the weight 1.

    Raises `ParameterError` for another number of them, for what is negative or not finite, and for zeros only.
    """
    if weights is None:
        return np.ones(n_partitions)
    try:
        values = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"weights are {weights!r}; give {n_partitions} numbers of at least 0") from None
    if values.shape != (n_partitions,):
        raise ParameterError(
            f"weights have the shape {values.shape}; give ({n_partitions},), a number for each partition"
        )
    wrong = ~((values >= 0) & np.isfinite(values))
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ParameterError(f"weights hold {values[first]} for partition {first}; give numbers of at least 0")
    if not values.any():
        raise ParameterError("weights are all 0; give one partition at least a greater one")
    return values


def check_ensemble(X: Any, weights: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the partitions of `X` whose weight is not 0, int32 (n, m'), and their weights, float64 (m').

    Raises what `check_partitions` and `check_weights` raise, and `ParameterError` where only partitions without
    weight could read an image.
    """
    partitions = check_partitions(X)
    values = check_weights(weights, partitions.shape[1])
    if values.all():
        return partitions, values
    used = values > 0
    partitions = np.ascontiguousarray(partitions[:, used])
    _refuse_unlabelled(partitions, "any partition with a weight above 0")
    return partitions, values[used]


def _refuse(values: np.ndarray, wrong: np.ndarray, way_out: str) -> None:
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ParameterError(f"partitions hold {values[row, column]} in row {row}, column {column}; {way_out}")


def _refuse_unlabelled(partitions: np.ndarray, where: str) -> None:
    unlabelled = (partitions == MISSING).all(axis=1)
    if unlabelled.any():
        raise ParameterError(f"image {np.argmax(unlabelled)} has no label in {where}; leave that image out")
