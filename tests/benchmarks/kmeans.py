"""K-means against scikit-learn's, and what the isometric reduction gains where features are wide."""

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side
from tests.benchmarks.processes import ROOT

MNIST = ROOT.parent / "shared" / "datasets" / "mnist"
N_IMAGES, WIDTH, N_CLUSTERS = 70_000, 2048, 100
N_PROJECTED, PROJECTED_WIDTH = 7_200, 1280
N_WIDE, WIDE, N_WIDE_CLUSTERS = 500, 100_000, 20


def digit_features(width: int) -> np.ndarray:
    """The 70,000 digits of MNIST as they come out of a random rectified layer: no neat groups, as with a CNN."""
    files = [MNIST / f"{name}-images-idx3-ubyte.gz" for name in ("train", "t10k")]
    parts = [gzip.decompress(file.read_bytes())[16:] for file in files]
    pixels = np.frombuffer(b"".join(parts), dtype=np.uint8).reshape(N_IMAGES, -1).astype(np.float32) / 255
    weights = np.random.default_rng(0).normal(size=(pixels.shape[1], width)).astype(np.float32)
    return np.maximum(pixels @ weights / 28, 0)


def _prepare(folder: Path) -> tuple[Side, Side]:
    np.save(folder / "features.npy", digit_features(WIDTH))
    return cpu_side(__name__, "ours", folder), cpu_side(__name__, "theirs", folder)


def ours(folder: Path) -> Iterator[str]:
    """`KMeans` with one start."""
    from stages.clustering.kmeans import KMeans

    features = np.load(folder / "features.npy")
    KMeans(5, n_init=1, random_state=0).fit(features[:100])
    yield ""
    clustering = KMeans(N_CLUSTERS, n_init=1, random_state=0).fit(features)
    yield f"inertia {clustering.inertia_:.6g} after {clustering.n_iter_} iterations"


def theirs(folder: Path) -> Iterator[str]:
    """scikit-learn's `KMeans` with one start."""
    from sklearn.cluster import KMeans

    features = np.load(folder / "features.npy")
    KMeans(5, n_init=1, random_state=0).fit(features[:100])
    yield ""
    clustering = KMeans(N_CLUSTERS, n_init=1, algorithm="lloyd", random_state=0).fit(features)
    yield f"inertia {clustering.inertia_:.6g} after {clustering.n_iter_} iterations"


def _prepare_wide(folder: Path) -> tuple[Side, Side]:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(N_WIDE_CLUSTERS, WIDE)).astype(np.float32)
    noise = rng.normal(size=(N_WIDE, WIDE)).astype(np.float32)
    np.save(folder / "wide.npy", centres[rng.integers(0, N_WIDE_CLUSTERS, N_WIDE)] + 2 * noise)
    return cpu_side(__name__, "reduced", folder), cpu_side(__name__, "wide", folder)


def reduced(folder: Path) -> Iterator[str]:
    """`isometric`, then K-means and Ward."""
    yield from _cluster(folder, reduce=True)


def wide(folder: Path) -> Iterator[str]:
    """K-means and Ward on the features as they are."""
    yield from _cluster(folder, reduce=False)


def _cluster(folder: Path, reduce: bool) -> Iterator[str]:
    from sklearn.metrics import adjusted_rand_score

    from stages.clustering import isometric
    from stages.clustering.agglomerative import Agglomerative
    from stages.clustering.kmeans import KMeans

    features = np.load(folder / "wide.npy")
    Agglomerative(2).fit(features[:10, :10])  # compiles the kernel
    KMeans(2, n_init=1, random_state=0).fit(features[:10, :10])
    yield ""
    started = time.process_time()
    points = isometric(features) if reduce else features
    reducing = time.process_time() - started
    kmeans = KMeans(N_WIDE_CLUSTERS, random_state=0).fit(points)
    ward = Agglomerative(N_WIDE_CLUSTERS).fit(points)
    found = np.stack([kmeans.labels_, ward.labels_])
    notes = f"inertia {kmeans.inertia_:.6g}"
    if reduce:
        np.save(folder / "labels.npy", found)
        notes += f"; reducing took {reducing:.2f} CPU s"
    elif (folder / "labels.npy").exists():
        pairs = zip(("K-means", "Ward"), found, np.load(folder / "labels.npy"), strict=True)
        scores = [f"{name} {adjusted_rand_score(a, b):.3f}" for name, a, b in pairs]
        notes += f"; agreement (ARI) with the reduced: {', '.join(scores)}"
    yield notes


def _prepare_projected(folder: Path) -> tuple[Side, Side]:
    np.save(folder / "features.npy", digit_features(PROJECTED_WIDTH)[:: N_IMAGES // N_PROJECTED][:N_PROJECTED])
    return cpu_side(__name__, "projected", folder), cpu_side(__name__, "unprojected", folder)


def projected(folder: Path) -> Iterator[str]:
    """Turned to the principal axes, then the K-means of the baseline."""
    yield from _baseline_kmeans(folder, turned=True)


def unprojected(folder: Path) -> Iterator[str]:
    """The same with all starts on all features."""
    yield from _baseline_kmeans(folder, turned=False)


def _baseline_kmeans(folder: Path, turned: bool) -> Iterator[str]:
    from stages.clustering import kmeans, normalise, principal_axes

    if not turned:
        kmeans._PROJECTED = N_IMAGES
    features = normalise(np.load(folder / "features.npy"), "sqrt")
    kmeans.KMeans(5, n_init=1, random_state=0).fit(features[:100])
    yield ""
    points = principal_axes(features) if turned else features
    runs = [kmeans.KMeans(N_CLUSTERS, random_state=seed).fit(points) for seed in range(2)]
    fine = [kmeans.KMeans(4 * N_CLUSTERS, n_init=1, random_state=seed).fit(points) for seed in range(4)]
    inertia = [f"{np.mean([run.inertia_ for run in some]):.6g}" for some in (runs, fine)]
    yield f"inertia {inertia[0]} with {N_CLUSTERS} clusters, {inertia[1]} with {4 * N_CLUSTERS}"


COMPARISONS = (
    Comparison(
        "kmeans",
        f"CPU seconds of K-means with one start on {N_IMAGES:,} x {WIDTH:,}, {N_CLUSTERS} clusters, "
        "against scikit-learn's",
        N_IMAGES,
        "CPU s",
        _prepare,
    ),
    Comparison(
        "kmeans-projected",
        f"CPU seconds of K-means on {N_PROJECTED:,} x {PROJECTED_WIDTH:,}, two runs of {N_CLUSTERS} clusters with "
        f"ten starts, four of {4 * N_CLUSTERS} with one: starts on leading axes, against on all features",
        N_PROJECTED,
        "CPU s",
        _prepare_projected,
    ),
    Comparison(
        "isometric",
        f"CPU seconds of K-means and Ward on {N_WIDE:,} x {WIDE:,}: reduced first, against as they are",
        N_WIDE,
        "CPU s",
        _prepare_wide,
    ),
)
