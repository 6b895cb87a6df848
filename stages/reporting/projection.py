"""High-dimensional vectors drawn in the plane, by t-SNE (van der Maaten and Hinton, 2008)."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

PERPLEXITY = 30.0  # neighbours a point is laid out with; the usual value, reduced where there are fewer images
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

    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    with threadpool_limits(1):
        components = _principal_components(unit.astype(np.float64), seed)
        spread = components[:, 0].std()
        # Up to three points lie exactly in a plane; equal ones have nothing to lay out.
        if len(components) <= 3 or spread < 1e-9:
            return components[:, :2]
        from sklearn.manifold import TSNE

        tsne = TSNE(
            perplexity=min(PERPLEXITY, (len(components) - 1) / 3),
            init=(components[:, :2] / spread * 1e-4).astype(np.float32),
            random_state=seed,
        )
        return tsne.fit_transform(components.astype(np.float32)).astype(np.float64)


def project_each(views: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Project several views, vectors (n, d) each, as `project` does, as many at once as there are cores."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), ThreadPoolExecutor(min(len(views), os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda vectors: project(vectors, seed), views))


def _principal_components(vectors: np.ndarray, seed: int) -> np.ndarray:
    """The first principal components (n, at least 2) of vectors (n, d), zero where there are fewer."""
    centred = vectors - vectors.mean(axis=0)
    kept = min(COMPONENTS, *centred.shape)
    if kept < 2:
        return np.pad(centred[:, :1], ((0, 0), (0, 1)))
    from sklearn.decomposition import PCA

    if not centred.any():  # PCA divides by the variance
        return np.zeros((len(centred), 2))
    return PCA(kept, random_state=seed).fit_transform(centred)
