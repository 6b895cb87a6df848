"""Spectral clusterers against scikit-learn's, on the USPS digits and MNIST beside the repository."""

import gzip
from pathlib import Path

import numpy as np

from stages.clustering import normalise
from tests.benchmarks.call import cpu_side
from tests.benchmarks.comparison import Comparison, Side
from tests.benchmarks.processes import ROOT

_SETS = ROOT.parent / "shared" / "datasets"
_SEED = 0


def _normalised(pixels: np.ndarray) -> np.ndarray:
    return normalise(pixels.reshape(len(pixels), -1).astype(np.float32), "l2")


def _usps() -> tuple[np.ndarray, np.ndarray]:
    with np.load(_SETS / "usps.npz") as arrays:
        return _normalised(arrays["images"]), arrays["labels"].reshape(-1)


def _mnist() -> tuple[np.ndarray, np.ndarray]:
    pixels, labels = [], []
    for part in ("train", "t10k"):
        pixels.append(gzip.decompress((_SETS / "mnist" / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:])
        labels.append(gzip.decompress((_SETS / "mnist" / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:])
    images = np.frombuffer(b"".join(pixels), np.uint8).reshape(70_000, 784)
    return _normalised(images), np.frombuffer(b"".join(labels), np.uint8)


def _side(read, clusterer):  # type: ignore[no-untyped-def]
    """Load, and run once on few images so that nothing is imported later; then cluster all; then print the NMI."""
    from sklearn.metrics import normalized_mutual_info_score

    features, classes = read()
    clusterer.fit(features[:600])
    yield
    labels = clusterer.fit_predict(features)
    yield f"NMI {normalized_mutual_info_score(classes, labels, average_method='geometric'):.4f}"


def landmarks_usps(folder: Path):  # type: ignore[no-untyped-def]
    from stages.clustering.spectral_ls import SpectralLandmarks

    return _side(_usps, SpectralLandmarks(10, random_state=_SEED))


def landmarks_mnist(folder: Path):  # type: ignore[no-untyped-def]
    from stages.clustering.spectral_ls import SpectralLandmarks

    return _side(_mnist, SpectralLandmarks(10, random_state=_SEED))


def nearest_neighbours_usps(folder: Path):  # type: ignore[no-untyped-def]
    return _side(_usps, _scikit_learn())


def nearest_neighbours_mnist(folder: Path):  # type: ignore[no-untyped-def]
    return _side(_mnist, _scikit_learn())


def _scikit_learn():  # type: ignore[no-untyped-def]
    """The sparse affinity that scikit-learn offers for many images; the dense one takes n * n."""
    from sklearn.cluster import SpectralClustering

    return SpectralClustering(10, affinity="nearest_neighbors", n_neighbors=10, random_state=_SEED)


def _sides(ours: str, theirs: str):  # type: ignore[no-untyped-def]
    def prepare(folder: Path) -> tuple[Side, Side]:
        return cpu_side(__name__, ours, folder), cpu_side(__name__, theirs, folder)

    return prepare


COMPARISONS = (
    Comparison(
        "spectral-landmarks-usps",
        "CPU s to cluster USPS by landmarks against scikit-learn's spectral clustering of the neighbour graph",
        11_000,
        "CPU s",
        _sides("landmarks_usps", "nearest_neighbours_usps"),
    ),
    Comparison(
        "spectral-landmarks-mnist",
        "CPU s to cluster MNIST by landmarks against scikit-learn's spectral clustering of the neighbour graph",
        70_000,
        "CPU s",
        _sides("landmarks_mnist", "nearest_neighbours_mnist"),
    ),
)
