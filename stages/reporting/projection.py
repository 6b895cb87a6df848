"""High-dimensional vectors: points in the plane by t-SNE (van der Maaten and Hinton, 2008), and nearest others."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

PERPLEXITY = 30.0  # neighbours a point is laid out with; the usual value, reduced where there are fewer images
_BLOCK = 16 << 20  # bytes of similarities at once
_STEPS = 1e6  # similarities are distinguished to a millionth: sums in another order differ by less
COMPONENTS = 50  # principal components t-SNE starts from: the paper's value, and ten times faster than 1,280


def sample_rows(count: int, limit: int, seed: int) -> np.ndarray:
    """Choose at most `limit` of `count` rows: int64 indices, ascending, the same ones for the same seed."""
    if count <= limit:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, limit, replace=False))


def project(vectors: np.ndarray, seed: int) -> np.ndarray:
    """Project vectors (n, d) to points (n, 2), float64 without a unit: near points were similar vectors.

    Vectors are L2-normalised first, as the clustering does, so that distance means angle. t-SNE starts from the
    principal components, which keeps the large-scale arrangement and needs no luck. The same vectors and seed
    give the same points: the work is done by one thread, because sums of several depend on who finishes first.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        components = _principal_components(_unit_rows(vectors).astype(np.float64), seed)
        spread = components[:, 0].std()
        # Up to three points are exactly in a plane; equal ones have nothing to lay out.
        if len(components) <= 3 or spread < 1e-9:
            return components[:, :2]
        from sklearn.manifold import TSNE

        tsne = TSNE(
            perplexity=min(PERPLEXITY, (len(components) - 1) / 3),
            init=(components[:, :2] / spread * 1e-4).astype(np.float32),
            random_state=seed,
        )
        points: np.ndarray = tsne.fit_transform(components.astype(np.float32)).astype(np.float64)
        return points


def project_each(views: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Project several views, vectors (n, d) each, as `project` does, as many at once as there are cores."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), ThreadPoolExecutor(min(len(views), os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda vectors: project(vectors, seed), views))


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
    unit = _unit_rows(vectors)
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


def _unit_rows(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: np.ndarray = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit


def _principal_components(vectors: np.ndarray, seed: int) -> np.ndarray:
    """The first principal components (n, at least 2) of vectors (n, d), zero where there are fewer."""
    centred = vectors - vectors.mean(axis=0)
    kept = min(COMPONENTS, *centred.shape)
    if kept < 2:
        return np.pad(centred[:, :1], ((0, 0), (0, 1)))
    from sklearn.decomposition import PCA

    if not centred.any():  # PCA divides by the variance
        return np.zeros((len(centred), 2))
    components: np.ndarray = PCA(kept, random_state=seed).fit_transform(centred)
    return components
