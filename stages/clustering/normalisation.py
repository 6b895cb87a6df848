"""What is done to features before they are clustered."""

import numpy as np

from stages.core.errors import ParameterError

NORMALISATIONS = ("sqrt", "l2", "none")


def normalise(features: np.ndarray, how: str) -> np.ndarray:
    """Return features float32 (n, d) with rows of length 1 ("l2", "sqrt"), or unchanged ("none").

    "sqrt" takes the signed square root of each feature before: it tames the few strong channels that dominate
    the distances between pooled CNN features (Perronnin, Sanchez and Mensink 2010; for features that are not
    negative it is the map of the Hellinger kernel). A row of zeros stays as it is. Raises `ParameterError` for
    another name.
    """
    if how not in NORMALISATIONS:
        raise ParameterError(f"normalise is {how!r}; give one of {', '.join(NORMALISATIONS)}")
    if how == "none":
        return features
    if how == "sqrt":
        features = np.sign(features) * np.sqrt(np.abs(features))
    # Dividing by the largest value first keeps the squares of huge and of tiny features within float32.
    peaks = np.abs(features).max(axis=1, keepdims=True)
    rows = features / np.where(peaks > 0, peaks, 1)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: np.ndarray = rows / np.where(lengths > 0, lengths, 1)
    return unit
