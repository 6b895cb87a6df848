"""Accelerated graph degree linkage: its time and memory, and whether it is as good as the exact one.

No public Python package has it. The other side of "agdl-7k" is exact graph degree linkage as the public code
organises it (a dense table of affinities, a row of it recomputed at every merge), written here in numpy and
scikit-learn. That table does not fit for 70,000 images, and so the other side of "agdl-70k" does the same for
7,000 of them: a hundredth of the work or less.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side

_SMALL = 7_000  # what the dense table of the larger comparison can bear


def turntables(
    n_classes: int, n_views: int, n_features: int, noise: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 rows of length 1 and their classes: each class is a closed curve, as an object on a
    turntable.

    Curves are sums of three harmonics about a centre of their own, in random directions of a space of 16
    dimensions, where they pass near each other; the views are equally far apart, with noise of length `noise` in
    all directions. Rows come in random order.
    """
    rng = np.random.default_rng(seed)
    angles = 2 * np.pi * np.arange(n_views) / n_views
    waves = np.stack([f(h * angles) / h for h in (1, 2, 3) for f in (np.cos, np.sin)], axis=1)
    space = np.linalg.qr(rng.normal(size=(n_features, 16)))[0].T
    features = np.empty((n_classes * n_views, n_features), dtype=np.float32)
    for one in range(n_classes):
        directions = rng.normal(size=(7, 16)) @ space
        rows = 0.7 * directions[0] + waves @ directions[1:]
        rows += noise * rng.normal(size=rows.shape) / np.sqrt(n_features)
        features[one * n_views : (one + 1) * n_views] = rows
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    order = rng.permutation(len(features))
    return features[order], np.repeat(np.arange(n_classes), n_views)[order]


def dense_linkage(features: np.ndarray, n_clusters: int, n_neighbors: int) -> np.ndarray:
    """Exact graph degree linkage with an m x m table for m first clusters; returns int labels (n)."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components
    from sklearn.neighbors import NearestNeighbors

    n = len(features)
    distances, indices = NearestNeighbors(n_neighbors=n_neighbors, algorithm="brute").fit(features).kneighbors()
    squared = distances.astype(float) ** 2
    weights = np.exp(-squared / squared.mean())
    W = csr_array((weights.reshape(-1), indices.reshape(-1), np.arange(0, weights.size + 1, n_neighbors)), (n, n))
    nearest = csr_array((np.ones(n), (np.arange(n), indices[:, 0])), shape=(n, n))
    m, cluster = connected_components(nearest, directed=False)
    members = csr_array((np.ones(n), (cluster, np.arange(n))), shape=(m, n))
    given, taken = (members @ W).toarray(), (members @ W.T.tocsr()).toarray()
    totals = (members @ (given * taken).T).T
    sizes = np.bincount(cluster).astype(float)

    def affinities(rows: np.ndarray) -> np.ndarray:
        table = totals[rows] / sizes[rows, None] ** 2 + totals[:, rows].T / sizes**2
        table[np.arange(len(rows)), rows] = -1
        table[:, sizes == 0] = -1
        return table

    with np.errstate(divide="ignore", invalid="ignore"):
        table = affinities(np.arange(m))
        for _ in range(m - n_clusters):
            i, j = np.unravel_index(table.argmax(), table.shape)
            given[i] += given[j]
            taken[i] += taken[j]
            cluster[cluster == j] = i
            sizes[i], sizes[j] = sizes[i] + sizes[j], 0
            totals[:, i] += totals[:, j]
            totals[i] = np.bincount(cluster, given[i] * taken[i], minlength=m)
            table[j] = table[:, j] = -1
            table[i] = table[:, i] = affinities(np.array([i]))[0]
    return cluster


def _load(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    return np.load(folder / "features.npy"), np.load(folder / "classes.npy")


def _scores(classes: np.ndarray, labels: np.ndarray) -> str:
    from sklearn.metrics import normalized_mutual_info_score

    return f"NMI {normalized_mutual_info_score(classes, labels, average_method='geometric'):.4f}"


def ours(folder: Path) -> Iterator[str | None]:
    """AGDL with 20 neighbours, from features to labels."""
    from stages.clustering.gdl import AcceleratedGraphDegreeLinkage

    features, classes = _load(folder)
    started = time.process_time()
    AcceleratedGraphDegreeLinkage(2).fit(features[:200])
    compiled = time.process_time() - started
    yield None
    labels = AcceleratedGraphDegreeLinkage(classes.max() + 1, n_neighbors=20).fit_predict(features)
    yield f"{_scores(classes, labels)}; compiling or loading the compiled code: {compiled:.1f} CPU s"


def theirs(folder: Path) -> Iterator[str | None]:
    """Exact linkage with a dense table, on no more than 7,200 images, with 20 neighbours."""
    features, classes = _load(folder)
    if len(features) > 7_200:
        features, classes = features[:_SMALL], classes[:_SMALL]
    dense_linkage(features[:200], 2, 20)
    yield None
    labels = dense_linkage(features, classes.max() + 1, 20)
    yield f"{len(features)} images; {_scores(classes, labels)}"


def _sides(n_classes: int, n_views: int, n_features: int, noise: float):  # type: ignore[no-untyped-def]
    def prepare(folder: Path) -> tuple[Side, Side]:
        features, classes = turntables(n_classes, n_views, n_features, noise, seed=0)
        np.save(folder / "features.npy", features)
        np.save(folder / "classes.npy", classes)
        return cpu_side(__name__, "ours", folder), cpu_side(__name__, "theirs", folder)

    return prepare


COMPARISONS = (
    Comparison(
        "agdl-7k",
        "AGDL on 7,200 x 1,280 in 100 classes, neighbours included, against exact linkage with a dense table",
        7_200,
        "CPU s",
        _sides(100, 72, 1_280, 0.6),
    ),
    Comparison(
        "agdl-70k",
        "AGDL on 70,000 x 160 in 10 classes, neighbours included, against the dense table on 7,000 of them",
        70_000,
        "CPU s",
        _sides(10, 7_000, 160, 0.6),
    ),
)
