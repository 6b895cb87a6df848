"""The nearest images of each, as one view or an embedding sees them."""

import numpy as np

_BLOCK = 16 << 20  # bytes of similarities at once
_STEPS = 1e6  # similarities are told apart to a millionth: sums in another order differ by less


def nearest_rows(vectors: np.ndarray, count: int) -> np.ndarray:
    """Return each row's `count` most similar other rows, int64 (n, count), the most similar first.

    `vectors` is float32 (n, d); similar is a small angle (cosine), as on the maps. Rows of equal similarity come
    in their order. With `count` or fewer rows there are n - 1 columns. The search is exact, in blocks: time grows
    with n squared, memory with n. One thread, so that the same vectors give the same rows.
    """
    from threadpoolctl import threadpool_limits

    n = len(vectors)
    count = min(count, n - 1)
    nearest = np.empty((n, count), dtype=np.int64)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    rows = max(_BLOCK // (8 * n), 1)
    with threadpool_limits(1):
        for first in range(0, n, rows):
            similar = unit[first : first + rows] @ unit.T
            # One whole number for similarity and place: no two are equal, so that any way of sorting agrees.
            keys = np.rint(-similar * _STEPS).astype(np.int64) * n + np.arange(n)
            each = np.arange(len(keys))
            keys[each, first + each] = np.iinfo(np.int64).max
            if count < n - 1:
                keys = np.partition(keys, count, axis=1)
            nearest[first : first + rows] = np.sort(keys, axis=1)[:, :count] % n
    return nearest
