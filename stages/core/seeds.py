"""Draws that are the same every time: seeds by name, from the one `seed` of params.yaml, and rows of many."""

import hashlib

import numpy as np


def derived_seed(seed: int, *names: object) -> int:
    """Return a seed in [0, 2**31) for what `names` name, e.g. ("kmeans", "L3", 3).

    Adding a run elsewhere changes no other run's seed, as a shared counter or generator would.
    """
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def evenly_spaced(count: int, most: int) -> np.ndarray:
    """Return at most `most` of the rows 0 to `count` - 1, int64, ascending."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64))
