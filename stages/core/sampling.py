"""Which images to look at where all of them would be too many."""

import numpy as np


def evenly_spaced(count: int, most: int) -> np.ndarray:
    """Return at most `most` of the rows 0 to `count` - 1, int64, ascending: the same ones every time."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
