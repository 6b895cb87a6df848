"""The check of features that all clusterers share."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from stages.core.errors import ParameterError


def check_features(estimator: BaseEstimator, X: Any, least: int = 1) -> np.ndarray:
    """Return `X` as float32 or float64 (n, d), C-contiguous, and set `n_features_in_` of the estimator.

    Raises `ParameterError` for fewer than `least` rows, for what has not two dimensions, and for values that are
    not finite, naming the first of them; `TypeError` for sparse matrices.
    """
    try:
        features: np.ndarray = validate_data(
            estimator,
            X,
            dtype=[np.float64, np.float32],
            order="C",
            ensure_all_finite=False,
            ensure_min_samples=least,
        )
    except ValueError as error:  # of scikit-learn's messages, some have several lines
        raise ParameterError(" ".join(str(error).split())) from None
    for start in range(0, len(features), 4096):  # in blocks: the mask of a wide layer would be as large as a copy
        block = features[start : start + 4096]
        if not np.isfinite(block).all():
            row, column = np.argwhere(~np.isfinite(block))[0]
            value = "NaN" if np.isnan(block[row, column]) else "inf"
            raise ParameterError(
                f"features hold {value} in row {start + row}, column {column}; leave that image out, or mend it"
            )
    return features
