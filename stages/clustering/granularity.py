"""How fine the partitions are that a consensus is made of."""

import hashlib
from collections.abc import Sequence

import numpy as np

LEAST_IMAGES = 5  # of a fine cluster, on average: smaller ones tell chance from likeness no more


def finer(n_clusters: int, factor: int, n_images: int) -> int:
    """Return `factor` times `n_clusters`, less where clusters would fall below `LEAST_IMAGES` on average.

    It is never less than `n_clusters`.
    """
    return max(n_clusters, min(n_clusters * factor, n_images // LEAST_IMAGES))


def different_images(views: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the first of the images that differ in at least one of the views (n, d_j), and which each one equals.

    The former is int64 (u), ascending, the latter int64 (n), the place of each image's equal among them.
    """
    places: dict[bytes, int] = {}
    first: list[int] = []
    equal: list[int] = []
    for number, rows in enumerate(zip(*views, strict=True)):
        digest = hashlib.sha256(b"".join(row.tobytes() for row in rows)).digest()
        place = places.setdefault(digest, len(places))
        if place == len(first):
            first.append(number)
        equal.append(place)
    return np.array(first, dtype=np.int64), np.array(equal, dtype=np.int64)


def count_different(views: Sequence[np.ndarray]) -> int:
    """Return how many images differ from one another in at least one of the views (n, d_j)."""
    return len(different_images(views)[0])
