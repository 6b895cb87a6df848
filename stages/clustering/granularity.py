"""How fine the partitions are that a consensus is made of."""

import hashlib
from collections.abc import Sequence

import numpy as np

LEAST_IMAGES = 5  # of a fine cluster, on average: smaller ones tell chance from likeness no more


def finer(n_clusters: int, multiple: int, n_images: int) -> int:
    """Return `multiple` times `n_clusters`, less where clusters would fall below `LEAST_IMAGES` on average.

    It is never less than `n_clusters`.
    """
    return max(n_clusters, min(n_clusters * multiple, n_images // LEAST_IMAGES))


def count_different(views: Sequence[np.ndarray]) -> int:
    """Return how many images differ from one another in at least one of the views (n, d_j)."""
    digests = {
        hashlib.sha256(b"".join(row.tobytes() for row in rows)).digest() for rows in zip(*views, strict=True)
    }
    return len(digests)
