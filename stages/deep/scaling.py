"""The input of a multi-view network: checked, and brought to one scale."""

from collections.abc import Sequence

import numpy as np

from stages.clustering import normalise
from stages.core.checks import check_choice
from stages.core.errors import ParameterError

SCALINGS = ("sqrt", "l2", "global", "none")

_ROWS = 4096  # scaled at once, so that intermediate results stay small


def check_views(views: Sequence[np.ndarray], names: Sequence[str] | None = None) -> list[np.ndarray]:
    """Return the views as float32 (n, d_j) arrays, or raise `ParameterError` naming the view that is unusable.

    `names` are what the user calls the views, for the messages; without them they are numbered from 0.
    """
    if not len(views):
        raise ParameterError("there is no view; give a list of at least one array (images, features)")
    if isinstance(views, np.ndarray):
        raise ParameterError("views is one array; give a list of arrays, even for one view: fit([features])")
    if names is None:
        names = [f"view {index}" for index in range(len(views))]
    arrays, converted = [np.asarray(view) for view in views], []
    for name, array in zip(names, arrays, strict=True):
        if array.ndim != 2 or 0 in array.shape:
            raise ParameterError(f"{name} has the shape {array.shape}; give images in rows, features in columns")
        if array.dtype.kind not in "fiu":
            raise ParameterError(f"{name} has values of type {array.dtype}; give real numbers")
        if len(array) != len(arrays[0]):
            raise ParameterError(
                f"{name} has {len(array)} rows but {names[0]} has {len(arrays[0])}; give every view of every image"
            )
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is named below
            converted.append(array.astype(np.float32, copy=False))
        bad = np.flatnonzero(~np.isfinite(converted[-1]).all(axis=1))
        if len(bad):
            raise ParameterError(
                f"{name} has NaN or infinite features (as float32) in {len(bad)} of {len(array)} rows, "
                f"first in row {bad[0]}; extract its features anew or leave the view out"
            )
    return converted


def scale(view: np.ndarray, how: str, factor: np.float32 | None = None) -> np.ndarray:
    """Return the view, float32 (n, d), with values of mean square 1, the scale that IDEC's settings presume.

    "sqrt" and "l2" bring every row to mean square 1, as `stages.clustering.normalise` explains; a row of zeros
    stays as it is. "global" multiplies all values by one `factor`, by default that of `global_factor`, which keeps
    what the rows' lengths tell, e.g. the ink of a digit (DEC, section 4.3); "none" leaves them as they are.
    """
    check_choice("scaling", how, SCALINGS)
    if how == "none":
        return view
    if how == "global":
        return view * (global_factor(view) if factor is None else factor)
    scaled = np.empty_like(view)
    for start in range(0, len(view), _ROWS):
        rows = slice(start, start + _ROWS)
        scaled[rows] = normalise(view[rows], how) * np.float32(np.sqrt(view.shape[1]))
    return scaled


def global_factor(view: np.ndarray) -> np.float32:
    """Return the factor that brings the values of a view, float32 (n, d), to mean square 1; 1 if all are 0."""
    squares = sum(
        float(np.square(view[start : start + _ROWS], dtype=np.float64).sum())
        for start in range(0, len(view), _ROWS)
    )
    return np.float32(np.sqrt(view.size / squares) if squares else 1)
