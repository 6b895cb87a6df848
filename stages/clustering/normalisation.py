"""What is done to features before they are clustered."""

import numpy as np

from stages.errors import ParameterError

NORMALISATIONS = ("l2", "none")


def normalise(features: np.ndarray, how: str) -> np.ndarray:
    """Return features float32 (n, d), each row divided by its Euclidean length ("l2") or unchanged ("none").

    A row of zeros stays as it is. Raises `ParameterError` for another name.
    """
    if how == "none":
        return features
    if how != "l2":
        raise ParameterError(f"normalise is {how!r}; give one of {', '.join(NORMALISATIONS)}")
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.where(lengths > 0, lengths, 1)
