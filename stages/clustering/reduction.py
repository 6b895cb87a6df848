"""Features wider than there are images: as many dimensions as images hold all their distances."""

import numpy as np

from stages.clustering._centred import centred, centred_squares, mean_of
from stages.core.memory import require_memory

_COLUMNS = 4096  # features that are multiplied at once


def isometric(features: np.ndarray) -> np.ndarray:
    """Return features (n, min(n, d)) of the same dtype whose Euclidean distances are those of `features` (n, d).

    It is classical scaling (Torgerson 1952; Gower 1966): n images lie in a space of n - 1 dimensions about their
    mean, and the coordinates there follow from the eigenvectors of their inner products. Clusterers that know only
    Euclidean distances and means (Ward, the linkages, K-means) find the same partitions, in n / d of the time.
    Distances change by rounding only: by about 1e-8 of the largest for float64, 1e-7 for float32.

    `features` is float32 or float64, finite, and returned as it is where d <= n. The products are summed in
    float64 over blocks of columns, so that beside `features` only n^2 values are kept. Raises `ParameterError`
    for features whose squares overflow or whose products would not fit in memory.
    """
    n_images, width = features.shape
    if width <= n_images:
        return features
    require_memory(
        8 * (4 * n_images**2 + 2 * n_images * _COLUMNS) + 16 * width,
        f"reducing {n_images} images of {width} features",
        "reduce fewer images at once",
    )
    mean = mean_of(features)
    products = np.zeros((n_images, n_images))
    for start in range(0, width, _COLUMNS):
        block = centred(features, mean, slice(None), slice(start, start + _COLUMNS))
        with np.errstate(over="ignore", invalid="ignore"):
            products += block @ block.T
    if not np.isfinite(products).all():
        centred_squares(features, mean)  # says which row is too large
    values, vectors = np.linalg.eigh(products)
    vectors *= np.sqrt(np.maximum(values, 0))
    # The widest spread first; eigenvalues come in ascending order.
    return np.ascontiguousarray(vectors[:, ::-1], dtype=features.dtype)
